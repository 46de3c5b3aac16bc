//! `workload.trace`: recorded requests.

use super::diagnostic::Diagnostic;
use super::fields::Fields;
use super::key::Choice;
use crate::units::Span;
use crate::workload::trace::{FORMATS, FormatName, Replay};

/// More rows than any trace has.
const MOST_ROWS: u64 = 1_000_000_000_000;

const NO_JITTER: Choice<bool> = Choice {
    name: "none",
    value: false,
};

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
    let replay = Replay {
        format: format.and_then(|format| FormatName::parse(format.value).ok()),
        speedup: fields
            .key("speedup")?
            .number(1e-6..=1e6)?
            .or(1.0, "as recorded"),
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
        jitter_ties: fields
            .key("jitter_ties")?
            .choice(&[("none", false), ("uniform", true)])?
            .or(NO_JITTER, "as recorded")
            .value,
        max_tokens,
        timeout,
        ..Replay::new(path)
    };
    fields.finish()?;
    Ok(replay)
}
