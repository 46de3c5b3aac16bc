//! How long users think between an answer and what they ask next: in sessions, and in closed loops.

use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::document::Value;
use crate::config::reader::fields::Fields;
use crate::settings::{Kind, Setting, Variant};
use crate::workload::Think;

/// The key `think`, wherever users wait for answers.
pub(super) const THINK: Setting = Setting::new(
    "think",
    Kind::Either(&[
        Kind::Duration,
        Kind::Tagged {
            tag: &DIST,
            variants: VARIANTS,
            common: &[],
        },
    ]),
    "How long a user waits after an answer before the next request",
)
.default("\"0s\"", "no pause");
const DIST: Setting = Setting::new("dist", Kind::Text, "The distribution of the pause")
    .required("write think = { dist = \"exponential\", mean = \"10s\" }, or think = \"10s\"");
const VARIANTS: &[Variant] = &[
    Variant {
        name: "fixed",
        help: "Always as long",
        settings: &[&VALUE],
    },
    Variant {
        name: "exponential",
        help: "An exponential distribution",
        settings: &[&MEAN],
    },
];
const VALUE: Setting = Setting::new("value", Kind::Duration, "How long the pause is").required("write value = \"10s\"");
const MEAN: Setting =
    Setting::new("mean", Kind::Duration, "How long the pause is in the mean").required("write mean = \"10s\"");

#[derive(Clone, Copy)]
enum Form {
    Fixed,
    Exponential,
}

/// Reads `think = "10s"` or `think = { dist = "exponential", mean = "10s" }`.
pub fn read(fields: &Fields<'_>) -> Result<Think, Diagnostic> {
    let key = fields.find(&THINK)?;
    if !matches!(key.node.map(|node| &node.value), Some(Value::Table(_))) {
        return Ok(Think::Fixed(key.duration()?.or_default()));
    }
    let fields = key.table()?.expect("the key has a value");
    let form = fields
        .find(&DIST)?
        .variant(VARIANTS, [Form::Fixed, Form::Exponential])?;
    let think = match form {
        Form::Fixed => Think::Fixed(fields.find(&VALUE)?.duration()?.needed()?),
        Form::Exponential => Think::Exponential {
            mean: fields.find(&MEAN)?.duration()?.needed()?,
        },
    };
    fields.finish()?;
    Ok(think)
}
