//! `prefix_affinity`: prompts that begin alike go to the same server, by consistent hashing with bounded loads
//! (V. Mirrokni, M. Thorup, M. Zadimoghaddam, 2018), as `KubeAI`'s `PrefixHash` does: it looks at the first 100
//! characters, some 32 tokens, and passes over servers with more than 125 % of the mean load.

use super::hashing::Ring;
use super::router_trait::{LooksFor, Router, RouterKind, View};
use crate::engine::ServerId;
use crate::stats::streams::mix;
use crate::workload::Request;

pub(super) const PREFIX_AFFINITY: RouterKind = RouterKind {
    name: "prefix_affinity",
    summary: "Prompts whose first 32 tokens agree go to the same server, or to the next on a ring while it has more \
              than 125 % of the mean load",
    looks_for: LooksFor::Prefixes,
    new: |start| Box::new(PrefixAffinity { ring: Ring::new(start) }),
};

const LOOKED_AT_TOKENS: u32 = 32;
const MOST_LOAD: f64 = 1.25;

struct PrefixAffinity {
    ring: Ring,
}

impl Router for PrefixAffinity {
    fn choose(&mut self, request: &Request, view: &mut dyn View) -> Option<ServerId> {
        let ready = view.ready();
        let outstanding: u64 = ready.iter().map(|&server| u64::from(view.outstanding(server))).sum();
        let weights: f64 = ready.iter().map(|&server| view.weight(server)).sum();
        // With this request; rounded up, so that there is always somebody who may take it.
        let has_room = |server: &ServerId| {
            let share = view.weight(*server) / weights;
            let most = (MOST_LOAD * (outstanding + 1) as f64 * share).ceil();
            ready.binary_search(server).is_ok() && f64::from(view.outstanding(*server) + 1) <= most
        };
        self.ring.from(first_tokens(request)).find(has_room)
    }
}

/// The identity of the first tokens; of a prompt that nobody shares, its own.
fn first_tokens(request: &Request) -> u64 {
    let Some(segments) = request.prompt.segments() else {
        return mix(request.id.0);
    };
    let mut left = LOOKED_AT_TOKENS;
    let mut hash = 0;
    for segment in segments {
        let tokens = segment.tokens.min(left);
        if tokens == 0 {
            break;
        }
        let place = u64::from(segment.offset) << 32 | u64::from(tokens);
        hash = mix(mix(hash ^ segment.content.0) ^ place);
        left -= tokens;
    }
    hash
}
