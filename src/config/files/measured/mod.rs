//! What was measured on a real server: read from the result of a benchmark, to be held against predictions.
//!
//! Two formats, told apart by their content: the JSON of `vllm bench serve`, and rows of requests in CSV as
//! `--requests-out` writes them.

mod bench_json;
mod benchmark_load;
mod metric;
mod requests_csv;
mod result;
mod tally;

use std::path::Path;

use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::read_once::Files;
use result::FORMATS_HELP;

pub use benchmark_load::BenchmarkLoad;
pub use metric::{METRICS, canonical, is_latency};
pub use result::{Measured, MeasuredRequest, Values};

/// A larger file is no result of a benchmark.
const LARGEST_FILE_BYTES: u64 = 1 << 30;

impl Measured {
    /// Reads a file of either format.
    pub fn read(path: &Path) -> Result<Self, Diagnostic> {
        Self::read_among(&Files::default(), path)
    }

    /// Reads such a file, one of those that were or will be read.
    pub fn read_among(files: &Files, path: &Path) -> Result<Self, Diagnostic> {
        let (name, content) = text_of(files, path)?;
        Self::parse(&name, &content)
    }

    /// Reads a file that may hold several results.
    pub fn read_all(path: &Path) -> Result<Vec<Self>, Diagnostic> {
        let (name, content) = text_of(&Files::default(), path)?;
        Self::parse_all(&name, &content)
    }

    /// Reads the content of a file that may hold several results.
    pub fn parse_all(name: &str, content: &str) -> Result<Vec<Self>, Diagnostic> {
        let content = content.strip_prefix('\u{feff}').unwrap_or(content);
        match content.trim_start().chars().next() {
            Some('{' | '[') => bench_json::read_all(name, content),
            _ => Ok(vec![Self::parse(name, content)?]),
        }
    }

    /// Reads the content of a file that messages call `name`.
    pub fn parse(name: &str, content: &str) -> Result<Self, Diagnostic> {
        let content = content.strip_prefix('\u{feff}').unwrap_or(content);
        match content.trim_start().chars().next() {
            None => Err(Diagnostic::new(format!("{name} is empty")).help(FORMATS_HELP)),
            Some('{' | '[') => bench_json::read(name, content),
            Some(_) => requests_csv::read(name, content),
        }
    }
}

/// What messages call a file, and its content.
fn text_of(files: &Files, path: &Path) -> Result<(String, String), Diagnostic> {
    let name = path.display().to_string();
    let content = files.text(path, LARGEST_FILE_BYTES);
    let content =
        content.map_err(|error| Diagnostic::new(format!("cannot read {name}: {error}")).help(FORMATS_HELP))?;
    Ok((name, content))
}
