//! How far predictions are from measurements, for each metric of each experiment and over all of them.

use crate::config::Values;
use crate::metrics::Measure;
use crate::metrics::Summary;
use crate::stats::mean;

/// What was predicted of an experiment.
#[derive(Clone, Debug)]
pub struct Prediction {
    /// All runs together.
    pub pooled: Summary,
    /// Each run by itself.
    pub runs: Vec<Summary>,
    /// What the memory model counts, even where the scenario gives the number.
    pub kv_blocks: u32,
}

/// One experiment, measured and predicted.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// What it is called.
    pub name: String,
    /// The metrics that were measured, in the order of [`crate::config::METRICS`].
    pub metrics: Vec<Compared>,
}

/// One metric of one experiment. Latencies are in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Compared {
    /// Name of the metric, such as `ttft.mean`.
    pub metric: &'static str,
    /// What was measured.
    pub measured: f64,
    /// What was predicted; `None` if a run does not have it, or too few samples for it.
    pub predicted: Option<f64>,
}

/// The errors of one metric over all experiments that have one. Errors are fractions of what was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MetricErrors<'a> {
    /// Name of the metric, such as `ttft.mean`.
    pub metric: &'static str,
    /// How many errors there are.
    pub count: usize,
    /// Mean of the absolute errors; `None` of none.
    pub mean_absolute: Option<f64>,
    /// Their median, interpolated; `None` of none.
    pub median_absolute: Option<f64>,
    /// Mean of the errors with their signs: above 0 if too much is predicted; `None` of none.
    pub bias: Option<f64>,
    /// The experiment with the largest absolute error, the first of equals, and that error.
    pub worst: Option<(&'a str, f64)>,
}

impl Prediction {
    /// The metric of that name. Counts, and the largest of anything, are those of the mean run: they grow with the
    /// number of runs.
    pub fn of(&self, metric: &str) -> Option<f64> {
        if metric == "kv.blocks" {
            return Some(self.kv_blocks.into());
        }
        let is_of_a_run = metric.starts_with("requests.") || metric.rsplit('.').next() == Some("max");
        if !is_of_a_run {
            return Measure::named(metric)?.of(&self.pooled);
        }
        let values: Option<Vec<f64>> = self.runs.iter().map(|run| Measure::named(metric)?.of(run)).collect();
        mean(values?)
    }
}

impl Comparison {
    /// Holds a prediction against what was measured.
    pub fn new(name: String, measured: &Values, prediction: &Prediction) -> Self {
        let names = crate::config::METRICS.into_iter();
        let compared = names.filter_map(|metric| {
            Some(Compared {
                metric,
                measured: *measured.get(metric)?,
                predicted: prediction.of(metric).filter(|it| it.is_finite()),
            })
        });
        Self {
            name,
            metrics: compared.collect(),
        }
    }

    /// The metric of that name, if it was measured.
    pub fn of(&self, metric: &str) -> Option<&Compared> {
        self.metrics.iter().find(|it| it.metric == metric)
    }
}

impl Compared {
    /// predicted / measured - 1; `None` without a prediction, or if 0 was measured and something else predicted.
    pub fn error(&self) -> Option<f64> {
        let predicted = self.predicted?;
        if predicted.total_cmp(&self.measured).is_eq() {
            return Some(0.0);
        }
        let error = predicted / self.measured - 1.0;
        error.is_finite().then_some(error)
    }
}

/// The metrics that any of them has, in the order of [`crate::config::METRICS`].
pub fn metrics_of(comparisons: &[Comparison]) -> Vec<&'static str> {
    let is_there = |metric: &&'static str| comparisons.iter().any(|it| it.of(metric).is_some());
    crate::config::METRICS.into_iter().filter(is_there).collect()
}

/// The errors of a metric over all experiments.
pub fn errors_of<'a>(comparisons: &'a [Comparison], metric: &'static str) -> MetricErrors<'a> {
    let errors: Vec<(&str, f64)> = comparisons
        .iter()
        .filter_map(|it| Some((it.name.as_str(), it.of(metric)?.error()?)))
        .collect();
    let signed: Vec<f64> = errors.iter().map(|&(_, error)| error).collect();
    let absolute: Vec<f64> = signed.iter().map(|error| error.abs()).collect();
    let worst = errors
        .iter()
        .copied()
        .reduce(|worst, one| if one.1.abs() > worst.1.abs() { one } else { worst });
    MetricErrors {
        metric,
        count: errors.len(),
        mean_absolute: mean(absolute.iter().copied()),
        median_absolute: median(absolute),
        bias: mean(signed),
        worst,
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = values[(values.len() - 1) / 2];
    Some(f64::midpoint(lower, upper))
}
