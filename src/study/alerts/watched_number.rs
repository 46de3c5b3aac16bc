//! The numbers that rules watch: each as PromQL, and worked out on what a run exposed.

use super::over_time::{Sample, deriv, histogram_quantile, increase};
use crate::metrics::{ExposedRun, ExposedSeries};

/// A number that a rule watches. Ranges are five minutes, and ten for a trend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchedNumber {
    /// Requests that wait on servers.
    Waiting,
    /// Requests that wait at the router.
    RouterQueue,
    /// How fast the number of those who wait on servers grows [requests/s].
    QueueGrowth,
    /// The 99th percentile of times to the first token [s].
    FirstTokenP99,
    /// The median time between tokens of the server where it is longest [s].
    SlowestBetweenTokens,
    /// How full the fullest KV cache is.
    KvUsage,
    /// Preemptions [1/s].
    Preemptions,
    /// The share of the requests that ended without an answer.
    Errors,
    /// Servers that can be scraped.
    ServersUp,
}

const RANGE_S: f64 = 300.0;
const TREND_S: f64 = 600.0;

const WAITING: &str = "vllm:num_requests_waiting";
const FIRST_TOKEN: &str = "vllm:time_to_first_token_seconds";
const BETWEEN_TOKENS: &str = "vllm:inter_token_latency_seconds";

impl WatchedNumber {
    /// All that there are.
    pub const ALL: [Self; 9] = [
        Self::Waiting,
        Self::RouterQueue,
        Self::QueueGrowth,
        Self::FirstTokenP99,
        Self::SlowestBetweenTokens,
        Self::KvUsage,
        Self::Preemptions,
        Self::Errors,
        Self::ServersUp,
    ];

    /// As PromQL.
    pub fn promql(self) -> String {
        match self {
            Self::Waiting => format!("sum({WAITING})"),
            Self::RouterQueue => "sum(tailcast:router_queue)".to_owned(),
            Self::QueueGrowth => format!("sum(deriv({WAITING}[10m]))"),
            Self::FirstTokenP99 => {
                format!("histogram_quantile(0.99, sum by (le) (rate({FIRST_TOKEN}_bucket[5m])))")
            }
            Self::SlowestBetweenTokens => {
                format!("max(histogram_quantile(0.5, sum by (instance, le) (rate({BETWEEN_TOKENS}_bucket[5m]))))")
            }
            Self::KvUsage => "max(vllm:kv_cache_usage_perc)".to_owned(),
            Self::Preemptions => "sum(rate(vllm:num_preemptions_total[5m]))".to_owned(),
            Self::Errors => "sum(increase(tailcast:requests_total{outcome!=\"finished\"}[5m])) / \
                             sum(increase(tailcast:requests_total[5m]))"
                .to_owned(),
            Self::ServersUp => "sum(up{job=\"vllm\"})".to_owned(),
        }
    }

    /// What it is `at_s` seconds after the start; `None` if there is nothing to work it out from.
    pub fn value(self, run: &ExposedRun, at_s: f64) -> Option<f64> {
        let look = Look { run, at_s };
        match self {
            Self::Waiting => look.sum_of(WAITING),
            Self::RouterQueue => look.sum_of("tailcast:router_queue"),
            Self::QueueGrowth => sum(look.series(WAITING).map(|one| deriv(&look.samples(one, 0, TREND_S)))),
            Self::FirstTokenP99 => look.quantile(0.99, look.series(FIRST_TOKEN)),
            Self::SlowestBetweenTokens => {
                let servers = look
                    .series(BETWEEN_TOKENS)
                    .map(|one| look.quantile(0.5, [one].into_iter()));
                servers.flatten().reduce(f64::max)
            }
            Self::KvUsage => {
                let usages = look.series("vllm:kv_cache_usage_perc").map(|one| look.number(one));
                usages.flatten().reduce(f64::max)
            }
            Self::Preemptions => {
                let grown = sum(look.series("vllm:num_preemptions").map(|one| look.increase(one, 0)))?;
                Some(grown / RANGE_S)
            }
            Self::Errors => {
                let is_finished = |one: &&ExposedSeries| one.labels.contains(&("outcome", "finished".to_owned()));
                let ended = || look.series("tailcast:requests");
                let bad = sum(ended().filter(|one| !is_finished(one)).map(|one| look.increase(one, 0)))?;
                let all = sum(ended().map(|one| look.increase(one, 0)))?;
                (all > 0.0).then(|| bad / all)
            }
            Self::ServersUp => look.sum_of("up"),
        }
    }
}

/// What a Prometheus sees when it evaluates a rule.
#[derive(Clone, Copy)]
struct Look<'a> {
    run: &'a ExposedRun,
    at_s: f64,
}

impl<'a> Look<'a> {
    fn series(self, name: &str) -> impl Iterator<Item = &'a ExposedSeries> + use<'a> {
        self.run.family(name).into_iter().flat_map(|family| &family.series)
    }

    /// The latest instant that is not after now.
    fn latest(self) -> Option<usize> {
        let interval_s = self.run.interval().seconds();
        let instant = (self.at_s / interval_s).floor() as usize;
        // A Prometheus takes what is younger than five minutes.
        let is_fresh = self.at_s - instant as f64 * interval_s < RANGE_S;
        let last = self.run.len().checked_sub(1)?;
        is_fresh.then(|| instant.min(last))
    }

    fn number(self, series: &ExposedSeries) -> Option<f64> {
        let latest = self.latest()?;
        self.run.numbers(series, latest).first().copied()
    }

    fn sum_of(self, name: &str) -> Option<f64> {
        sum(self.series(name).map(|one| self.number(one)))
    }

    /// What a number of a series was over a range up to now.
    fn samples(self, series: &ExposedSeries, column: usize, range_s: f64) -> Vec<Sample> {
        let interval_s = self.run.interval().seconds();
        let Some(last) = self.latest() else {
            return Vec::new();
        };
        let after = ((self.at_s - range_s) / interval_s).floor();
        let first = if after < 0.0 { 0 } else { after as usize + 1 };
        let samples = (first..=last).map(|instant| {
            let at = instant as f64 * interval_s;
            (at, self.run.numbers(series, instant)[column])
        });
        samples.collect()
    }

    fn increase(self, series: &ExposedSeries, column: usize) -> Option<f64> {
        let samples = self.samples(series, column, RANGE_S);
        increase(&samples, self.at_s - RANGE_S, self.at_s)
    }

    /// Of the values of these histograms together. Rates and increases have the same quantiles.
    fn quantile(self, quantile: f64, series: impl Iterator<Item = &'a ExposedSeries>) -> Option<f64> {
        let mut counts: Vec<f64> = Vec::new();
        let mut boundaries: &[f64] = &[];
        for one in series {
            boundaries = one.boundaries.as_deref()?;
            counts.resize(boundaries.len() + 1, 0.0);
            for (column, count) in counts.iter_mut().enumerate() {
                *count += self.increase(one, column).unwrap_or(0.0);
            }
        }
        if counts.is_empty() {
            return None;
        }
        histogram_quantile(quantile, boundaries, &counts)
    }
}

/// The sum of those that are known; `None` if none is.
fn sum(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    values.flatten().reduce(|one, other| one + other)
}
