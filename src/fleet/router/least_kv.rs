//! `least_kv`: the server whose KV cache is emptiest, as routers do that read `vllm:kv_cache_usage_perc`. Prompts that
//! wait count as what they will take: otherwise all arrivals between two steps would go to the same server.

use super::router_trait::{LooksFor, Router, RouterKind, View};
use crate::engine::ServerId;
use crate::workload::Request;

pub(super) const LEAST_KV: RouterKind = RouterKind {
    name: "least_kv",
    summary: "The server with the smallest share of its KV cache in use, or asked for by prompts that wait there",
    looks_for: LooksFor::Nothing,
    new: |_| Box::new(LeastKv),
};

struct LeastKv;

impl Router for LeastKv {
    fn choose(&mut self, _request: &Request, view: &mut dyn View) -> Option<ServerId> {
        view.least_kv()
    }
}
