//! The distribution of one latency, in the numbers that are reported.

use serde::Serialize;

use super::crowd::CrowdQuantiles;
use crate::metrics::metric::Statistic;
use crate::stats::{Distribution, Interval, RELATIVE_PRECISION, enough_samples};
use crate::units::PICOS_PER_SECOND;

/// One latency [s]. A statistic that the samples do not support is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct LatencySummary {
    /// How many samples there are.
    pub count: u64,
    pub mean: Option<f64>,
    /// Standard deviation of the population.
    pub std: Option<f64>,
    pub min: Option<f64>,
    pub p50: Option<f64>,
    pub p90: Option<f64>,
    pub p95: Option<f64>,
    pub p99: Option<f64>,
    pub p999: Option<f64>,
    pub max: Option<f64>,
    /// From replications; `None` for a single run.
    pub ci95: Option<LatencyIntervals>,
    /// From steps that are shorter and longer by what the step-time model may be off; `None` if nobody asked for it.
    pub model_range: Option<LatencyIntervals>,
    /// How far a quantile may be off, relative to it: 0 if quantiles are exact.
    pub quantile_precision: f64,
    /// Quantiles over all clients, if some of them were never served.
    #[serde(skip)]
    pub crowd: Option<CrowdQuantiles>,
}

/// Intervals [s]; `None` where a value is not known. As confidence intervals they have 95 %, from the values of
/// independent replications.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct LatencyIntervals {
    pub mean: Option<Interval>,
    pub p50: Option<Interval>,
    pub p99: Option<Interval>,
}

impl LatencyIntervals {
    /// What `of` makes of each statistic, which it is given a way to read.
    pub fn of_each(of: impl Fn(fn(&Self) -> Option<Interval>) -> Option<Interval>) -> Self {
        Self {
            mean: of(|intervals| intervals.mean),
            p50: of(|intervals| intervals.p50),
            p99: of(|intervals| intervals.p99),
        }
    }
}

impl LatencySummary {
    /// The numbers of a distribution of picoseconds.
    pub fn of(picos: &Distribution) -> Self {
        let count = picos.count();
        let Some(quantiles) = picos.quantiles([0.5, 0.9, 0.95, 0.99, 0.999]) else {
            return Self::default();
        };
        let [p50, p90, p95, p99, p999] = quantiles.map(seconds);
        let enough = |permille, value| enough_samples(permille, count).then_some(value);
        Self {
            count,
            mean: picos.mean().map(seconds),
            std: picos.standard_deviation().map(seconds),
            min: picos.min().map(|min| seconds(min as f64)),
            p50: enough(500, p50),
            p90: enough(900, p90),
            p95: enough(950, p95),
            p99: enough(990, p99),
            p999: enough(999, p999),
            max: picos.max().map(|max| seconds(max as f64)),
            quantile_precision: if picos.is_exact() { 0.0 } else { RELATIVE_PRECISION },
            ci95: None,
            model_range: None,
            crowd: None,
        }
    }

    /// The ranges between this latency where steps are the shortest and `slow` where they are the longest.
    pub fn range_to(&self, slow: &Self) -> LatencyIntervals {
        let range = |one: Option<f64>, other: Option<f64>| {
            let (one, other) = (one?, other?);
            Some(Interval {
                low: one.min(other),
                high: one.max(other),
            })
        };
        LatencyIntervals {
            mean: range(self.mean, slow.mean),
            p50: range(self.p50, slow.p50),
            p99: range(self.p99, slow.p99),
        }
    }

    /// A range of this latency, wider by how far chance moves it, if replications tell.
    #[must_use]
    pub fn with_chance(&self, range: &LatencyIntervals) -> LatencyIntervals {
        LatencyIntervals::of_each(|of_statistic| {
            let range = of_statistic(range)?;
            let values = LatencyIntervals {
                mean: self.mean.map(Interval::at),
                p50: self.p50.map(Interval::at),
                p99: self.p99.map(Interval::at),
            };
            let value = of_statistic(&values).map(|value| value.low);
            let chance = self.ci95.as_ref().and_then(of_statistic);
            let (Some(value), Some(chance)) = (value, chance) else {
                return Some(range);
            };
            Some(Interval {
                low: (value - (value - range.low).hypot(value - chance.low)).max(0.0),
                high: value + (range.high - value).hypot(chance.high - value),
            })
        })
    }

    /// One of the numbers.
    pub const fn statistic(&self, statistic: Statistic) -> Option<f64> {
        match statistic {
            Statistic::Mean => self.mean,
            Statistic::P50 => self.p50,
            Statistic::P90 => self.p90,
            Statistic::P95 => self.p95,
            Statistic::P99 => self.p99,
            Statistic::P999 => self.p999,
            Statistic::Max => self.max,
        }
    }
}

fn seconds(picos: f64) -> f64 {
    picos / PICOS_PER_SECOND as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_stands_from_its_least_number_of_samples_on() {
        for (samples, known) in [
            (1, 1),
            (99, 1),
            (100, 2),
            (199, 2),
            (200, 3),
            (999, 3),
            (1_000, 4),
            (9_999, 4),
            (10_000, 5),
        ] {
            let mut picos = Distribution::default();
            picos.record(5, samples);
            let latency = LatencySummary::of(&picos);
            let quantiles = [latency.p50, latency.p90, latency.p95, latency.p99, latency.p999];
            let stand = quantiles.map(|quantile| quantile.is_some());
            assert_eq!(stand, [0, 1, 2, 3, 4].map(|place| place < known));
        }
    }
}
