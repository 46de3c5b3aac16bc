//! What paths came to in a run, or in several pooled.

use std::sync::LazyLock;

use super::report::{PathReport, PathStageReport, StageKind};
use super::sums::PathSums;
use crate::metrics::meter::{Durations, ResultSection, Total, ratio};
use crate::metrics::metric::Metric;
use crate::metrics::named_number::{Better, NamedNumber, PlaceInList, Quantity};
use crate::stats::Distribution;

/// Sums over paths; nothing without a path.
#[derive(Clone, Debug, Default)]
pub(in crate::metrics) struct PathTotal(pub(super) Option<Box<PathSums>>);

/// How the paths of requests ended. Shares are of all that ended, and `None` of none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PathSummary {
    /// How many ended.
    pub ended: u64,
    /// How many had no answer.
    pub failed: u64,
    /// Answers for which a fallback stood in.
    pub degraded_share: Option<f64>,
    /// Requests without an answer.
    pub failed_share: Option<f64>,
    /// The p99 of all stages of the path added up [s]: not the p99 of the path, which is less where they are
    /// independent. `None` if one of them is not known.
    pub sum_of_p99_s: Option<f64>,
}

static NO_PATHS: LazyLock<Distribution> = LazyLock::new(Distribution::default);

impl PathTotal {
    /// The latency of the paths themselves [ps].
    pub(in crate::metrics) fn latency(&self, metric: Metric) -> &Distribution {
        match (&self.0, metric) {
            (Some(sums), Metric::Path) => &sums.paths.total,
            (Some(sums), Metric::PathTtft) => &sums.paths.first_token,
            _ => &NO_PATHS,
        }
    }

    /// Each stage, and what was done without it; `None` without a path.
    pub(in crate::metrics) fn report(&self) -> Option<PathReport> {
        self.0.as_ref().map(|sums| PathReport::of(sums))
    }
}

fn sum_of_p99_s(sums: &PathSums) -> Option<f64> {
    let is_on_the_way = |stage: &&PathStageReport| {
        let is_stage = stage.kind != StageKind::Part && !stage.is_fallback;
        is_stage && stage.latency.count > 0
    };
    let report = PathReport::of(sums);
    let p99 = report.stages.iter().filter(is_on_the_way).map(|it| it.latency.p99);
    let p99: Vec<f64> = p99.collect::<Option<_>>()?;
    // Of no stage there is no sum.
    (!p99.is_empty()).then(|| p99.iter().sum())
}

impl Total for PathTotal {
    type Section = Option<PathSummary>;

    fn pool(&mut self, other: &Self) {
        if let (Some(mine), Some(theirs)) = (&mut self.0, &other.0) {
            mine.paths.pool(&theirs.paths);
            mine.stations.add(&theirs.stations);
        }
    }

    fn section(&self, _durations: &Durations) -> Option<PathSummary> {
        let sums = self.0.as_ref()?;
        let share = |part: u64| ratio(part as f64, sums.paths.ended as f64);
        Some(PathSummary {
            ended: sums.paths.ended,
            failed: sums.paths.failed,
            degraded_share: share(sums.paths.degraded),
            failed_share: share(sums.paths.failed),
            sum_of_p99_s: sum_of_p99_s(sums),
        })
    }
}

impl ResultSection for Option<PathSummary> {
    fn named_numbers() -> Vec<NamedNumber<Self>> {
        let degraded = |it: &Self| it.as_ref()?.degraded_share;
        let failed = |it: &Self| it.as_ref()?.failed_share;
        let sum = |it: &Self| it.as_ref()?.sum_of_p99_s;
        vec![
            NamedNumber::share("path.degraded_share", Better::Lower, degraded).at(PlaceInList::Last),
            NamedNumber::share("path.failed_share", Better::Lower, failed).at(PlaceInList::Last),
            NamedNumber::new("path.sum_of_p99_s", Quantity::Time, Better::Lower, sum).at(PlaceInList::Last),
        ]
    }
}
