//! Predictions beside measurements, as one JSON object.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::experiments::{ErrorLimit, ValidatedExperiment, ValidationReport};
use crate::report::text::document::{Tool, pretty};
use crate::study::{Compared, Comparison, MetricErrors, errors_of, metrics_of};

/// The version of the form: raised when a key changes its meaning.
const SCHEMA: &str = "tailcast/validate/v1";

impl ValidationReport {
    /// One JSON object, indented, with a line break at the end. Latencies are in seconds, errors are fractions of what
    /// was measured.
    pub fn to_json(&self) -> String {
        let comparisons = self.comparisons();
        let document = Document {
            schema: SCHEMA,
            tool: Tool::THIS,
            verdict: if self.misses_a_limit() { "limit_missed" } else { "ok" },
            experiments: self.experiments.iter().map(JsonExperiment::of).collect(),
            summary: InOrder(
                metrics_of(&comparisons)
                    .into_iter()
                    .map(|metric| (metric, JsonErrors::of(&errors_of(&comparisons, metric))))
                    .collect(),
            ),
            limits: self
                .limits
                .iter()
                .map(|limit| JsonLimit::of(limit, &comparisons))
                .collect(),
        };
        pretty(&document)
    }
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    tool: Tool,
    verdict: &'static str,
    experiments: Vec<JsonExperiment<'a>>,
    summary: InOrder<JsonErrors<'a>>,
    limits: Vec<JsonLimit>,
}

/// An object whose keys keep their order.
struct InOrder<T>(Vec<(&'static str, T)>);

impl<T: Serialize> Serialize for InOrder<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

#[derive(Serialize)]
struct JsonExperiment<'a> {
    name: &'a str,
    scenario_hash: &'a str,
    seed: u64,
    replications: u32,
    fidelity: &'a str,
    measured_unfinished: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    taken: Option<&'a str>,
    metrics: InOrder<JsonCompared>,
}

#[derive(Serialize)]
struct JsonCompared {
    measured: f64,
    /// Between what it lies, where no more is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    measured_between: Option<(f64, f64)>,
    predicted: Option<f64>,
    error: Option<f64>,
}

#[derive(Serialize)]
struct JsonErrors<'a> {
    n: usize,
    mean_absolute_error: Option<f64>,
    median_absolute_error: Option<f64>,
    bias: Option<f64>,
    worst: Option<JsonWorst<'a>>,
}

#[derive(Serialize)]
struct JsonWorst<'a> {
    experiment: &'a str,
    error: f64,
}

#[derive(Serialize)]
struct JsonLimit {
    metric: &'static str,
    limit: f64,
    got: Option<f64>,
    met: bool,
}

impl<'a> JsonExperiment<'a> {
    fn of(experiment: &'a ValidatedExperiment) -> Self {
        let metrics = experiment.comparison.metrics.iter();
        Self {
            name: &experiment.comparison.name,
            scenario_hash: &experiment.scenario_hash,
            seed: experiment.seed,
            replications: experiment.replications,
            fidelity: &experiment.fidelity,
            measured_unfinished: experiment.unfinished,
            taken: experiment.taken.as_deref(),
            metrics: InOrder(
                metrics
                    .map(|it| (it.metric, JsonCompared::of(it, &experiment.bounds)))
                    .collect(),
            ),
        }
    }
}

impl JsonCompared {
    fn of(compared: &Compared, bounds: &BTreeMap<&'static str, (f64, f64)>) -> Self {
        Self {
            measured: compared.measured,
            measured_between: bounds.get(compared.metric).copied(),
            predicted: compared.predicted,
            error: compared.error(),
        }
    }
}

impl<'a> JsonErrors<'a> {
    fn of(errors: &MetricErrors<'a>) -> Self {
        Self {
            n: errors.count,
            mean_absolute_error: errors.mean_absolute,
            median_absolute_error: errors.median_absolute,
            bias: errors.bias,
            worst: errors.worst.map(|(experiment, error)| JsonWorst { experiment, error }),
        }
    }
}

impl JsonLimit {
    fn of(limit: &ErrorLimit, comparisons: &[Comparison]) -> Self {
        Self {
            metric: limit.metric,
            limit: limit.limit,
            got: errors_of(comparisons, limit.metric).mean_absolute,
            met: limit.is_met(comparisons),
        }
    }
}
