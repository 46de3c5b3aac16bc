//! `workload.priority`: how urgent requests are.

use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::document::Value;
use crate::config::reader::fields::Fields;
use crate::settings::{Kind, Setting};
use crate::workload::{Priorities, PriorityLevel};

/// The key `workload.priority`: how urgent requests are.
pub(super) const PRIORITY: Setting = Setting::new(
    "priority",
    Kind::Either(&[LEVEL, Kind::List(&Kind::Table(&[&VALUE, &SHARE]))]),
    "How urgent requests are, all of them or by shares; lower numbers go first under scheduling = \"priority\"",
)
.depends("all requests are equally urgent");
/// What a trace can hold too.
pub(super) const LEVEL: Kind = Kind::Signed {
    min: -i32::MAX,
    max: i32::MAX,
};
const VALUE: Setting = Setting::new("value", LEVEL, "The priority; lower numbers go first")
    .required("write value = 0; lower numbers go first");
const SHARE: Setting = Setting::new(
    "share",
    Kind::Number { min: 0.0, max: 1e9 },
    "Its part of the requests, in proportion to the other parts",
)
.required("write share = 0.2, its part of the requests");

const LEVELS_HELP: &str = "for several, write priority = [{ value = 0, share = 0.2 }, { value = 1, share = 0.8 }]";

/// Reads `priority = 3`, or `priority = [{ value = 0, share = 0.2 }, { value = 1, share = 0.8 }]`.
pub fn read(fields: &Fields<'_>) -> Result<Option<Priorities>, Diagnostic> {
    let key = fields.find(&PRIORITY)?;
    if !matches!(key.node.map(|node| &node.value), Some(Value::Array(_))) {
        let one = key.declared_signed().map_err(|error| error.help(LEVELS_HELP))?;
        return Ok(one.optional().map(Priorities::fixed));
    }
    let mut levels = Vec::new();
    for item in key.list()?.expect("the key has a value") {
        let level = item.table()?.expect("an entry of a list has a value");
        levels.push(PriorityLevel {
            value: level.find(&VALUE)?.declared_signed()?.needed()?,
            share: level.find(&SHARE)?.declared_number()?.needed()?,
        });
        level.finish()?;
    }
    Ok(Some(Priorities { levels }))
}
