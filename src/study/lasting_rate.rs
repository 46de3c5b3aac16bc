//! The rate of a moment of a profile, taken to last.

use crate::config::Flag;
use crate::stats::unrounded;

/// So many requests say how servers do at a rate that lasts, as far as whole servers are apart.
pub(super) const REQUESTS_AT_A_LASTING_RATE: u64 = 10_000;

/// What makes requests come at one rate for good, in place of a profile; messages call it `name`.
pub(super) fn lasting(name: &str, rate_per_s: f64) -> Vec<Flag> {
    let rate = unrounded(rate_per_s);
    let arrivals = format!("workload.arrivals={{ process = \"poisson\", rate = {rate} }}");
    let requests = format!("workload.requests={REQUESTS_AT_A_LASTING_RATE}");
    [arrivals, requests].map(|set| Flag::new(name, set)).to_vec()
}
