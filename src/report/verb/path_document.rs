//! The path of requests in JSON.

use serde::{Serialize, Serializer};

use crate::metrics::{LatencySummary, PathReport, PathStageReport, Summary};

/// The sections `stages` and `path` of a result.
#[derive(Serialize)]
pub struct PathDocument<'a> {
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

impl<'a> PathDocument<'a> {
    /// The path of these requests.
    pub fn of(path: &'a PathReport, summary: &'a Summary) -> Self {
        let whole = summary.path;
        Self {
            stages: &path.stages,
            path: Whole {
                total: &summary.latency.path,
                first_token: &summary.latency.path_ttft,
                share_of_mean: Shares(path),
                sum_of_p99_s: whole.and_then(|it| it.sum_of_p99_s),
                degraded_share: whole.and_then(|it| it.degraded_share),
                failed_share: whole.and_then(|it| it.failed_share),
                degraded_by: Counts(path),
            },
        }
    }
}
