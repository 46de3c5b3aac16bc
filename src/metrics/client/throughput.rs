//! How much was served in a second, and how much of it well.

use serde::Serialize;

use crate::metrics::latencies_of::LatenciesOf;
use crate::metrics::meter::{Durations, Meter, ResultSection, ServedRequest, Total, WholeRun, ratio};
use crate::metrics::metric::Metric;
use crate::metrics::named_number::{Better, NamedNumber, Quantity};
use crate::metrics::recorder_settings::RecorderSettings;
use crate::metrics::slo::Slo;
use crate::units::{PICOS_PER_SECOND, Span};

/// Finished requests and their tokens over the time from the first arrival to the last finish or, where the warm-up and
/// the drain of the run are left out, over the time between them. Rates are `None` of no time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct Throughput {
    /// From the first arrival to the last finish, whatever is left out of the rates.
    pub duration_s: f64,
    pub requests_per_s: Option<f64>,
    pub input_tokens_per_s: Option<f64>,
    pub output_tokens_per_s: Option<f64>,
    /// Requests that kept every limit that an SLO sets on a latency of their own; `None` without SLOs.
    pub goodput_per_s: Option<f64>,
}

/// Adds up what was served.
#[derive(Clone)]
pub(in crate::metrics) struct ThroughputMeter {
    limits: Option<RequestLimits>,
    /// What was served in each segment of the run.
    segments: Vec<ServedTotal>,
    /// What was served after the last arrival.
    in_drain: ServedTotal,
}

/// Requests that were served, with their tokens.
#[derive(Clone, Debug, Default)]
pub(in crate::metrics) struct ServedTotal {
    requests: u64,
    /// Requests that kept their limits, if there are any.
    good_requests: u64,
    has_limits: bool,
    input_tokens: u128,
    output_tokens: u128,
    /// Of the input tokens those that were found in a prefix cache.
    cached_tokens: u128,
}

/// The most that a request's own latencies may be for it to count as good.
#[derive(Clone, Copy, Debug)]
struct RequestLimits {
    ttft: Span,
    tpot: Span,
    e2e: Span,
    queue_wait: Span,
}

impl Meter for ThroughputMeter {
    type Total = ServedTotal;

    fn new(settings: &RecorderSettings<'_>) -> Self {
        Self {
            limits: RequestLimits::of(settings.slos),
            segments: vec![ServedTotal::default()],
            in_drain: ServedTotal::default(),
        }
    }

    #[inline(always)]
    fn finished(&mut self, request: &ServedRequest<'_>) {
        let served = match request.finished_in {
            Some(segment) => {
                if segment >= self.segments.len() {
                    self.segments.resize_with(segment + 1, ServedTotal::default);
                }
                &mut self.segments[segment]
            }
            None => &mut self.in_drain,
        };
        served.requests += 1;
        served.input_tokens += u128::from(request.history.input_tokens);
        served.output_tokens += u128::from(request.history.output_tokens);
        served.cached_tokens += u128::from(request.history.cached_tokens);
        if let Some(limits) = &self.limits {
            served.good_requests += u64::from(limits.are_kept(&request.latencies));
        }
    }

    fn finish(self, run: &WholeRun) -> ServedTotal {
        let mut segments = self.segments;
        if run.window.picos.is_none() {
            segments.push(self.in_drain);
        }
        let mut served = run
            .window
            .pool(segments, |all, segment: ServedTotal| all.pool(&segment));
        served.has_limits = self.limits.is_some();
        served
    }
}

impl ThroughputMeter {
    /// A meter for other requests under the same limits.
    pub(in crate::metrics) fn emptied(&self) -> Self {
        Self {
            limits: self.limits,
            segments: vec![ServedTotal::default()],
            in_drain: ServedTotal::default(),
        }
    }
}

impl ServedTotal {
    /// Which part of the prompts of finished requests was found in a prefix cache; `None` of no prompts.
    pub(in crate::metrics) fn cached_share(&self) -> Option<f64> {
        ratio(self.cached_tokens as f64, self.input_tokens as f64)
    }
}

impl RequestLimits {
    /// The tightest limit on each latency that a single request has, whatever the statistic; `None` without SLOs. A
    /// limit on ITL is left out: gaps are pooled and have no one value per request. So is one on the path around it.
    fn of(slos: &[Slo]) -> Option<Self> {
        let tightest = |metric| {
            let limits = slos.iter().filter_map(Slo::as_latency);
            let limits = limits.filter(|slo| slo.metric == metric).map(|slo| slo.limit);
            limits.min().unwrap_or(Span::MAX)
        };
        (!slos.is_empty()).then(|| Self {
            ttft: tightest(Metric::Ttft),
            tpot: tightest(Metric::Tpot),
            e2e: tightest(Metric::E2e),
            queue_wait: tightest(Metric::QueueWait),
        })
    }

    /// As in `vllm bench serve`, a response without a time between tokens meets any limit on it.
    fn are_kept(&self, latencies: &LatenciesOf) -> bool {
        latencies.ttft <= self.ttft
            && latencies.tpot.unwrap_or_default() <= self.tpot
            && latencies.e2e <= self.e2e
            && latencies.queue_wait <= self.queue_wait
    }
}

impl Total for ServedTotal {
    type Section = Throughput;

    fn pool(&mut self, other: &Self) {
        self.requests += other.requests;
        self.good_requests += other.good_requests;
        self.input_tokens += other.input_tokens;
        self.output_tokens += other.output_tokens;
        self.cached_tokens += other.cached_tokens;
    }

    fn section(&self, durations: &Durations) -> Throughput {
        let [serving_s, served_s] =
            [durations.serving_picos, durations.served_picos].map(|picos| picos as f64 / PICOS_PER_SECOND as f64);
        let good = self.has_limits.then_some(self.good_requests as f64);
        Throughput {
            duration_s: serving_s,
            requests_per_s: ratio(self.requests as f64, served_s),
            input_tokens_per_s: ratio(self.input_tokens as f64, served_s),
            output_tokens_per_s: ratio(self.output_tokens as f64, served_s),
            goodput_per_s: good.and_then(|good| ratio(good, served_s)),
        }
    }
}

impl ResultSection for Throughput {
    fn named_numbers() -> Vec<NamedNumber<Self>> {
        let duration = |it: &Self| Some(it.duration_s);
        vec![
            NamedNumber::new("throughput.duration_s", Quantity::Time, Better::Neither, duration),
            NamedNumber::rate("throughput.requests_per_s", |it| it.requests_per_s),
            NamedNumber::rate("throughput.input_tokens_per_s", |it| it.input_tokens_per_s),
            NamedNumber::rate("throughput.output_tokens_per_s", |it| it.output_tokens_per_s),
            NamedNumber::rate("throughput.goodput_per_s", |it| it.goodput_per_s),
        ]
    }
}
