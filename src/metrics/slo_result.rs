//! Whether objectives are met by what was measured.

use super::meters::Summary;
use super::metric::Statistic;
use super::slo::Slo;
use crate::stats::Interval;

/// How an SLO fared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SloResult {
    /// The SLO that was judged.
    pub slo: Slo,
    /// What was measured [s]; `None` if there are too few samples to tell.
    pub got_s: Option<f64>,
    /// The 95 % confidence interval of what was measured [s]; only with replications, and for mean, p50 and p99.
    pub ci95_s: Option<Interval>,
    /// Met, missed or unknown.
    pub outcome: SloOutcome,
}

/// Whether an SLO is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SloOutcome {
    /// What was measured is at most the limit.
    Met,
    /// What was measured is more than the limit.
    Missed,
    /// There are too few samples to tell.
    Unknown,
}

impl Slo {
    /// Whether `summary` meets it.
    pub fn judge(&self, summary: &Summary) -> SloResult {
        let latency = summary.latency.of(self.metric);
        let got_s = latency.statistic(self.statistic);
        let ci95_s = latency.ci95.and_then(|intervals| match self.statistic {
            Statistic::Mean => intervals.mean,
            Statistic::P50 => intervals.p50,
            Statistic::P99 => intervals.p99,
            _ => None,
        });
        let outcome = match got_s {
            None => SloOutcome::Unknown,
            Some(got) if got <= self.limit.seconds() => SloOutcome::Met,
            Some(_) => SloOutcome::Missed,
        };
        SloResult {
            slo: *self,
            got_s,
            ci95_s,
            outcome,
        }
    }
}

/// Whether `summary` meets all objectives; `None` if there are none, or if none is missed but one cannot be judged.
pub fn all_met(slos: &[Slo], summary: &Summary) -> Option<bool> {
    let outcomes = slos.iter().map(|slo| slo.judge(summary).outcome);
    let outcomes: Vec<SloOutcome> = outcomes.collect();
    if outcomes.contains(&SloOutcome::Missed) {
        Some(false)
    } else if outcomes.is_empty() || outcomes.contains(&SloOutcome::Unknown) {
        None
    } else {
        Some(true)
    }
}
