//! What stands in for each part of the path that fails.

use super::own_traffic::OwnTraffic;
use crate::config::Scenario;
use crate::metrics::PathStageReport;
use crate::path::{PathFallback, PlaceOnPath};

/// A stage of the path, and what stands in for it.
#[derive(Clone, Debug, PartialEq)]
pub struct StageFallback {
    /// What it is called.
    pub stage: String,
    /// What stands in for it: the name of a stage, or `skip`; `None` if the path fails with it.
    pub fallback: Option<String>,
    /// How often it refused a request or did not answer, in the own runs.
    pub refused: u64,
    /// Answers for which its fallback stood in.
    pub degraded: u64,
    /// Requests that had no answer because of it.
    pub failed: u64,
}

/// Each stage that requests pass, in its order; none without a path.
pub(super) fn of_stages(scenario: &Scenario, own: &OwnTraffic) -> Vec<StageFallback> {
    let (Some(path), Some(report)) = (&scenario.path, &own.path) else {
        return Vec::new();
    };
    let passed = path.stages.iter().filter(|stage| stage.place != PlaceOnPath::Aside);
    let fallbacks = passed.map(|stage| {
        let seen = report.stages.iter().find(|seen| seen.name == stage.name);
        let count = |of: fn(&PathStageReport) -> Option<u64>| seen.and_then(of).unwrap_or(0);
        StageFallback {
            stage: stage.name.clone(),
            fallback: match stage.fallback {
                PathFallback::Fail => None,
                PathFallback::Skip => Some("skip".to_owned()),
                PathFallback::Stage(place) => Some(path.stages[place].name.clone()),
            },
            refused: count(|seen| seen.refused),
            degraded: count(|seen| seen.degraded),
            failed: count(|seen| seen.failed),
        }
    });
    fallbacks.collect()
}
