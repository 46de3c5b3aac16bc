//! `random`: any server, each with the same chance.

use rand::RngExt;

use super::router_trait::{LooksFor, Router, RouterKind, View};
use crate::engine::ServerId;
use crate::stats::streams::{Xoshiro256PlusPlus, stream};
use crate::workload::Request;

pub(super) const RANDOM: RouterKind = RouterKind {
    name: "random",
    summary: "Any server, each with the same chance",
    looks_for: LooksFor::Nothing,
    new: |start| {
        Box::new(Random {
            random: stream(start.seed, "router"),
        })
    },
};

struct Random {
    random: Xoshiro256PlusPlus,
}

impl Router for Random {
    fn choose(&mut self, _request: &Request, view: &mut dyn View) -> Option<ServerId> {
        let ready = view.ready();
        if ready.is_empty() {
            return None;
        }
        Some(ready[self.random.random_range(0..ready.len())])
    }
}
