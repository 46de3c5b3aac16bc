//! `workload.trace`: recorded requests.

use super::diagnostic::Diagnostic;
use super::fields::Fields;
use super::key::Choice;
use crate::units::Span;
use crate::workload::trace::{FORMATS, FormatName, MOST_CONCURRENCY, Replay};

/// More rows than any trace has.
const MOST_ROWS: u64 = 1_000_000_000_000;

const NO_JITTER: Choice<bool> = Choice {
    name: "none",
    value: false,
};

/// Keys that say when rows are sent, and what to do about two of them.
const CLOCKS: [(&str, &str, &str); 2] = [
    ("concurrency", "speedup", NO_ARRIVALS),
    ("concurrency", "jitter_ties", NO_ARRIVALS),
];
const NO_ARRIVALS: &str = "keep one of the two: with concurrency, rows are sent as earlier ones end, and recorded arrivals do not matter";

/// Reads `trace = { path = ..., ... }`; `max_tokens` and `timeout` stand beside it in `[workload]`.
pub fn read(
    fields: &Fields<'_>,
    max_tokens: Option<u32>,
    timeout: Option<Span>,
) -> Result<Replay, Diagnostic> {
    let Some(path) = fields.key("path")?.path()?.unnoted() else {
        return Err(fields
            .error("path", format!("`{}.path` is missing", fields.path()))
            .help("write path = \"trace.csv\""));
    };
    // A run reads a trace more than once: the first time for the hash that names the scenario.
    if std::fs::metadata(&path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        let message = format!("{} is not a regular file", path.display());
        return Err(fields
            .error("path", message)
            .help("write what it yields to a file first, and name that file"));
    }
    let formats: Vec<(&'static str, &'static str)> = FORMATS
        .iter()
        .map(|format| (format.name(), format.name()))
        .collect();
    let format = fields.key("format")?.choice(&formats)?.optional();
    refuse_two_clocks(fields)?;
    let concurrency = fields
        .key("concurrency")?
        .count(1..=MOST_CONCURRENCY)?
        .optional();
    let speedup = fields.key("speedup")?.number(1e-6..=1e6)?;
    let jitter_ties = fields
        .key("jitter_ties")?
        .choice(&[("none", false), ("uniform", true)])?;
    let mut replay = Replay {
        format: format.and_then(|format| FormatName::parse(format.value).ok()),
        concurrency,
        start: fields
            .key("start")?
            .duration()?
            .or(Span::ZERO, "from the first row"),
        limit: fields.key("limit")?.integer(1..=MOST_ROWS)?.optional(),
        sort: fields
            .key("sort")?
            .boolean()?
            .or(false, "in the order of the file"),
        skip_bad_rows: fields
            .key("skip_bad_rows")?
            .boolean()?
            .or(false, "they end the run"),
        max_tokens,
        timeout,
        ..Replay::new(path)
    };
    if concurrency.is_none() {
        replay.speedup = speedup.or(1.0, "as recorded");
        replay.jitter_ties = jitter_ties.or(NO_JITTER, "as recorded").value;
    }
    fields.finish()?;
    Ok(replay)
}

/// Only one thing can say when rows are sent.
fn refuse_two_clocks(fields: &Fields<'_>) -> Result<(), Diagnostic> {
    for (name, other, help) in CLOCKS {
        if fields.has(name) && fields.has(other) {
            let path = fields.path();
            let message = format!("`{path}.{name}` and `{path}.{other}` exclude each other");
            return Err(fields.error(other, message).help(help));
        }
    }
    Ok(())
}
