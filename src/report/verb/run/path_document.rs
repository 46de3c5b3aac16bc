//! The path of requests in JSON.

use serde::{Serialize, Serializer};

use super::report::RunReport;
use crate::metrics::{LatencySummary, PathReport, PathStageReport, PathSummary};

/// The sections `stages` and `path` of a result.
#[derive(Serialize)]
pub(super) struct PathDocument<'a> {
    stages: &'a [PathStageReport],
    path: Whole<'a>,
}

/// The path as a whole.
#[derive(Serialize)]
struct Whole<'a> {
    /// From the client's request to the end of the answer, and to the first token that the client sees.
    total: &'a LatencySummary,
    first_token: &'a LatencySummary,
    /// By stage, and by part of the model.
    share_of_mean: Shares<'a>,
    /// What the p99 of all stages come to if they are added.
    sum_of_p99_s: Option<f64>,
    degraded_share: Option<f64>,
    failed_share: Option<f64>,
    degraded_by: Counts<'a>,
}

struct Shares<'a>(&'a PathReport);

struct Counts<'a>(&'a PathReport);

impl Serialize for Shares<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let stages = self.0.stages.iter();
        serializer.collect_map(stages.map(|stage| (&stage.name, stage.share_of_mean)))
    }
}

impl Serialize for Counts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.degraded_by.iter().map(|(name, count)| (name, count)))
    }
}

impl RunReport {
    /// The path, if requests take one.
    pub(super) fn path_document(&self) -> Option<PathDocument<'_>> {
        let (report, summary): (&PathReport, PathSummary) = (self.path.as_ref()?, self.summary.path?);
        Some(PathDocument {
            stages: &report.stages,
            path: Whole {
                total: &self.summary.latency.path,
                first_token: &self.summary.latency.path_ttft,
                share_of_mean: Shares(report),
                sum_of_p99_s: summary.sum_of_p99_s,
                degraded_share: summary.degraded_share,
                failed_share: summary.failed_share,
                degraded_by: Counts(report),
            },
        })
    }
}
