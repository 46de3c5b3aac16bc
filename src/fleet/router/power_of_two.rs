//! `power_of_two`: two servers drawn at random, of which the one with fewer outstanding requests takes it, as Envoy's
//! `LEAST_REQUEST` does by default. Of the servers of a large fleet with exponential service, a share of
//! rho^(2^i - 1) has `i` requests or more (M. Mitzenmacher, *The power of two choices in randomized load balancing*,
//! 2001).

use rand::RngExt;

use super::router_trait::{LooksFor, Router, RouterKind, View};
use crate::engine::ServerId;
use crate::stats::streams::{Xoshiro256PlusPlus, stream};
use crate::workload::Request;

pub(super) const POWER_OF_TWO: RouterKind = RouterKind {
    name: "power_of_two",
    summary: "Of two servers drawn at random the one with fewer requests that have not ended",
    looks_for: LooksFor::Nothing,
    new: |start| {
        Box::new(PowerOfTwo {
            random: stream(start.seed, "router"),
        })
    },
};

struct PowerOfTwo {
    random: Xoshiro256PlusPlus,
}

impl Router for PowerOfTwo {
    fn choose(&mut self, _request: &Request, view: &mut dyn View) -> Option<ServerId> {
        let ready = view.ready();
        let (one, other) = match ready.len() {
            0 => return None,
            1 => return Some(ready[0]),
            many => {
                let one = self.random.random_range(0..many);
                // Any but the first.
                let step = self.random.random_range(1..many);
                (ready[one], ready[(one + step) % many])
            }
        };
        let load = |server| f64::from(view.outstanding(server)) / view.weight(server);
        Some(if load(other) < load(one) { other } else { one })
    }
}
