//! How far predictions are from what was measured.

use rayon::prelude::*;
use tailcast::config::Scenario;
use tailcast::metrics::{LatencySummary, Replications, Summary};
use tailcast::study;

use super::experiments::Experiment;

/// What tables show, in this order.
pub const METRICS: [&str; 7] = [
    "e2e.mean",
    "e2e.p90",
    "e2e.p99",
    "ttft.mean",
    "ttft.p90",
    "ttft.p99",
    "tpot.mean",
];

/// A run with its scenario.
pub struct Case {
    /// What was measured.
    pub experiment: Experiment,
    /// What says the same.
    pub scenario: Scenario,
}

impl Case {
    /// The pooled numbers of several seeds; a recorded workload is the same for all of them.
    pub fn simulate(&self, seeds: u64) -> Summary {
        let seeds = if self.experiment.is_recorded() {
            1
        } else {
            seeds
        };
        let mut runs = Replications::default();
        for seed in 0..seeds {
            let run = study::simulate(&self.scenario, seed);
            runs.add(run.unwrap_or_else(|error| panic!("{}: {error}", self.experiment.name)));
        }
        runs.summary().expect("there is a run")
    }

    /// Relative signed errors, one a metric: of what was measured and can be predicted.
    pub fn errors(&self, summary: &Summary) -> Vec<Option<f64>> {
        METRICS
            .iter()
            .map(|name| self.error(summary, name))
            .collect()
    }

    /// The relative signed error of one of the experiment's numbers.
    pub fn error(&self, summary: &Summary, name: &str) -> Option<f64> {
        let measured = self.experiment.measured.get(name)?;
        Some(predicted(summary, name)? / measured - 1.0)
    }
}

/// A number of a summary by its name in reports.
pub fn predicted(summary: &Summary, name: &str) -> Option<f64> {
    let (group, statistic) = name.rsplit_once('.')?;
    let of = |latency: &LatencySummary| match statistic {
        "mean" => latency.mean,
        "p50" => latency.p50,
        "p90" => latency.p90,
        "p95" => latency.p95,
        "p99" => latency.p99,
        _ => None,
    };
    match group {
        "ttft" => of(&summary.latency.ttft),
        "tpot" => of(&summary.latency.tpot),
        "e2e" => of(&summary.latency.e2e),
        "requests" => Some(summary.requests.finished as f64),
        "queue.depth" if statistic == "max" => summary.queue.depth.max.map(|max| max as f64),
        "queue.depth" => summary.queue.depth.mean,
        "queue.running" => summary.queue.running.mean,
        _ => None,
    }
}

/// Simulates all cases on all processors.
pub fn simulate_all(cases: &[&Case], seeds: u64) -> Vec<Summary> {
    cases.par_iter().map(|case| case.simulate(seeds)).collect()
}

/// Mean and median of the absolute errors of one metric.
pub fn mean_and_median(errors: &[Vec<Option<f64>>], metric: usize) -> (f64, f64) {
    let known = errors.iter().filter_map(|row| row[metric]);
    let mut sizes: Vec<f64> = known.map(f64::abs).collect();
    sizes.sort_by(f64::total_cmp);
    let mean = sizes.iter().sum::<f64>() / sizes.len() as f64;
    (mean, sizes[sizes.len() / 2])
}

/// The median absolute error of one number over all cases.
pub fn median_error(cases: &[Case], name: &str) -> f64 {
    let all: Vec<&Case> = cases.iter().collect();
    let summaries = simulate_all(&all, 1);
    let errors = all.iter().zip(&summaries);
    let mut errors: Vec<f64> = errors
        .map(|(case, summary)| case.error(summary, name).expect("it was measured").abs())
        .collect();
    errors.sort_by(f64::total_cmp);
    errors[errors.len() / 2]
}
