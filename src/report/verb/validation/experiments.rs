//! Predictions beside measurements, and how far they may be off.

use std::collections::BTreeMap;

use crate::study::{Comparison, errors_of};

/// All experiments with what was asked of them.
#[derive(Clone, Debug)]
pub struct ValidationReport {
    /// In the order of the manifest.
    pub experiments: Vec<ValidatedExperiment>,
    /// What the mean errors may be at the most.
    pub limits: Vec<ErrorLimit>,
}

/// An experiment and how its prediction was made.
#[derive(Clone, Debug)]
pub struct ValidatedExperiment {
    /// What was measured, beside what was predicted.
    pub comparison: Comparison,
    /// What of the scenario comes from what was measured; `None` of nothing.
    pub taken: Option<String>,
    /// Of numbers that were measured between two bounds only, these bounds, by the name of the metric.
    pub bounds: BTreeMap<&'static str, (f64, f64)>,
    /// Names the scenario's content.
    pub scenario_hash: String,
    /// The seed of the first run; the others count up from it.
    pub seed: u64,
    /// How many runs were pooled.
    pub replications: u32,
    /// Requests that did not finish when it was measured.
    pub unfinished: u64,
    /// Where its step times and KV blocks come from.
    pub fidelity: String,
}

/// The most that the mean absolute error of a metric may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ErrorLimit {
    /// The name of the metric.
    pub metric: &'static str,
    /// The most it may be, as a fraction.
    pub limit: f64,
}

impl ValidationReport {
    /// Whether a limit is missed; one that cannot be judged is.
    pub fn misses_a_limit(&self) -> bool {
        let comparisons = self.comparisons();
        self.limits.iter().any(|limit| !limit.is_met(&comparisons))
    }

    pub(super) fn comparisons(&self) -> Vec<Comparison> {
        let all = self.experiments.iter();
        all.map(|experiment| experiment.comparison.clone()).collect()
    }
}

impl ErrorLimit {
    /// Whether the mean is known and no more. A measurement without a prediction could hide any error.
    pub(super) fn is_met(&self, comparisons: &[Comparison]) -> bool {
        let mean = errors_of(comparisons, self.metric).mean_absolute;
        mean.is_some_and(|mean| mean <= self.limit) && self.without_error(comparisons) == 0
    }

    /// Experiments that have measured the metric and have no error of it.
    pub(super) fn without_error(&self, comparisons: &[Comparison]) -> usize {
        let compared = comparisons.iter().filter_map(|one| one.of(self.metric));
        compared.filter(|one| one.error().is_none()).count()
    }
}
