//! In which order SGLang asks the waiting in (`schedule_policy.py`, `SchedulePolicy.calc_priority`).

use std::cmp::Reverse;
use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::member::SglangMember;
use super::settings::{SchedulePolicy, SglangPriorities};
use super::slots::TokenSlots;
use crate::kv::{PrefixEnd, RadixTree};

/// With more waiting than this, looking all of them up would cost too much: `lpm` becomes `fcfs`. And so many are
/// looked up where it is done for the sake of the cache alone.
const MOST_LOOKED_UP: usize = 128;
/// A request with no more cached tokens than this goes last if it shares as many with one before it
/// (`IN_BATCH_PREFIX_CACHING_CHECK_THRESHOLD`, `IN_BATCH_PREFIX_CACHING_DEPRIORITIZE_THRESHOLD`).
const IN_BATCH_PREFIX: u32 = 32;
/// Of so many passes in which nobody is looked up, one looks the waiting up, so that their prefixes stay.
const PASSES_A_TOUCH: u64 = 32;

/// The order of the queue, and the passes that were made over it.
pub(crate) struct QueueOrder {
    policy: SchedulePolicy,
    priorities: Option<SglangPriorities>,
    /// Passes in which nobody was looked up.
    passes: u64,
}

impl QueueOrder {
    pub(crate) const fn new(policy: SchedulePolicy, priorities: Option<SglangPriorities>) -> Self {
        Self {
            policy,
            priorities,
            passes: 0,
        }
    }

    /// Puts the queue into the policy's order; equals keep theirs.
    pub(crate) fn arrange<'a, K: Copy>(
        &mut self,
        waiting: &mut VecDeque<K>,
        member: &impl Fn(K) -> &'a SglangMember,
        slots: &mut TokenSlots,
    ) {
        match self.policy {
            SchedulePolicy::Lpm if slots.has_tree() && waiting.len() <= MOST_LOOKED_UP => {
                by_prefix(waiting, member, slots);
            }
            SchedulePolicy::DfsWeight if slots.has_tree() => depth_first(waiting, member, slots),
            policy => {
                self.by_arrival(policy, waiting, member);
                self.touch(waiting, member, slots);
            }
        }
    }

    fn by_arrival<'a, K: Copy>(
        &self,
        policy: SchedulePolicy,
        waiting: &mut VecDeque<K>,
        member: &impl Fn(K) -> &'a SglangMember,
    ) {
        let rank = |member: &SglangMember| self.priorities.map(|rules| rules.rank(member.request.priority));
        if policy == SchedulePolicy::Lof {
            let waiting = waiting.make_contiguous();
            waiting.sort_by_cached_key(|&key| (rank(member(key)), Reverse(member(key).max_new)));
        } else if self.priorities.is_some() {
            let waiting = waiting.make_contiguous();
            waiting.sort_by_cached_key(|&key| (rank(member(key)), member(key).entry));
        }
    }

    /// Looks those up who come next, last first, for the sake of what they will find.
    fn touch<'a, K: Copy>(
        &mut self,
        waiting: &VecDeque<K>,
        member: &impl Fn(K) -> &'a SglangMember,
        slots: &mut TokenSlots,
    ) {
        if !slots.has_tree() || waiting.is_empty() {
            return; // No pass that counts.
        }
        if self.passes.is_multiple_of(PASSES_A_TOUCH) {
            for &key in waiting.iter().take(MOST_LOOKED_UP).rev() {
                let member = member(key);
                slots.find(member, member.num_tokens());
            }
        }
        self.passes += 1;
    }
}

/// What the tree holds of all its tokens.
struct LookedUp<K> {
    key: K,
    /// Tokens that are there; of one that is there in full its last counts as lacking.
    cached: u32,
    end: PrefixEnd,
    /// Whether it goes last, as it will find what one before it brings.
    waits: bool,
}

/// Looks all of them up.
fn look_up<'a, K: Copy>(
    waiting: &VecDeque<K>,
    member: &impl Fn(K) -> &'a SglangMember,
    slots: &mut TokenSlots,
) -> Vec<LookedUp<K>> {
    // What those that are asked in first will bring into the cache, always token by token.
    let mut to_come = RadixTree::new(1);
    let each = waiting.iter().map(|&key| {
        let member = member(key);
        let all = member.num_tokens();
        let found = slots.find(member, all);
        let mut waits = false;
        if found.tokens <= IN_BATCH_PREFIX {
            let tokens = member.tokens(all, slots.special());
            waits = to_come.find(&tokens).tokens >= IN_BATCH_PREFIX;
            if !waits {
                to_come.insert(&tokens);
            }
        }
        LookedUp {
            key,
            cached: found.tokens.min(all - 1),
            end: found.end,
            waits,
        }
    });
    each.collect()
}

/// `lpm`.
fn by_prefix<'a, K: Copy>(waiting: &mut VecDeque<K>, member: &impl Fn(K) -> &'a SglangMember, slots: &mut TokenSlots) {
    let mut all = look_up(waiting, member, slots);
    all.sort_by_key(|found| {
        let cached = if found.waits { 0 } else { found.cached };
        (found.waits, Reverse(cached))
    });
    waiting.clear();
    waiting.extend(all.iter().map(|found| found.key));
}

/// `dfs-weight`: of a node's children those come first below which more of the waiting end, and all children before the
/// requests that end at the node itself.
fn depth_first<'a, K: Copy>(
    waiting: &mut VecDeque<K>,
    member: &impl Fn(K) -> &'a SglangMember,
    slots: &mut TokenSlots,
) {
    let all = look_up(waiting, member, slots);
    let tree = slots.tree();
    let mut weights: FxHashMap<PrefixEnd, u32> = FxHashMap::default();
    let mut ending: FxHashMap<PrefixEnd, Vec<K>> = FxHashMap::default();
    for found in &all {
        ending.entry(found.end).or_default().push(found.key);
        let mut node = Some(found.end);
        while let Some(end) = node {
            *weights.entry(end).or_default() += 1;
            node = tree.parent(end);
        }
    }
    waiting.clear();
    // What is still to be done, next last: to go into a node, or to take its own.
    let mut to_do = vec![(PrefixEnd::EMPTY, false)];
    while let Some((node, is_done)) = to_do.pop() {
        if is_done {
            waiting.extend(ending.remove(&node).unwrap_or_default());
            continue;
        }
        to_do.push((node, true));
        let mut children = tree.children(node);
        children.retain(|child| weights.contains_key(child));
        children.sort_by_key(|child| Reverse(weights[child]));
        to_do.extend(children.into_iter().rev().map(|child| (child, false)));
    }
}
