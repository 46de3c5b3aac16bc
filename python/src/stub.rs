//! What keyword arguments may change, for the stub of the package.

use pyo3::prelude::*;
use tailcast::config::settings;
use tailcast::settings::{Default, Kind};

/// Every key of a scenario: its dotted name, the Python type of what it takes, what it is, what its numbers count, and
/// what it is if it is left out.
#[pyfunction]
pub fn changes() -> Vec<(String, String, String, String, String)> {
    let keys = settings().into_iter().map(|(key, setting)| {
        let default = match setting.default {
            Default::Required(help) => format!("Required: {help}"),
            Default::Nothing => String::new(),
            Default::Is(value, why) => format!("If left out {value}: {why}"),
            Default::Depends(on) => format!("If left out: {on}"),
        };
        (
            key,
            python_type(setting.kind),
            setting.help.to_owned(),
            setting.unit.to_owned(),
            default,
        )
    });
    keys.collect()
}

/// What a Python program writes for a kind.
fn python_type(kind: Kind) -> String {
    match kind {
        Kind::Count { .. } | Kind::Integer { .. } | Kind::Signed { .. } => "int".to_owned(),
        Kind::Number { .. } | Kind::Positive { .. } => "float".to_owned(),
        Kind::Boolean => "bool".to_owned(),
        Kind::Text | Kind::Bandwidth | Kind::Bytes | Kind::Percentage => "str".to_owned(),
        Kind::Path => "str | PathLike[str]".to_owned(),
        Kind::Duration => "str | timedelta".to_owned(),
        Kind::Choice(words) => {
            let words: Vec<String> = words.iter().map(|word| format!("{:?}", word.name)).collect();
            format!("Literal[{}]", words.join(", "))
        }
        Kind::Table(_) | Kind::Tagged { .. } | Kind::LaidOver(_) | Kind::Map { .. } => "Mapping[str, Any]".to_owned(),
        Kind::List(kind) => format!("Sequence[{}]", python_type(*kind)),
        Kind::Either(kinds) => {
            let mut types: Vec<String> = Vec::new();
            for kind in kinds.iter().map(|kind| python_type(*kind)) {
                if !types.contains(&kind) {
                    types.push(kind);
                }
            }
            types.join(" | ")
        }
    }
}
