//! `[slo]`: objectives such as `"ttft.p99" = "2s"`; `ttft.p99 = "2s"` without quotes, which TOML nests, means the same.

use crate::config::reader::diagnostic::{Diagnostic, Snippet};
use crate::config::reader::document::{Entry, Value};
use crate::config::reader::fields::Fields;
use crate::config::reader::quantity;
use crate::config::reader::reading::Resolved;
use crate::settings::{Kind, Setting};
use crate::units::Span;

/// The table `[slo]`: limits on statistics of latencies.
pub(super) const SLO: Setting = Setting::new(
    "slo",
    Kind::Map(&Kind::Either(&[Kind::Duration, Kind::Map(&Kind::Duration)])),
    "Objectives: limits on statistics of latencies, such as \"ttft.p99\" = \"2s\"",
);

/// A limit on a latency. Which latencies and statistics exist is for those to say who measure them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objective {
    /// A latency, a dot and a statistic, such as `ttft.p99`.
    pub name: String,
    /// The most it may be.
    pub limit: Span,
    /// Where the name was written.
    pub snippet: Snippet,
}

/// Reads `[slo]`, in the order they were written.
pub fn read(fields: &Fields<'_>) -> Result<Vec<Objective>, Diagnostic> {
    let mut entries = flatten(fields.entries());
    entries.sort_by_key(|(_, entry)| (entry.place.text, entry.place.start));
    entries
        .into_iter()
        .map(|(name, entry)| {
            let limit = read_limit(&entry.node.value).map_err(|problem| {
                fields
                    .reading()
                    .error(entry.node.place, format!("`slo.{name}`: {problem}"))
                    .help(quantity::DURATION_HELP)
            })?;
            let texts = &fields.reading().texts;
            fields.reading().note(Resolved {
                key: format!("slo.{name}"),
                value: limit.to_string(),
                content: None,
                origin: texts.line_of(entry.node.place),
                is_default: false,
            });
            Ok(Objective {
                snippet: texts.snippet(entry.place),
                name,
                limit,
            })
        })
        .collect()
}

/// Names such as `ttft.p99` with the entry that holds the limit.
fn flatten(table: &[Entry]) -> Vec<(String, &Entry)> {
    let mut found = Vec::new();
    for entry in table {
        match &entry.node.value {
            Value::Table(inner) if !inner.is_empty() => {
                for below in inner {
                    found.push((format!("{}.{}", entry.key, below.key), below));
                }
            }
            _ => found.push((entry.key.clone(), entry)),
        }
    }
    found
}

fn read_limit(value: &Value) -> Result<Span, String> {
    match value {
        Value::Text(text) => quantity::duration(text),
        Value::Integer(Some(number)) => Err(quantity::without_unit(number)),
        Value::Float(number) => Err(quantity::float_without_unit(*number)),
        other => Err(format!("{} is not a limit", other.describe())),
    }
}
