//! `round_robin`: one server after the other.

use super::router_trait::{LooksFor, Router, RouterKind, View};
use crate::engine::ServerId;
use crate::workload::Request;

pub(super) const ROUND_ROBIN: RouterKind = RouterKind {
    name: "round_robin",
    summary: "One server after the other, whatever they do",
    looks_for: LooksFor::Nothing,
    new: |_| Box::new(RoundRobin { latest: None }),
};

struct RoundRobin {
    latest: Option<ServerId>,
}

impl Router for RoundRobin {
    fn choose(&mut self, _request: &Request, view: &mut dyn View) -> Option<ServerId> {
        let ready = view.ready();
        let next = ready.partition_point(|&server| Some(server) <= self.latest);
        self.latest = ready.get(next).or(ready.first()).copied();
        self.latest
    }
}
