//! Reads a key as its setting is declared: kind, range and default stand in the declaration only.

use std::fmt::Display;

use super::byte_size::{ByteSize, byte_size};
use super::diagnostic::Diagnostic;
use super::key::{Choice, Found, Key};
use super::quantity::{self, Percentage};
use crate::settings::{Default, Kind, Variant, Word};
use crate::units::Span;

impl<'a> Key<'a> {
    /// The whole number of a key declared as [`Kind::Count`].
    pub fn declared_count(self) -> Result<Found<'a, u32>, Diagnostic> {
        match self.kind() {
            Kind::Count { min, max } => self.count(min..=max),
            kind => unreachable!("it is declared as {kind:?}"),
        }
    }

    /// The whole number of a key declared as [`Kind::Integer`].
    pub fn declared_integer(self) -> Result<Found<'a, u64>, Diagnostic> {
        match self.kind() {
            Kind::Integer { min, max } => self.integer(min..=max),
            kind => unreachable!("it is declared as {kind:?}"),
        }
    }

    /// The whole number, perhaps negative, of a key declared as [`Kind::Signed`].
    pub fn declared_signed(self) -> Result<Found<'a, i32>, Diagnostic> {
        match self.kind() {
            Kind::Signed { min, max } => self.signed(min..=max),
            kind => unreachable!("it is declared as {kind:?}"),
        }
    }

    /// A [`Kind::Number`] or a [`Kind::Positive`].
    pub fn declared_number(self) -> Result<Found<'a, f64>, Diagnostic> {
        match self.kind() {
            Kind::Number { min, max } => self.number(min..=max),
            Kind::Positive { max } => self.positive(max),
            kind => unreachable!("it is declared as {kind:?}"),
        }
    }

    /// A word of a [`Kind::Choice`]; `meanings` has what each stands for, in the order of the declaration.
    pub fn declared_choice<T: Copy, const N: usize>(
        self,
        meanings: [T; N],
    ) -> Result<Found<'a, Choice<T>>, Diagnostic> {
        let words = words(self.kind());
        assert_eq!(words.len(), N, "every word means something");
        let choices: Vec<(&'static str, T)> = words.iter().map(|word| word.name).zip(meanings).collect();
        self.choice(&choices)
    }

    /// What the tag of a [`Kind::Tagged`] stands for, which has to be written; `meanings` has what each of its variants
    /// stands for, in their order.
    pub fn variant<T: Copy, const N: usize>(
        self,
        variants: &'static [Variant],
        meanings: [T; N],
    ) -> Result<T, Diagnostic> {
        assert_eq!(variants.len(), N, "every variant means something");
        let names = variants.iter().map(|variant| variant.name);
        let choices: Vec<(&'static str, T)> = names.zip(meanings).collect();
        Ok(self.choice(&choices)?.needed()?.value)
    }

    /// The words of a [`Kind::Choice`].
    pub fn names(&self) -> Vec<&'static str> {
        words(self.kind()).iter().map(|word| word.name).collect()
    }

    /// What may be written, or the first of several kinds of it: what else may be written is no plain value.
    fn kind(&self) -> Kind {
        match self.declared.expect("it was found by its declaration").kind {
            Kind::Either([first, ..]) => *first,
            kind => kind,
        }
    }
}

fn words(kind: Kind) -> &'static [Word] {
    match kind {
        Kind::Choice(words) => words,
        kind => unreachable!("it is declared as {kind:?}"),
    }
}

/// A value that a declaration can write down.
pub trait Declarable: Display + Sized {
    /// The value that is written, as in TOML.
    fn of(written: &str) -> Option<Self>;
}

macro_rules! declarable {
    ($($number:ty),*) => {
        $(impl Declarable for $number {
            fn of(written: &str) -> Option<Self> {
                written.parse().ok()
            }
        })*
    };
}

declarable!(u32, u64, f64, bool);

impl Declarable for Span {
    fn of(written: &str) -> Option<Self> {
        quantity::duration(written.trim_matches('"')).ok()
    }
}

impl Declarable for ByteSize {
    fn of(written: &str) -> Option<Self> {
        byte_size(written.trim_matches('"')).ok()
    }
}

impl Declarable for Percentage {
    fn of(written: &str) -> Option<Self> {
        quantity::percentage(written.trim_matches('"')).ok()
    }
}

impl<T: Declarable> Found<'_, T> {
    /// The value, or the default that is declared.
    pub fn or_default(self) -> T {
        let Default::Is(written, why) = self.setting().default else {
            unreachable!("`{}` is declared without a default", self.setting().name);
        };
        let default = T::of(written).expect("a declared default is a value of its setting");
        self.or(default, why)
    }
}

impl<T> Found<'_, Choice<T>> {
    /// What was chosen, or the default that is declared; `meanings` has what each word stands for, in the order of the
    /// declaration.
    pub fn or_default<const N: usize>(self, meanings: [T; N]) -> T {
        let (written, why) = self.setting().declared_default();
        let words = words(self.setting().kind);
        let mut choices = words.iter().zip(meanings);
        let is_it = |(word, _): &(&Word, T)| written.trim_matches('"') == word.name;
        let (word, value) = choices
            .find(is_it)
            .expect("a declared default is a word of its setting");
        let usual = Choice { name: word.name, value };
        self.or(usual, why).value
    }
}

impl<T: Display> Found<'_, T> {
    /// The value, which must have been written.
    pub fn needed(self) -> Result<T, Diagnostic> {
        match self.setting().default {
            Default::Required(help) => self.required(help),
            default => unreachable!("it is declared with {default:?}"),
        }
    }
}
