//! A table of measured step times: CSV with the columns `batch`, `context` and `step_time_ms` or `step_us`.

use std::collections::HashSet;
use std::path::Path;

use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::text_file;

/// More rows than anybody measures.
const LARGEST_FILE_BYTES: u64 = 64 << 20;
/// A longer step is a slip of the pen [s].
const LONGEST_STEP_S: f64 = 3_600.0;

/// The time of a step in which every request decodes one token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeasuredStep {
    /// Requests in the step.
    pub batch: u32,
    /// Their mean context [tokens].
    pub context: f64,
    /// How long the step took [s].
    pub seconds: f64,
}

/// Names of the column with the times, and their units [s].
const TIMES: [(&str, f64); 4] = [
    ("step_time_ms", 1e-3),
    ("step_time_us", 1e-6),
    ("step_us", 1e-6),
    ("step_ms", 1e-3),
];

/// Whether a file that starts with this line is meant as such a table, even if a column is missing.
pub fn is_step_table(first_line: &str) -> bool {
    let unquoted = |cell: &str| cell.trim().trim_matches('"').to_owned();
    let columns: Vec<String> = first_line.split(',').map(unquoted).collect();
    let has = |name: &str| columns.iter().any(|column| column == name);
    has("batch") && has("context")
}

/// The first column that a header has already named. Of two alike nobody knows which one is meant.
pub(in crate::config) fn named_twice(header: &csv::StringRecord) -> Option<&str> {
    let mut before = HashSet::new();
    let mut named = header.iter().filter(|name| !name.is_empty());
    named.find(|name| !before.insert(*name))
}

/// Reads the table at `path`.
pub fn read_step_table(path: &Path) -> Result<Vec<MeasuredStep>, Diagnostic> {
    let name = path.display().to_string();
    let text = text_file::read_text(path, LARGEST_FILE_BYTES)
        .map_err(|error| Diagnostic::new(format!("cannot read {name}: {error}")))?;
    parse_step_table(&name, &text)
}

/// Reads a table that messages call `name`.
pub fn parse_step_table(name: &str, text: &str) -> Result<Vec<MeasuredStep>, Diagnostic> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let unreadable = |error: &csv::Error| {
        let line = error.position().map_or(1, csv::Position::line);
        let message = match error.kind() {
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                format!("the row has {len} cells, and the first line names {expected_len} columns")
            }
            _ => format!("this is not CSV: {error}"),
        };
        Diagnostic::new(format!("{name}:{line}: {message}"))
    };
    let header = reader.headers().map_err(|error| unreadable(&error))?.clone();
    let column = |wanted: &str| header.iter().position(|found| found == wanted);
    let time = TIMES
        .iter()
        .find_map(|&(column_name, unit)| column(column_name).map(|at| (at, column_name, unit)));
    let (Some(batch), Some(context), Some(time)) = (column("batch"), column("context"), time) else {
        let message = format!("{name}:1: the columns batch, context and step_time_ms (or step_us) are needed");
        return Err(Diagnostic::new(message).help("write batch,context,step_time_ms"));
    };
    if let Some(twice) = named_twice(&header) {
        let message = format!("{name}:1: the first line names the column `{twice}` twice");
        return Err(Diagnostic::new(message).help("drop one of the two"));
    }
    let mut steps = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| unreadable(&error))?;
        let line = record.position().map_or(1, csv::Position::line);
        let number = |at: usize, field: &str, range: std::ops::RangeInclusive<f64>| {
            let written = record.get(at).unwrap_or("");
            let parsed = written.parse::<f64>().ok();
            parsed.filter(|number| range.contains(number)).ok_or_else(|| {
                Diagnostic::new(format!(
                    "{name}:{line}: `{field}` must be a number from {} to {}, not {written:?}",
                    range.start(),
                    range.end()
                ))
            })
        };
        let (at, field, unit) = time;
        let requests = number(batch, "batch", 1.0..=1e6)?;
        if requests.fract() != 0.0 {
            return Err(Diagnostic::new(format!(
                "{name}:{line}: `batch` must be a whole number, not {requests}"
            )));
        }
        steps.push(MeasuredStep {
            batch: requests as u32,
            context: number(context, "context", 1.0..=1e9)?,
            seconds: number(at, field, 1e-9 / unit..=LONGEST_STEP_S / unit)? * unit,
        });
    }
    Ok(steps)
}
