//! `workload.trace`: recorded requests.

use std::path::PathBuf;

use super::arrivals::MOST_RATE_PER_S;
use super::diagnostic::Diagnostic;
use super::fields::{Fields, Resolved};
use super::key::Choice;
use crate::units::Span;
use crate::workload::trace::{
    FORMATS, FormatName, LENGTH_SCALES, MOST_CONCURRENCY, Replay, SPEEDUPS,
};

/// More rows than any trace has.
const MOST_ROWS: u64 = 1_000_000_000_000;

const NO_JITTER: Choice<bool> = Choice {
    name: "none",
    value: false,
};

/// Keys that say when rows are sent, and what to do about two of them.
const CLOCKS: [(&str, &str, &str); 4] = [
    ("concurrency", "speedup", NO_ARRIVALS),
    ("concurrency", "rate", NO_ARRIVALS),
    ("concurrency", "jitter_ties", NO_ARRIVALS),
    (
        "rate",
        "speedup",
        "keep one of the two: rate = 8.0 is a mean rate in requests per second, speedup = 2.0 a factor on the recorded one",
    ),
];
const NO_ARRIVALS: &str = "keep one of the two: with concurrency, rows are sent as earlier ones end, and recorded arrivals do not matter";

/// Reads `trace = { path = ..., ... }`; `max_tokens` and `timeout` stand beside it in `[workload]`.
pub fn read(
    fields: &Fields<'_>,
    max_tokens: Option<u32>,
    timeout: Option<Span>,
) -> Result<Replay, Diagnostic> {
    let path = read_path(fields)?;
    let formats: Vec<(&'static str, &'static str)> = FORMATS
        .iter()
        .map(|format| (format.name(), format.name()))
        .collect();
    let format = fields.key("format")?.choice(&formats)?.optional();
    let length_scale = |name| -> Result<f64, Diagnostic> {
        let scale = fields.key(name)?.number(LENGTH_SCALES)?;
        Ok(scale.or(1.0, "as recorded"))
    };
    let mut replay = Replay {
        format: format.and_then(|format| FormatName::parse(format.value).ok()),
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
        input_scale: length_scale("input_scale")?,
        output_scale: length_scale("output_scale")?,
        timeout,
        ..Replay::new(path)
    };
    let rate = read_clock(fields, &mut replay)?;
    fields.finish()?;
    match rate {
        Some(rate) => at_rate(fields, replay, rate),
        None => Ok(replay),
    }
}

fn read_path(fields: &Fields<'_>) -> Result<PathBuf, Diagnostic> {
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
    Ok(path)
}

/// Reads what says when rows are sent: one thing only can. A rate, if that is what was asked for, needs the trace.
fn read_clock(fields: &Fields<'_>, replay: &mut Replay) -> Result<Option<f64>, Diagnostic> {
    for (name, other, help) in CLOCKS {
        if fields.has(name) && fields.has(other) {
            let path = fields.path();
            let message = format!("`{path}.{name}` and `{path}.{other}` exclude each other");
            return Err(fields.error(other, message).help(help));
        }
    }
    let concurrency = fields.key("concurrency")?.count(1..=MOST_CONCURRENCY)?;
    replay.concurrency = concurrency.optional();
    let rate = fields.key("rate")?.positive(MOST_RATE_PER_S)?.optional();
    let speedup = fields.key("speedup")?.number(SPEEDUPS)?;
    let jitter_ties = fields
        .key("jitter_ties")?
        .choice(&[("none", false), ("uniform", true)])?;
    if replay.concurrency.is_none() {
        replay.jitter_ties = jitter_ties.or(NO_JITTER, "as recorded").value;
        if rate.is_none() {
            replay.speedup = speedup.or(1.0, "as recorded");
        }
    }
    Ok(rate)
}

/// Finds the speedup that makes the rate, and notes it.
fn at_rate(fields: &Fields<'_>, replay: Replay, rate: f64) -> Result<Replay, Diagnostic> {
    let replay = replay.at_rate(rate).map_err(|error| {
        let help =
            "a rate needs the trace's own, so all of it is read first; speedup = 2.0 does not";
        fields.error("rate", error.to_string()).help(help)
    })?;
    fields.reading().note(Resolved {
        key: format!("{}.speedup", fields.path()),
        value: replay.speedup.to_string(),
        content: None,
        origin: format!(
            "to the rate, from {:.4} requests/s as recorded",
            rate / replay.speedup
        ),
        is_default: true,
    });
    Ok(replay)
}
