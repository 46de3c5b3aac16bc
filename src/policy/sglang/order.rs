//! In which order SGLang asks the waiting in (`schedule_policy.py`, `SchedulePolicy.calc_priority`).

use std::cmp::Reverse;
use std::collections::VecDeque;

use super::kv_cache::{KvCache, tokens};
use crate::kv::RadixTree;
use crate::policy::queue::Live;

/// With more waiting than this, looking all of them up would cost too much: `lpm` becomes `fcfs`.
const MOST_LOOKED_UP: usize = 128;
/// A request with no more cached tokens than this goes last if it shares more than this with one before it
/// (`IN_BATCH_PREFIX_CACHING_CHECK_THRESHOLD`, `IN_BATCH_PREFIX_CACHING_DEPRIORITIZE_THRESHOLD`).
const IN_BATCH_PREFIX: u32 = 32;

/// In which order the waiting are asked in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchedulePolicy {
    /// First come, first served.
    Fcfs,
    /// The longest cached prefix first.
    Lpm,
}

/// Puts the queue into the policy's order; equals keep theirs.
pub(super) fn arrange(policy: SchedulePolicy, waiting: &mut VecDeque<Live>, cache: &mut KvCache) {
    if policy == SchedulePolicy::Fcfs || !cache.has_tree() || waiting.len() > MOST_LOOKED_UP {
        return;
    }
    // What those that are asked in first will bring into the cache, always token by token.
    let mut to_come = RadixTree::new(1);
    let mut ranked = Vec::new();
    for live in waiting.drain(..) {
        let cached = cache.find(&live).tokens;
        let mut waits = false;
        if cached <= IN_BATCH_PREFIX {
            let all = tokens(&live, live.num_tokens());
            waits = to_come.find(&all).tokens > IN_BATCH_PREFIX;
            if !waits {
                to_come.insert(&all);
            }
        }
        let rank = if waits {
            (true, None)
        } else {
            (false, Some(Reverse(cached)))
        };
        ranked.push((rank, live));
    }
    ranked.sort_by_key(|&(rank, _)| rank);
    waiting.extend(ranked.into_iter().map(|(_, live)| live));
}
