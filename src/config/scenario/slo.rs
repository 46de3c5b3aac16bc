//! `[slo]`: objectives such as `"ttft.p99" = "2s"` (`ttft.p99 = "2s"` without quotes, which TOML nests, means the same)
//! and `"success" = "99.9%"`.

use std::fmt;

use crate::config::reader::diagnostic::{Diagnostic, Snippet};
use crate::config::reader::document::{Entry, Value};
use crate::config::reader::fields::Fields;
use crate::config::reader::quantity;
use crate::config::reader::reading::Resolved;
use crate::settings::{Kind, Setting};
use crate::units::Span;

/// The table `[slo]`: bounds on statistics of latencies, and on how much is served.
pub(super) const SLO: Setting = Setting::new(
    "slo",
    Kind::Map {
        dotted: &Kind::Duration,
        plain: &BOUND,
    },
    "Objectives: limits on statistics of latencies, such as \"ttft.p99\" = \"2s\"; the least share of requests that is \
     served, \"success\" = \"99.9%\", or the most that is not, \"errors\" = \"1%\"; and the least throughput, such as \
     \"output_tokens_per_s\" = \"1000\". Without one on success or errors, 1 % of the requests may fail, be refused or \
     be given up",
);
const BOUND: Kind = Kind::Either(&[
    Kind::Percentage,
    Kind::Number {
        min: 0.0,
        max: MOST_PER_S,
    },
]);

/// No server has a higher throughput [1/s].
const MOST_PER_S: f64 = 1e15;

/// How to write a bound that is no duration.
const BOUND_HELP: &str =
    "write \"success\" = \"99.9%\", \"errors\" = \"1%\", \"output_tokens_per_s\" = \"1000\" or \"ttft.p99\" = \"2s\"";

/// A bound on a latency or on what is served. Which of them exist is for those to say who measure them.
#[derive(Clone, Debug, PartialEq)]
pub struct Objective {
    /// A latency, a dot and a statistic, such as `ttft.p99`; or what is served, such as `success`.
    pub name: String,
    /// The most or the least it may be.
    pub bound: Bound,
    /// Where the name was written.
    pub snippet: Snippet,
}

/// A bound as it was written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// A length of time.
    Time(Span),
    /// A part of one, from a percentage.
    Share(f64),
    /// A number without a unit.
    Number(f64),
}

/// Reads `[slo]`, in the order they were written.
pub fn read(fields: &Fields<'_>) -> Result<Vec<Objective>, Diagnostic> {
    let mut entries = flatten(fields.entries());
    entries.sort_by_key(|(_, entry)| (entry.place.text, entry.place.start));
    entries
        .into_iter()
        .map(|(name, entry)| {
            let bound = read_bound(&name, &entry.node.value).map_err(|problem| {
                let error = fields
                    .reading()
                    .error(entry.node.place, format!("`slo.{name}`: {problem}"));
                let error = if is_latency(&name) {
                    error
                } else {
                    error.help(BOUND_HELP)
                };
                error.help(quantity::DURATION_HELP)
            })?;
            let texts = &fields.reading().texts;
            fields.reading().note(Resolved {
                key: format!("slo.{name}"),
                value: bound.to_string(),
                content: None,
                origin: texts.line_of(entry.node.place),
                is_default: false,
            });
            Ok(Objective {
                snippet: texts.snippet(entry.place),
                name,
                bound,
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

/// Whether it is the name of a statistic of a latency, which is a length of time.
fn is_latency(name: &str) -> bool {
    name.contains('.')
}

fn read_bound(name: &str, value: &Value) -> Result<Bound, String> {
    match value {
        Value::Text(text) if is_latency(name) => quantity::duration(text).map(Bound::Time),
        Value::Text(text) => read_text(text),
        Value::Integer(Some(number)) if is_latency(name) => Err(quantity::without_unit(number)),
        Value::Float(number) if is_latency(name) => Err(quantity::float_without_unit(*number)),
        Value::Integer(Some(number)) => in_range(*number as f64),
        Value::Float(number) => in_range(*number),
        other => Err(format!("{} is not a limit", other.describe())),
    }
}

/// A bound of what is no latency, unless it is a length of time all the same: whoever knows the names says better what
/// is wrong.
fn read_text(text: &str) -> Result<Bound, String> {
    let text = text.trim();
    if text.ends_with('%') {
        return quantity::percentage(text).map(|it| Bound::Share(it.share));
    }
    match (text.parse::<f64>(), quantity::duration(text)) {
        (Ok(number), _) => in_range(number),
        (_, Ok(span)) => Ok(Bound::Time(span)),
        _ => Err(format!("{text:?} is neither a number nor a percentage")),
    }
}

fn in_range(number: f64) -> Result<Bound, String> {
    if (0.0..=MOST_PER_S).contains(&number) {
        Ok(Bound::Number(number))
    } else {
        Err(format!("{number:e} is not a number from 0 to {MOST_PER_S:e}"))
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(span) => span.fmt(formatter),
            Self::Share(share) => write!(formatter, "{}%", 100.0 * share),
            Self::Number(number) => number.fmt(formatter),
        }
    }
}
