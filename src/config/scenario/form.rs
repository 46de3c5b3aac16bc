//! Tables that take several forms, told apart by the names of their parts: the same one may be declared at several
//! keys.

use crate::settings::{Setting, Variant};

/// A table that takes several forms, by the names of its parts.
#[derive(Clone, Copy)]
pub struct TableForms {
    /// The key that says which form it is.
    pub tag: &'static Setting,
    /// The forms it can take, each with its name and keys.
    pub variants: &'static [Variant],
    /// Keys that all forms have.
    pub common: &'static [&'static Setting],
}

impl TableForms {
    /// Whether both are the same table.
    pub fn is(self, other: Self) -> bool {
        let common = |form: Self| form.common.iter().map(|setting| setting.name);
        self.has_forms_of(other) && common(self).eq(common(other))
    }

    /// Whether both have the same forms, besides keys that all forms have.
    pub fn has_forms_of(self, other: Self) -> bool {
        let forms = |form: Self| form.variants.iter().map(|variant| variant.name);
        self.tag.name == other.tag.name && forms(self).eq(forms(other))
    }
}
