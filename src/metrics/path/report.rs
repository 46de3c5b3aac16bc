//! The stages of a path in the numbers that are reported.

use serde::Serialize;

use super::parts::CallParts;
use super::segment::VisitsInSegment;
use super::sums::PathSums;
use crate::metrics::client::LatencySummary;
use crate::metrics::meter::ratio;
use crate::path::{PathFallback, PlaceOnPath, StageWork};
use crate::stats::Distribution;
use crate::units::PICOS_PER_SECOND;

/// What the stages of a path took, and what was done without them.
#[derive(Clone, Debug, PartialEq)]
pub struct PathReport {
    /// Each stage in its order; behind the model its parts.
    pub stages: Vec<PathStageReport>,
    /// By what stood in, how many answers there were with it: the name of a stage, or `skip NAME`.
    pub degraded_by: Vec<(String, u64)>,
    /// How many answers were degraded, and how many requests had none.
    pub degraded: u64,
    /// Requests without an answer.
    pub failed: u64,
    /// All that ended.
    pub ended: u64,
}

/// What a stage took.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PathStageReport {
    /// What it is called.
    pub name: String,
    /// What it is.
    pub kind: StageKind,
    /// Whether it stands in for others only.
    pub is_fallback: bool,
    /// How long a request is there, all times that it passes it together.
    pub latency: LatencySummary,
    /// How much of it is waiting, in the mean [s]; `None` of what has no queue.
    pub queue_wait_mean_s: Option<f64>,
    /// Which part of the time its servers work, over the whole run.
    pub utilisation: Option<f64>,
    /// How often it refused somebody, or did not answer.
    pub refused: Option<u64>,
    /// Answers for which its fallback stood in.
    pub degraded: Option<u64>,
    /// Requests that had no answer because of it.
    pub failed: Option<u64>,
    /// How much of the mean time of a path is spent there.
    #[serde(skip)]
    pub share_of_mean: Option<f64>,
}

/// What a stage is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StageKind {
    /// A delay, whoever else is there.
    Delay,
    /// Servers with a queue.
    Station,
    /// The model.
    Model,
    /// A part of the model's time.
    Part,
}

impl PathReport {
    pub(super) fn of(sums: &PathSums) -> Self {
        let none = VisitsInSegment::default();
        let mut stages = Vec::new();
        for place in 0..sums.path.stages.len() {
            let visits = sums.paths.stages.get(place).unwrap_or(&none);
            stages.push(stage(sums, place, visits));
            if place == sums.path.model {
                let parts = CallParts::NAMES.iter().zip(&sums.paths.parts);
                stages.extend(parts.map(|(name, picos)| part(sums, name, picos)));
            }
        }
        Self {
            stages,
            degraded_by: degraded_by(sums),
            degraded: sums.paths.degraded,
            failed: sums.paths.failed,
            ended: sums.paths.ended,
        }
    }
}

fn stage(sums: &PathSums, place: usize, visits: &VisitsInSegment) -> PathStageReport {
    let stage = &sums.path.stages[place];
    let (kind, servers) = match stage.work {
        StageWork::Delay(_) => (StageKind::Delay, None),
        StageWork::Station(station) => (StageKind::Station, Some(station.servers)),
        StageWork::Model => (StageKind::Model, None),
    };
    let waited_s = visits.waited_picos as f64 / PICOS_PER_SECOND as f64;
    let busy = sums.stations.busy_picos.get(place).copied().unwrap_or(0);
    PathStageReport {
        name: stage.name.clone(),
        kind,
        is_fallback: stage.place == PlaceOnPath::Aside,
        latency: LatencySummary::of(&visits.time),
        queue_wait_mean_s: servers.and_then(|_| ratio(waited_s, visits.time.count() as f64)),
        utilisation: servers.and_then(|servers| {
            let available = sums.stations.covered_picos as f64 * f64::from(servers);
            // Who is served when the last path ends may go on.
            ratio(busy as f64, available).map(|share| share.min(1.0))
        }),
        refused: Some(visits.refused),
        degraded: Some(visits.fell_back),
        failed: Some(visits.failed),
        share_of_mean: share_of_mean(sums, &visits.time),
    }
}

fn part(sums: &PathSums, name: &str, picos: &Distribution) -> PathStageReport {
    PathStageReport {
        name: name.to_owned(),
        kind: StageKind::Part,
        is_fallback: false,
        latency: LatencySummary::of(picos),
        queue_wait_mean_s: None,
        utilisation: None,
        refused: None,
        degraded: None,
        failed: None,
        share_of_mean: share_of_mean(sums, picos),
    }
}

fn share_of_mean(sums: &PathSums, picos: &Distribution) -> Option<f64> {
    ratio(picos.sum() as f64, sums.paths.total.sum() as f64)
}

/// A stage that stands in for several counts for each.
fn degraded_by(sums: &PathSums) -> Vec<(String, u64)> {
    let mut all: Vec<(String, u64)> = Vec::new();
    for (stage, visits) in sums.path.stages.iter().zip(&sums.paths.stages) {
        let by = match stage.fallback {
            PathFallback::Fail => continue,
            PathFallback::Skip => format!("skip {}", stage.name),
            PathFallback::Stage(other) => sums.path.stages[other].name.clone(),
        };
        match all.iter_mut().find(|(name, _)| *name == by) {
            Some((_, count)) => *count += visits.fell_back,
            None => all.push((by, visits.fell_back)),
        }
    }
    all
}
