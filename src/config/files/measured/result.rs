//! What was measured, as both formats have it.

use std::collections::BTreeMap;
use std::ops::Range;

use super::benchmark_load::BenchmarkLoad;
use crate::config::reader::diagnostic::{Diagnostic, Snippet};
use crate::units::{Span, Time};

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
    /// What was sent, if the file is of a format that says it.
    pub load: Option<BenchmarkLoad>,
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

/// What to write where a file is none of both formats.
pub(super) const FORMATS_HELP: &str = "name the JSON of `vllm bench serve --save-result --save-detailed`, or a CSV of \
                                       requests as `tailcast run --requests-out` writes it";

/// A message about a stretch of bytes in a file.
pub(super) fn error_at(name: &str, content: &str, place: Range<usize>, message: String) -> Diagnostic {
    Diagnostic::new(message).at(Snippet::cut(name, content, place))
}
