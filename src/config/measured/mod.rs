//! What was measured on a real server: read from the result of a benchmark, to be held against predictions.
//!
//! Two formats, told apart by their content: the JSON of `vllm bench serve`, and rows of requests in CSV as
//! `--requests-out` writes them.

mod bench_json;
mod metric;
mod requests_csv;
mod tally;

use std::collections::BTreeMap;
use std::path::Path;

use super::diagnostic::{Diagnostic, Snippet};
use super::read_once::Files;
use crate::units::{Span, Time};

pub use metric::{METRICS, canonical, is_latency};

/// A larger file is no result of a benchmark.
const LARGEST_FILE_BYTES: u64 = 1 << 30;

/// Numbers by their name, one of [`METRICS`]: latencies [s], rates [1/s], counts.
pub type Values = BTreeMap<&'static str, f64>;

/// What was measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// The numbers, in the definitions of our own results. A quantile worked out from requests is there only if ten of
    /// them lie beyond it.
    pub values: Values,
    /// The requests that finished, in the order of the file, if the file has them one by one.
    pub requests: Option<Vec<MeasuredRequest>>,
    /// Requests that did not finish: they failed, were given up or refused. No latency includes them.
    pub unfinished: u64,
}

/// How one request was served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeasuredRequest {
    /// When it was sent, after the first request; `None` if nobody wrote it down.
    pub arrival: Option<Time>,
    /// From there to its first token.
    pub ttft: Span,
    /// From there to its last token.
    pub e2e: Span,
    /// The length of its prompt.
    pub input_tokens: u32,
    /// The length of its answer.
    pub output_tokens: u32,
}

impl MeasuredRequest {
    /// The mean time a token after the first; `None` of a single token.
    pub fn tpot(&self) -> Option<Span> {
        let gaps = u64::from(self.output_tokens).checked_sub(1)?;
        let picos = self.e2e.picos().saturating_sub(self.ttft.picos());
        (gaps > 0).then(|| Span::from_picos((picos + gaps / 2) / gaps))
    }
}

impl Measured {
    /// Reads a file of either format.
    pub fn read(path: &Path) -> Result<Self, Diagnostic> {
        Self::read_among(&Files::default(), path)
    }

    /// Reads such a file, one of those that were or will be read.
    pub fn read_among(files: &Files, path: &Path) -> Result<Self, Diagnostic> {
        let name = path.display().to_string();
        let content = files
            .text(path, LARGEST_FILE_BYTES)
            .map_err(|error| Diagnostic::new(format!("cannot read {name}: {error}")).help(FORMATS_HELP))?;
        Self::parse(&name, &content)
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

const FORMATS_HELP: &str = "name the JSON of `vllm bench serve --save-result --save-detailed`, or a CSV of requests as \
                            `tailcast run --requests-out` writes it";

/// A message about a stretch of bytes in a file.
fn error_at(name: &str, content: &str, place: std::ops::Range<usize>, message: String) -> Diagnostic {
    Diagnostic::new(message).at(Snippet::cut(name, content, place))
}
