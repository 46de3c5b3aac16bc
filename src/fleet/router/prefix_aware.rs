//! `prefix_aware`: the longest cached prefix against the load, as NVIDIA Dynamo's KV router weighs them: the cost of a
//! server is what it would have to compute of the prompt, and of those that wait there, plus what its running requests
//! hold, all in tokens (`overlap_score_weight` = 1 there). It knows at any time what each cache holds, as from events
//! of the servers.

use super::router_trait::{LooksFor, Router, RouterKind, View};
use crate::engine::ServerId;
use crate::workload::Request;

pub(super) const PREFIX_AWARE: RouterKind = RouterKind {
    name: "prefix_aware",
    summary: "The server with the least to do: tokens of the prompt that its cache lacks, of prompts that wait there, \
              and KV tokens in use",
    looks_for: LooksFor::Prefixes,
    new: |_| Box::new(PrefixAware),
};

struct PrefixAware;

impl Router for PrefixAware {
    fn choose(&mut self, request: &Request, view: &mut dyn View) -> Option<ServerId> {
        // Among equals, as while all are idle, they take turns.
        view.least_to_do(request)
    }
}
