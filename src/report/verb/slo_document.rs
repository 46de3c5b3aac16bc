//! An objective in JSON, and how it fared.

use serde::Serialize;

use crate::metrics::{Slo, SloOutcome, SloResult};

/// An objective: on a latency with its statistic and seconds, on what is served without them.
#[derive(Serialize)]
pub struct SloDocument {
    metric: &'static str,
    statistic: Option<&'static str>,
    /// Whether the limit is the most (`at_most`) or the least (`at_least`) that it may be.
    bound: &'static str,
    /// In seconds, of a latency.
    limit_s: Option<f64>,
    /// In seconds, of a latency; `None` if there are too few samples to tell, or if it has no end.
    got_s: Option<f64>,
    /// Of what is served: a part of one, or per second.
    limit: Option<f64>,
    got: Option<f64>,
    /// `None` if there are too few samples to tell.
    met: Option<bool>,
}

impl SloDocument {
    /// That of an objective with how it fared.
    pub fn of(result: &SloResult) -> Self {
        let met = match result.outcome {
            SloOutcome::Met => Some(true),
            SloOutcome::Missed => Some(false),
            SloOutcome::Unknown => None,
        };
        match result.slo {
            Slo::Latency(slo) => Self {
                metric: slo.metric.name(),
                statistic: Some(slo.statistic.name()),
                bound: "at_most",
                limit_s: Some(slo.limit.seconds()),
                got_s: result.got,
                limit: None,
                got: None,
                met,
            },
            Slo::Served(slo) => Self {
                metric: slo.of.name(),
                statistic: None,
                bound: if slo.of.is_least() { "at_least" } else { "at_most" },
                limit_s: None,
                got_s: None,
                limit: Some(slo.bound),
                got: result.got,
                met,
            },
        }
    }
}
