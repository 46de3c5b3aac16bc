//! How much was served in a second, and how much of it well.

use serde::Serialize;

use crate::metrics::latencies_of::LatenciesOf;
use crate::metrics::meter::{Durations, Meter, ResultSection, ServedRequest, Total, WholeRun, ratio};
use crate::metrics::metric::Metric;
use crate::metrics::named_number::{Better, NamedNumber, Quantity};
use crate::metrics::recorder_settings::RecorderSettings;
use crate::metrics::slo::Slo;
use crate::units::{PICOS_PER_SECOND, Span};

/// Finished requests and their tokens over the time from the first arrival to the last finish. Rates are `None` of no
/// time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct Throughput {
    pub duration_s: f64,
    pub requests_per_s: Option<f64>,
    pub input_tokens_per_s: Option<f64>,
    pub output_tokens_per_s: Option<f64>,
    /// Requests that kept every limit that an SLO sets on a latency of their own; `None` without SLOs.
    pub goodput_per_s: Option<f64>,
}

/// Adds up what was served.
pub(in crate::metrics) struct ThroughputMeter {
    limits: Option<RequestLimits>,
    served: ServedTotal,
}

/// Requests that were served, with their tokens.
#[derive(Clone, Debug, Default)]
pub(in crate::metrics) struct ServedTotal {
    requests: u64,
    /// Requests that kept their limits; `None` without SLOs.
    good_requests: Option<u64>,
    input_tokens: u128,
    output_tokens: u128,
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
        let limits = RequestLimits::of(settings.slos);
        Self {
            limits,
            served: ServedTotal {
                good_requests: limits.map(|_| 0),
                ..ServedTotal::default()
            },
        }
    }

    #[inline(always)]
    fn finished(&mut self, request: &ServedRequest<'_>) {
        self.served.requests += 1;
        self.served.input_tokens += u128::from(request.history.input_tokens);
        self.served.output_tokens += u128::from(request.history.output_tokens);
        if let (Some(limits), Some(good)) = (&self.limits, &mut self.served.good_requests) {
            *good += u64::from(limits.are_kept(&request.latencies));
        }
    }

    fn finish(self, _run: &WholeRun) -> ServedTotal {
        self.served
    }
}

impl RequestLimits {
    /// The tightest limit on each latency that a single request has, whatever the statistic; `None` without SLOs. A
    /// limit on ITL is left out: gaps are pooled and have no one value per request.
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
        if let (Some(mine), Some(theirs)) = (&mut self.good_requests, other.good_requests) {
            *mine += theirs;
        }
        self.input_tokens += other.input_tokens;
        self.output_tokens += other.output_tokens;
    }

    fn section(&self, durations: &Durations) -> Throughput {
        let serving_s = durations.serving_picos as f64 / PICOS_PER_SECOND as f64;
        Throughput {
            duration_s: serving_s,
            requests_per_s: ratio(self.requests as f64, serving_s),
            input_tokens_per_s: ratio(self.input_tokens as f64, serving_s),
            output_tokens_per_s: ratio(self.output_tokens as f64, serving_s),
            goodput_per_s: self.good_requests.and_then(|good| ratio(good as f64, serving_s)),
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
