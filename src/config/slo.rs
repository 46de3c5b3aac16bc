//! `[slo]`: objectives such as `"ttft.p99" = "2s"`; `ttft.p99 = "2s"` without quotes, which TOML nests, means the same.

use super::diagnostic::Diagnostic;
use super::document::{Entry, Node, Table, Value};
use super::fields::{Fields, Reading, Resolved};
use super::quantity;
use crate::metrics::Slo;

/// Reads `[slo]`; of two limits for the same statistic, the one from the later text rules.
pub fn read(fields: &Fields<'_>) -> Result<Vec<Slo>, Diagnostic> {
    let reading = fields.reading();
    let mut objectives: Vec<(usize, Slo)> = Vec::new();
    for (name, entry) in flatten(fields.entries()) {
        let slo = read_one(reading, &name, entry)?;
        let text = entry.node.place.text;
        let same = objectives
            .iter_mut()
            .find(|(_, other)| (other.metric, other.statistic) == (slo.metric, slo.statistic));
        match same {
            Some(older) if older.0 < text => *older = (text, slo),
            Some(older) if older.0 == text => {
                let message = format!("`slo.{name}` has a limit already");
                return Err(reading.error(entry.place, message).help("keep one of the two"));
            }
            Some(_) => {}
            None => objectives.push((text, slo)),
        }
    }
    Ok(objectives.into_iter().map(|(_, slo)| slo).collect())
}

/// Names such as `ttft.p99` with the entry that holds the limit.
fn flatten(table: &Table) -> Vec<(String, &Entry)> {
    let mut found = Vec::new();
    for entry in table {
        match &entry.node.value {
            Value::Table(inner) => {
                for below in inner {
                    found.push((format!("{}.{}", entry.key, below.key), below));
                }
            }
            _ => found.push((entry.key.clone(), entry)),
        }
    }
    found
}

fn read_one(reading: &Reading, name: &str, entry: &Entry) -> Result<Slo, Diagnostic> {
    // Any valid limit serves to find out whether the name is one.
    let mut slo = Slo::parse(name, "1s").map_err(|error| {
        reading
            .error(entry.place, error.to_string())
            .help("write a latency, a dot and a statistic with their limit: \"ttft.p99\" = \"2s\"")
    })?;
    slo.limit = read_limit(&entry.node).map_err(|problem| {
        reading
            .error(entry.node.place, format!("`slo.{name}`: {problem}"))
            .help(quantity::DURATION_HELP)
    })?;
    reading.note(Resolved {
        key: format!("slo.{}.{}", slo.metric.name(), slo.statistic.name()),
        value: slo.limit.to_string(),
        origin: reading.texts.line_of(entry.node.place),
        is_default: false,
    });
    Ok(slo)
}

fn read_limit(node: &Node) -> Result<crate::units::Span, String> {
    match &node.value {
        Value::Text(text) => quantity::duration(text),
        Value::Integer(Some(number)) => Err(quantity::without_unit(number)),
        Value::Float(number) => Err(quantity::without_unit(number)),
        other => Err(format!("{} is not a limit", other.describe())),
    }
}
