//! What was measured, as all formats have it.

use std::collections::BTreeMap;
use std::ops::Range;

use super::benchmark_load::{BenchmarkLoad, MeasuredLength};
use super::counters::ServerCounters;
use super::metric::is_latency;
use crate::config::reader::diagnostic::{Diagnostic, Snippet};
use crate::units::{Span, Time};

/// Numbers by their name, one of [`METRICS`]: latencies [s], rates [1/s], counts.
pub type Values = BTreeMap<&'static str, f64>;

/// What was measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// Who has measured it: the name of the file's format; empty of numbers that stand in no file.
    pub tool: &'static str,
    /// The numbers, in the definitions of our own results. A quantile worked out from requests is there only if ten of
    /// them lie beyond it.
    pub values: Values,
    /// Of numbers that the file only has between two bounds, these bounds: the value lies somewhere between them.
    pub bounds: BTreeMap<&'static str, (f64, f64)>,
    /// The requests that finished, in the order of the file, if the file has them one by one.
    pub requests: Option<Vec<MeasuredRequest>>,
    /// Requests that did not finish: they failed, were given up or refused. No latency includes them.
    pub unfinished: u64,
    /// What was sent, if the file is of a format that says it.
    pub load: Option<BenchmarkLoad>,
    /// What a reader must know of how the file was taken.
    pub notes: Vec<String>,
    /// The counters of a server, if that is what the file holds.
    pub counters: Option<ServerCounters>,
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
    /// What was sent; where the file has requests one by one and says no rate, at the mean rate of these.
    pub fn sent(&self) -> Option<BenchmarkLoad> {
        let requests = self.requests.as_deref().unwrap_or_default();
        let load = self.load.clone();
        if load.as_ref().is_some_and(|load| load.rate_per_s.is_some()) || requests.is_empty() {
            return load;
        }
        let load = load.unwrap_or_default();
        let each = |of: fn(&MeasuredRequest) -> u32| MeasuredLength::of_each(requests.iter().map(of));
        let arrivals: Option<Vec<Time>> = requests.iter().map(|it| it.arrival).collect();
        let last = arrivals.and_then(|all| all.into_iter().max()).map(Time::seconds);
        let gaps = requests.len() as f64 - 1.0;
        Some(BenchmarkLoad {
            requests: load.requests.or(Some(requests.len() as u64 + self.unfinished)),
            rate_per_s: last.filter(|last| *last > 0.0 && gaps > 0.0).map(|last| gaps / last),
            input_tokens: load.input_tokens.or_else(|| each(|it| it.input_tokens)),
            output_tokens: load.output_tokens.or_else(|| each(|it| it.output_tokens)),
            ..load
        })
    }

    /// So many requests were sent, of which those that have finished say how long they were.
    pub(super) fn note_sent(&mut self, sent: u64) {
        let requests = self.requests.as_deref().unwrap_or_default();
        let each = |of: fn(&MeasuredRequest) -> u32| MeasuredLength::of_each(requests.iter().map(of));
        self.load = Some(BenchmarkLoad {
            requests: Some(sent).filter(|it| *it > 0),
            input_tokens: each(|it| it.input_tokens),
            output_tokens: each(|it| it.output_tokens),
            ..BenchmarkLoad::default()
        });
    }

    /// Whether there is any latency.
    pub(super) fn has_latencies(&self) -> bool {
        self.values.keys().any(|name| is_latency(name))
    }

    /// Whether it says of itself that no request was served.
    pub(super) fn has_only_failures(&self) -> bool {
        let finished = self.values.get("requests.finished").copied().unwrap_or(0.0);
        let is_none = finished <= 0.0 || self.requests.as_ref().is_some_and(Vec::is_empty);
        !self.has_latencies() && self.unfinished > 0 && is_none
    }

    /// The error of a result without latencies, which messages call `name`.
    pub(super) fn why_nothing(&self, name: &str, remedy: &str) -> Diagnostic {
        if !self.has_only_failures() {
            let message = format!("{name}: there are no latencies of any finished request");
            return Diagnostic::new(message).help(remedy);
        }
        let failed = self.unfinished;
        let which = if failed == 1 {
            "the only request".to_owned()
        } else {
            format!("all {failed} requests")
        };
        let mut error = Diagnostic::new(format!("{name}: {which} failed, so nothing was measured"));
        for note in &self.notes {
            error = error.help(note.clone());
        }
        error.help("look into the server's log for why, and measure again")
    }
}

/// What to write where a file is of no format.
pub(super) const FORMATS_HELP: &str = "\
    results of these are read: vllm bench serve (--save-result, better with --save-detailed), SGLang's bench_serving, \
    InferenceX, guidellm, AIPerf and genai-perf, inference-perf, LLMPerf, llm-d-benchmark, BLIS, what a vLLM or SGLang \
    server answers at /metrics, and a CSV of requests with arrival_s, first_token_s, finished_s, input_tokens, \
    output_tokens as `tailcast run --requests-out` writes it";

/// A message about a stretch of bytes in a file.
pub(super) fn error_at(name: &str, content: &str, place: Range<usize>, message: String) -> Diagnostic {
    Diagnostic::new(message).at(Snippet::cut(name, content, place))
}
