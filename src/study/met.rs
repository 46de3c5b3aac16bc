//! Whether a load is carried: what every study means by "the objectives are met".

use crate::metrics::{Slo, Statistic, Summary, all_met};

/// Whether a run meets all objectives with a queue that does not grow to its end; `None` if there are no objectives, or
/// too few samples to tell.
///
/// Clients who gave up have waited longer than any that a latency is known of, so no more of them may be than the
/// statistic leaves out: one in a hundred of a 99th percentile, none of a mean or a maximum. Who is rejected is not
/// served either, though at any load alike, so that a mean or a maximum may leave out one in a hundred of them.
pub fn is_met(slos: &[Slo], summary: &Summary) -> Option<bool> {
    let requests = &summary.requests;
    let lost = (requests.timed_out + requests.cancelled + requests.failed) as f64;
    let may_be_lost = |slo: &Slo| left_out(slo.statistic) * requests.arrived as f64;
    let rejects_many = requests.rejected as f64 > MOST_REJECTED * requests.arrived as f64;
    if !slos.is_empty() && rejects_many || slos.iter().any(|slo| lost > may_be_lost(slo)) {
        return Some(false);
    }
    match all_met(slos, summary) {
        Some(true) if summary.saturation.is_some_and(|it| it.queue_grows) => Some(false),
        judged => judged,
    }
}

/// A server that rejects more serves another workload than the one it is asked about.
pub const MOST_REJECTED: f64 = 0.01;

/// The part of all requests that lies beyond a statistic.
fn left_out(statistic: Statistic) -> f64 {
    match statistic {
        Statistic::P50 => 0.5,
        Statistic::P90 => 0.1,
        Statistic::P95 => 0.05,
        Statistic::P99 => 0.01,
        Statistic::P999 => 0.001,
        Statistic::Mean | Statistic::Max => 0.0,
    }
}
