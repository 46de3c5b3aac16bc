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
        let prompt = request.prompt.tokens();
        let mut best = None;
        for place in 0..view.ready().len() {
            let server = view.ready()[place];
            let load = view.load(server);
            let lacking = u64::from(prompt - view.cached_tokens(server, request));
            let tokens = lacking + load.queued_tokens + load.used_tokens();
            let cost = tokens as f64 / view.weight(server);
            // Among equals, as while all are idle, they take turns.
            let rank = (cost, view.last_chosen(server));
            if best.is_none_or(|(least, _)| rank < least) {
                best = Some((rank, server));
            }
        }
        best.map(|(_, server)| server)
    }
}
