//! Latencies of all clients: of those who were served, and of those who never were, whose wait has no end.

use super::client::{CrowdQuantiles, Felt, LatencyDistributions, LatencySummary, Requests};
use super::meters::Summary;
use super::metric::{Metric, Statistic};
use super::path::{PathSummary, PathTotal};

/// A mean or a maximum leaves out so many of all requests that were refused: at any load alike, as a rule because they
/// are too long for the server.
const MOST_LEFT_OUT: f64 = 0.01;

impl LatencySummary {
    /// A statistic over all clients.
    pub(super) fn of_whole_crowd(&self, statistic: Statistic, requests: &Requests) -> Felt {
        let served = self.statistic(statistic).map_or(Felt::Unknown, Felt::After);
        if matches!(statistic, Statistic::Mean | Statistic::Max) {
            let gave_up = requests.timed_out + requests.cancelled + requests.failed;
            let refused = requests.rejected as f64 > MOST_LEFT_OUT * requests.arrived as f64;
            return if gave_up > 0 || refused { Felt::Never } else { served };
        }
        let crowd = self.crowd.and_then(|quantiles| quantiles.statistic(statistic));
        crowd.unwrap_or(served)
    }

    /// A statistic over all clients whose requests took a path, which misses any limit if it failed.
    pub(super) fn of_all_paths(&self, statistic: Statistic, paths: &PathSummary) -> Felt {
        let answered = self.statistic(statistic).map_or(Felt::Unknown, Felt::After);
        if matches!(statistic, Statistic::Mean | Statistic::Max) {
            return if paths.failed > 0 { Felt::Never } else { answered };
        }
        let crowd = self.crowd.and_then(|quantiles| quantiles.statistic(statistic));
        crowd.unwrap_or(answered)
    }
}

/// Adds the quantiles of all latencies over all clients, unless every one was served, so that they are those of the
/// served.
pub(super) fn add_quantiles(summary: &mut Summary, served: &LatencyDistributions) {
    let Some(lost) = summary.requests.errors.filter(|&lost| lost > 0.0) else {
        return;
    };
    for metric in Metric::ALL {
        let quantiles = CrowdQuantiles::of(served.of(metric), lost);
        summary.latency.of_mut(metric).crowd = Some(quantiles);
    }
}

/// Adds the latencies of paths to those of the model's requests, over all clients where some had no answer.
pub(super) fn add_latencies_of_paths(summary: &mut Summary, paths: &PathTotal) {
    let Some(ended) = summary.path else { return };
    for metric in Metric::OF_PATHS {
        let picos = paths.latency(metric);
        let lost = ended.failed_share.filter(|&lost| lost > 0.0);
        *summary.latency.of_mut(metric) = LatencySummary {
            crowd: lost.map(|lost| CrowdQuantiles::of(picos, lost)),
            ..LatencySummary::of(picos)
        };
    }
}
