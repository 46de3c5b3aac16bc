//! How far predictions are from what was measured.

use rayon::prelude::*;
use tailcast::config::Scenario;
use tailcast::metrics::{Replications, Summary};
use tailcast::study::{self, Comparison, Prediction};

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
    /// What was measured beside the prediction of several seeds; a recorded workload is the same for all of them.
    fn compare(&self, seeds: u64) -> Comparison {
        let seeds = if self.experiment.is_recorded() { 1 } else { seeds };
        let mut pooled = Replications::default();
        let mut runs = Vec::new();
        for seed in 0..seeds {
            let run = study::simulate(&self.scenario, seed);
            let run = run.unwrap_or_else(|error| panic!("{}: {error}", self.experiment.name));
            runs.push(Summary::of(&run));
            pooled.add(run);
        }
        let prediction = Prediction {
            pooled: pooled.summary().expect("there is a run"),
            runs,
            kv_blocks: self.scenario.deployment.memory.kv_blocks,
        };
        let name = self.experiment.short_name();
        Comparison::new(name, &self.experiment.measured, &prediction)
    }
}

/// Simulates all cases on all processors.
pub fn compare_all(cases: &[&Case], seeds: u64) -> Vec<Comparison> {
    cases.par_iter().map(|case| case.compare(seeds)).collect()
}
