//! `workload.trace`: recorded requests.

use std::path::PathBuf;

use super::diagnostic::Diagnostic;
use super::fields::Fields;
use crate::units::Span;
use crate::workload::trace::{FormatName, FORMATS};

/// A recorded workload.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceChoice {
    /// The file.
    pub path: PathBuf,
    /// Its format; `None` to recognise it.
    pub format: Option<FormatName>,
    /// How many times faster than recorded.
    pub speedup: f64,
    /// Where in the trace to start.
    pub start: Span,
    /// The most rows to replay.
    pub limit: Option<u64>,
}

/// Reads `trace = { path = ..., ... }`.
pub fn read(fields: Fields<'_>) -> Result<TraceChoice, Diagnostic> {
    let Some(path) = fields.key("path")?.path()?.unnoted() else {
        return Err(fields
            .error("path", format!("`{}.path` is missing", fields.path()))
            .help("write path = \"trace.csv\""));
    };
    let choices: Vec<(&'static str, &'static str)> =
        FORMATS.iter().map(|format| (format.name(), format.name())).collect();
    let format = fields.key("format")?.choice(&choices)?.optional();
    let choice = TraceChoice {
        path,
        format: format.map(|format| FormatName::parse(format.value).expect("it is in the list")),
        speedup: fields.key("speedup")?.positive(1e6)?.or(1.0, "as recorded"),
        start: fields.key("start")?.duration()?.or(Span::ZERO, "from the first row"),
        limit: fields.key("limit")?.integer(1..=1_000_000_000_000)?.optional(),
    };
    fields.finish()?;
    Ok(choice)
}
