//! `workload.priority`: how urgent requests are.

use std::ops::RangeInclusive;

use super::diagnostic::Diagnostic;
use super::document::Value;
use super::fields::Fields;
use crate::workload::{Priorities, PriorityLevel};

/// What a trace can hold too.
const RANGE: RangeInclusive<i32> = -i32::MAX..=i32::MAX;

const LEVELS_HELP: &str = "for several, write priority = [{ value = 0, share = 0.2 }, { value = 1, share = 0.8 }]";

/// Reads `priority = 3`, or `priority = [{ value = 0, share = 0.2 }, { value = 1, share = 0.8 }]`.
pub fn read(fields: &Fields<'_>) -> Result<Option<Priorities>, Diagnostic> {
    let key = fields.key("priority")?;
    if !matches!(key.node.map(|node| &node.value), Some(Value::Array(_))) {
        let one = key.signed(RANGE).map_err(|error| error.help(LEVELS_HELP))?;
        return Ok(one.optional().map(Priorities::fixed));
    }
    let mut levels = Vec::new();
    for item in key.list()?.expect("the key has a value") {
        let level = item.table()?.expect("an entry of a list has a value");
        levels.push(PriorityLevel {
            value: level
                .key("value")?
                .signed(RANGE)?
                .required("write value = 0; lower numbers go first")?,
            share: level
                .key("share")?
                .number(0.0..=1e9)?
                .required("write share = 0.2, its part of the requests")?,
        });
        level.finish()?;
    }
    Ok(Some(Priorities { levels }))
}
