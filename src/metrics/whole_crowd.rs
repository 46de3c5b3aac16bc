//! Latencies of all clients: of those who were served, and of those who never were, whose wait has no end.

use super::client::{CrowdQuantiles, Felt, LatencySummary, Requests};
use super::metric::{Metric, Statistic};
use super::recording::Recording;

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
}

/// The quantiles of all latencies over all clients; `None` if every one was served, so that they are those of the
/// served.
pub(super) fn quantiles(recording: &Recording, requests: &Requests) -> Option<[CrowdQuantiles; Metric::ALL.len()]> {
    let lost = requests.errors.filter(|&lost| lost > 0.0)?;
    Some(Metric::ALL.map(|metric| CrowdQuantiles::of(recording.latency(metric), lost)))
}
