//! A table of measured step times: CSV with the columns `batch`, `context` and `step_time_ms` or `step_us`.

use std::path::Path;

use super::csv_table::{CsvRow, HeadedCsv};
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

/// Reads the table at `path`.
pub fn read_step_table(path: &Path) -> Result<Vec<MeasuredStep>, Diagnostic> {
    let name = path.display().to_string();
    let text = text_file::read_text(path, LARGEST_FILE_BYTES)
        .map_err(|error| Diagnostic::new(format!("cannot read {name}: {error}")))?;
    parse_step_table(&name, &text)
}

/// Reads a table that messages call `name`.
pub fn parse_step_table(name: &str, text: &str) -> Result<Vec<MeasuredStep>, Diagnostic> {
    let table = HeadedCsv::of(name, text)?;
    let time = TIMES
        .iter()
        .find_map(|&(column, unit)| table.column(column).map(|at| (at, column, unit)));
    let (Some(batch), Some(context), Some(time)) = (table.column("batch"), table.column("context"), time) else {
        let message = "the columns batch, context and step_time_ms (or step_us) are needed";
        return Err(table
            .error_in_header(message.to_owned())
            .help("write batch,context,step_time_ms"));
    };
    let (at, field, unit) = time;
    let step = |row: CsvRow<'_>| {
        let requests = row.number(batch, "batch", 1.0..=1e6)?;
        if requests.fract() != 0.0 {
            return Err(row.error(batch, format!("`batch` must be a whole number, not {requests}")));
        }
        Ok(MeasuredStep {
            batch: requests as u32,
            context: row.number(context, "context", 1.0..=1e9)?,
            seconds: row.number(at, field, 1e-9 / unit..=LONGEST_STEP_S / unit)? * unit,
        })
    };
    table.map(|row| step(row?)).collect()
}
