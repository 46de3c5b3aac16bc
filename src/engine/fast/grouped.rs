//! Continuous batching over groups of layers: what [`FastContinuous`] has to look at besides.

use super::continuous::FastContinuous;
use super::seats::Seat;
use super::tables::Tables;
use crate::hardware::KvGroupKind;
use crate::kv::Hit;
use crate::policy::{AdmissionMemory, ContinuousSettings, Memory, cut_to_threshold};

impl FastContinuous {
    /// Whether the blocks of all groups of layers hold as many tokens, and a prompt that no other request has had finds
    /// nothing in the cache: of chunks before its last one nobody looks whether they are there.
    pub(in crate::engine) fn knows(rules: &ContinuousSettings, memory: &Memory) -> bool {
        let groups = memory.groups();
        let mut looked_up = groups
            .iter()
            .filter(|group| !matches!(group.kind, KvGroupKind::Chunked(_)));
        Tables::of(rules, memory).is_some() && (!rules.prefix_caching || looked_up.next().is_some())
    }

    /// Whether all running requests compute what they want in the next step, but for the youngest.
    pub(super) fn budget_does(&self, threshold: u32) -> bool {
        self.lacking_in_next_step(threshold).is_some()
    }

    /// Whether, with groups of layers, the next step can be decided without going through the running requests in
    /// order: all of them find their blocks before any of them gives one back.
    pub(super) fn order_of_groups_is_irrelevant(&self, threshold: u32) -> bool {
        let blocks = self.lacking_in_next_step(threshold);
        blocks.is_some_and(|blocks| blocks <= u64::from(self.pool.free()))
    }

    /// Whether the order in which the running requests give back and take blocks decides what becomes of these, or who
    /// gets any.
    pub(super) fn blocks_are_taken_in_order(&self, threshold: u32) -> bool {
        let has_groups = self.tables.groups().is_some();
        // One that stops has looked already.
        let may_matter = has_groups && !self.stops;
        self.group_cache.is_some() || may_matter && !self.order_of_groups_is_irrelevant(threshold)
    }

    /// Blocks that the running requests lack in the next step; `None` if not all but the youngest compute what they
    /// want.
    fn lacking_in_next_step(&self, threshold: u32) -> Option<u64> {
        let budget = self.rules.max_num_batched_tokens;
        let mut left = budget.checked_sub(self.decoders.count())?;
        let mut blocks = u64::from(self.decoders.due_now());
        for (place, &seat) in self.prefilling.iter().enumerate() {
            let live = &self.seats[seat].live;
            let wanted = cut_to_threshold(live.num_tokens() - live.computed, threshold);
            let is_youngest = place + 1 == self.prefilling.len() && self.running.is_youngest(&self.seats, seat);
            if wanted > left && !is_youngest {
                return None;
            }
            let tokens = wanted.min(left);
            left -= tokens;
            blocks += u64::from(self.lacking_blocks(live, tokens));
        }
        Some(blocks)
    }

    /// Gives back what lies behind the windows of a request that is scheduled by itself.
    pub(super) fn give_back(&mut self, seat: Seat) {
        if self.tables.groups().is_none() {
            return;
        }
        let active = &mut self.seats[seat];
        let (tokens, clock) = active.chunk;
        let in_flight = if clock >= self.completed { tokens } else { 0 };
        let settled = active.live.computed - in_flight;
        let gives = match &mut self.group_cache {
            Some(cache) => cache.give_back(seat, settled),
            None => self.tables.unseen(settled) - active.given,
        };
        self.pool.give_back(gives);
        active.given += gives;
    }

    /// What the head of the queue finds in the cache of all groups, and how many tokens it gets; `None` if it must
    /// wait.
    pub(super) fn admission_over_groups(&mut self, seat: Seat, threshold: u32, budget: u32) -> Option<(Hit, u32)> {
        let cache = self.group_cache.as_mut()?;
        let all = self.seats[seat].live.num_tokens();
        cache.look_up(seat, all);
        let hit = &cache.requests[seat as usize].hit;
        let found = hit.entries * self.tables.block_tokens;
        let tokens = self.rules.first_chunk(all - found, threshold, budget)?;
        let mut taken = hit.taken(cache.groups.iter(), |group| group.entries_for(found + tokens));
        if self.rules.full_sequence_gate {
            let whole = hit.taken(cache.groups.iter(), |group| self.tables.whole_of(group, all));
            taken = taken.max(whole);
        }
        let memory = AdmissionMemory {
            free_blocks: self.pool.free(),
            usable_blocks: self.memory.usable_blocks,
            others_run: self.running.count() > 0,
        };
        let enough = self.rules.leaves_enough_free(taken, &memory);
        let hit = Hit {
            blocks: hit.entries,
            unused: hit.blocks(),
        };
        enough.then_some((hit, tokens))
    }
}
