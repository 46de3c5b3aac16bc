//! Consistent hashing: keys lie on a ring of servers, so that one server more or less moves few of them (D. Karger et
//! al., 1997).

use super::router_trait::RouterStart;
use crate::engine::ServerId;
use crate::stats::streams::mix;

/// How many points of the ring a server of weight 1 has: keys are spread within some 10 % then.
const POINTS: f64 = 100.0;

/// Servers at many points of a ring each, by their weights.
pub(super) struct Ring {
    /// In the order of the ring.
    points: Vec<(u64, ServerId)>,
}

impl Ring {
    pub(super) fn new(start: &RouterStart<'_>) -> Self {
        let mut points = Vec::new();
        for (server, weight) in (0..).zip(start.weights) {
            let count = (POINTS * weight).ceil().max(1.0) as u64;
            let place = |point| mix(mix(u64::from(server)) ^ point);
            points.extend((0..count).map(|point| (place(point), ServerId(server))));
        }
        points.sort_unstable();
        Self { points }
    }

    /// The servers from a key on around the ring, each as often as it has points.
    pub(super) fn from(&self, key: u64) -> impl Iterator<Item = ServerId> {
        let first = self.points.partition_point(|&(place, _)| place < key);
        let (before, after) = self.points.split_at(first);
        after.iter().chain(before).map(|&(_, server)| server)
    }
}
