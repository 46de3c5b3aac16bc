//! From requests to the numbers that are reported of them, in the definitions of `vllm bench serve`.

use super::metric::canonical;
use super::result::{Measured, MeasuredRequest, Values};
use crate::stats::{Distribution, enough_samples};
use crate::units::{PICOS_PER_SECOND, Span};

/// Quantiles and the names they are reported by.
const QUANTILES: [(f64, u64, &str); 5] = [
    (0.5, 500, "p50"),
    (0.9, 900, "p90"),
    (0.95, 950, "p95"),
    (0.99, 990, "p99"),
    (0.999, 999, "p999"),
];

/// No time: a picosecond is the least that is told apart.
const SHORTEST_S: f64 = 1e-12;

/// Sums over requests.
#[derive(Debug, Default)]
pub struct Tally {
    requests: Vec<MeasuredRequest>,
    unfinished: u64,
    gaps: Distribution,
    queue_waits: Distribution,
}

impl Tally {
    /// A request has finished.
    pub fn finish(&mut self, request: MeasuredRequest) {
        self.requests.push(request);
    }

    /// A request has not finished.
    pub fn fail(&mut self) {
        self.unfinished += 1;
    }

    /// Two tokens of a finished request came this far apart.
    pub fn gap(&mut self, gap: Span) {
        self.gaps.record(gap.picos(), 1);
    }

    /// A finished request waited this long for its first step.
    pub fn queue_wait(&mut self, wait: Span) {
        self.queue_waits.record(wait.picos(), 1);
    }

    /// How many requests have finished.
    pub fn finished(&self) -> usize {
        self.requests.len()
    }

    /// All numbers. Throughput is over `duration_s`; there is none of no time.
    pub fn measured(self, duration_s: f64) -> Measured {
        let mut values = Values::new();
        let of = |latency: fn(&MeasuredRequest) -> Option<Span>| {
            let mut picos = Distribution::default();
            for span in self.requests.iter().filter_map(latency) {
                picos.record(span.picos(), 1);
            }
            picos
        };
        add_latency(&mut values, "ttft", &of(|request| Some(request.ttft)));
        add_latency(&mut values, "tpot", &of(MeasuredRequest::tpot));
        add_latency(&mut values, "itl", &self.gaps);
        add_latency(&mut values, "e2e", &of(|request| Some(request.e2e)));
        add_latency(&mut values, "queue_wait", &self.queue_waits);
        values.insert("requests.finished", self.requests.len() as f64);
        if duration_s >= SHORTEST_S {
            let total = |tokens: fn(&MeasuredRequest) -> u32| -> u64 {
                self.requests.iter().map(|it| u64::from(tokens(it))).sum()
            };
            for (name, amount) in [
                ("throughput.requests_per_s", self.requests.len() as u64),
                ("throughput.input_tokens_per_s", total(|it| it.input_tokens)),
                ("throughput.output_tokens_per_s", total(|it| it.output_tokens)),
            ] {
                values.insert(name, amount as f64 / duration_s);
            }
        }
        Measured {
            values,
            requests: Some(self.requests),
            unfinished: self.unfinished,
            ..Measured::default()
        }
    }
}

fn add_latency(values: &mut Values, latency: &str, picos: &Distribution) {
    let mut add = |statistic: &str, picos: f64| {
        if let Some(name) = canonical(&format!("{latency}.{statistic}")) {
            values.insert(name, picos / PICOS_PER_SECOND as f64);
        }
    };
    let (Some(mean), Some(max)) = (picos.mean(), picos.max()) else {
        return;
    };
    add("mean", mean);
    let found = picos.quantiles(QUANTILES.map(|(q, ..)| q));
    for ((_, permille, name), value) in QUANTILES.into_iter().zip(found.into_iter().flatten()) {
        if enough_samples(permille, picos.count()) {
            add(name, value);
        }
    }
    add("max", max as f64);
}
