//! `workload.trace`: recorded requests.

use std::path::PathBuf;

use super::arrivals::MOST_RATE_PER_S;
use super::diagnostic::Diagnostic;
use super::fields::{Fields, Resolved};
use super::key::Choice;
use crate::units::Span;
use crate::workload::trace::{FORMATS, FormatName, LENGTH_SCALES, MOST_CONCURRENCY, Replay, SPEEDUPS};

/// More rows than any trace has.
const MOST_ROWS: u64 = 1_000_000_000_000;

const NO_JITTER: Choice<bool> = Choice {
    name: "none",
    value: false,
};

/// Keys that say when rows are sent.
const CLOCKS: [&str; 3] = ["concurrency", "rate", "speedup"];
const ONE_CLOCK: &str = "keep one of the two: speedup = 2.0 is a factor on the recorded rate, rate = 8.0 a mean rate \
                         in requests per second; with concurrency = 64 rows are sent as earlier ones end";

/// Reads `trace = { path = ..., ... }`; `max_tokens` and `timeout` stand beside it in `[workload]`.
pub fn read(fields: &Fields<'_>, max_tokens: Option<u32>, timeout: Option<Span>) -> Result<Replay, Diagnostic> {
    let path = read_path(fields)?;
    let formats: Vec<(&'static str, &'static str)> =
        FORMATS.iter().map(|format| (format.name(), format.name())).collect();
    let format = fields.key("format")?.choice(&formats)?.optional();
    let length_scale = |name| -> Result<f64, Diagnostic> {
        let scale = fields.key(name)?.number(LENGTH_SCALES)?;
        Ok(scale.or(1.0, "as recorded"))
    };
    let mut replay = Replay {
        format: format.and_then(|format| FormatName::parse(format.value).ok()),
        start: fields.key("start")?.duration()?.or(Span::ZERO, "from the first row"),
        limit: fields.key("limit")?.integer(1..=MOST_ROWS)?.optional(),
        sort: fields.key("sort")?.boolean()?.or(false, "in the order of the file"),
        // A file that cannot be opened is reported by whoever replays it.
        file: fields.reading().files.trace(&path).ok(),
        skip_bad_rows: fields.key("skip_bad_rows")?.boolean()?.or(false, "they end the run"),
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

/// Reads what says when rows are sent: one thing only can, and of several the one from the latest text does, as of
/// several spellings of a key. A rate, if that is what was asked for, needs the trace.
fn read_clock(fields: &Fields<'_>, replay: &mut Replay) -> Result<Option<f64>, Diagnostic> {
    let concurrency = fields.key("concurrency")?.count(1..=MOST_CONCURRENCY)?;
    let rate = fields.key("rate")?.positive(MOST_RATE_PER_S)?;
    let speedup = fields.key("speedup")?.number(SPEEDUPS)?;
    let jitter_ties = fields
        .key("jitter_ties")?
        .choice(&[("none", false), ("uniform", true)])?;
    let places = [concurrency.place(), rate.place(), speedup.place()];
    let texts = places.map(|place| place.map(|place| place.text));
    let latest = texts.into_iter().max().flatten();
    let rules = texts.map(|text| text.is_some() && text == latest);
    let names: Vec<&str> = CLOCKS
        .into_iter()
        .zip(rules)
        .filter_map(|(name, rules)| rules.then_some(name))
        .collect();
    if let [one, other, ..] = names[..] {
        return Err(excluded(fields, one, other));
    }
    if rules[0] {
        if jitter_ties.place().is_some_and(|place| Some(place.text) == latest) {
            return Err(excluded(fields, "concurrency", "jitter_ties"));
        }
        replay.concurrency = concurrency.optional();
        return Ok(None);
    }
    replay.jitter_ties = jitter_ties.or(NO_JITTER, "as recorded").value;
    if rules[1] {
        return Ok(rate.optional());
    }
    replay.speedup = speedup.or(1.0, "as recorded");
    Ok(None)
}

fn excluded(fields: &Fields<'_>, one: &str, other: &str) -> Diagnostic {
    let path = fields.path();
    let message = format!("`{path}.{one}` and `{path}.{other}` exclude each other");
    fields.error(other, message).help(ONE_CLOCK)
}

/// Finds the speedup that makes the rate, and notes it.
fn at_rate(fields: &Fields<'_>, replay: Replay, rate: f64) -> Result<Replay, Diagnostic> {
    let replay = replay.at_rate(rate).map_err(|error| {
        let help = "a rate needs the trace's own, so all of it is read first; speedup = 2.0 does not";
        fields.error("rate", error.to_string()).help(help)
    })?;
    fields.reading().note(Resolved {
        key: format!("{}.speedup", fields.path()),
        value: replay.speedup.to_string(),
        content: None,
        origin: format!("to the rate, from {:.4} requests/s as recorded", rate / replay.speedup),
        is_default: true,
    });
    Ok(replay)
}
