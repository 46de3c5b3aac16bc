//! Several runs of one scenario that differ in their seed: pooled numbers, and intervals for how far chance may carry
//! them.

use super::breakdown::{Breakdown, RunResult};
use super::client::{LatencyIntervals, LatencySummary};
use super::meters::Summary;
use super::metric::Metric;
use super::recording::Recording;
use super::verdict::is_steady;
use crate::stats::confidence_interval_95_about;

/// Pools recordings. The result depends on the order in which they are added, so add them in the order of their seeds,
/// not in that in which threads happen to be done with them.
#[derive(Default)]
pub struct Replications {
    pooled: Option<Recording>,
    /// Of each metric, the latencies of each run.
    latencies: Vec<(Metric, Vec<LatencySummary>)>,
    /// Of each run, the numbers of groups of its requests.
    breakdowns: Vec<Breakdown>,
}

impl Replications {
    /// Adds a run to those before it.
    pub fn add(&mut self, recording: Recording) {
        if self.latencies.is_empty() {
            self.latencies = Metric::every().map(|metric| (metric, Vec::new())).collect();
        }
        for (metric, values) in &mut self.latencies {
            values.push(LatencySummary::of(recording.latency(*metric)));
        }
        self.breakdowns.push(Breakdown::of(&recording));
        match &mut self.pooled {
            None => self.pooled = Some(recording),
            Some(pooled) => pooled.pool(&recording),
        }
    }

    /// What was recorded of all runs together; `None` without any.
    pub fn into_pooled(self) -> Option<Recording> {
        self.pooled
    }

    /// The pooled numbers, with 95 % confidence intervals if there are two runs or more; `None` without any. An
    /// interval is Student's t over the runs' own values (symmetric in the logarithm), about the
    /// number of the pool, whose quantiles are less biased than the mean of the runs' own.
    pub fn summary(&self) -> Option<Summary> {
        let mut summary = Summary::of(self.pooled.as_ref()?);
        for &(metric, ref values) in &self.latencies {
            // What depends on how long the runs are has no value that they could be near.
            let has_intervals = values.len() > 1 && is_steady(&summary);
            summary.latency.of_mut(metric).ci95 = has_intervals.then(|| intervals(values, summary.latency.of(metric)));
        }
        Some(summary)
    }

    /// The pooled numbers, with such intervals, of all requests and of each group of them.
    pub fn result(&self) -> Option<RunResult> {
        let summary = self.summary()?;
        let mut breakdown = Breakdown::of(self.pooled.as_ref()?);
        let has_intervals = self.breakdowns.len() > 1 && is_steady(&summary);
        for (group, pooled) in breakdown.groups_mut().filter(|_| has_intervals) {
            // A run without a group has no numbers of it, so that there are no intervals.
            let runs: Option<Vec<&Summary>> = self.breakdowns.iter().map(|run| run.of_group(&group)).collect();
            for metric in Metric::ALL {
                let found = runs.as_ref().map(|runs| {
                    let values: Vec<LatencySummary> = runs.iter().map(|run| *run.latency.of(metric)).collect();
                    intervals(&values, pooled.latency.of(metric))
                });
                pooled.latency.of_mut(metric).ci95 = found;
            }
        }
        Some(RunResult { summary, breakdown })
    }
}

fn intervals(runs: &[LatencySummary], pooled: &LatencySummary) -> LatencyIntervals {
    let interval = |statistic: fn(&LatencySummary) -> Option<f64>| {
        let values: Option<Vec<f64>> = runs.iter().map(statistic).collect();
        confidence_interval_95_about(statistic(pooled)?, &values?)
    };
    LatencyIntervals {
        mean: interval(|run| run.mean),
        p50: interval(|run| run.p50),
        p99: interval(|run| run.p99),
    }
}
