//! Continuous batching over groups of layers: what [`FastContinuous`] has to look at besides.

use super::continuous::FastContinuous;
use super::seats::Seat;
use super::tables::Tables;
use crate::hardware::KvGroupKind;
use crate::policy::{ContinuousSettings, Memory, cut_to_threshold};

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

    /// Whether, with groups of layers, the next step can be decided without going through the running requests in
    /// order: all of them find their blocks before any of them gives one back.
    pub(super) fn order_of_groups_is_irrelevant(&self, threshold: u32) -> bool {
        let budget = self.rules.max_num_batched_tokens;
        let Some(mut left) = budget.checked_sub(self.decoders.count()) else {
            return false;
        };
        let mut blocks = u64::from(self.decoders.due_now());
        for (place, &seat) in self.prefilling.iter().enumerate() {
            let live = &self.seats[seat].live;
            let wanted = cut_to_threshold(live.num_tokens() - live.computed, threshold);
            let is_youngest = place + 1 == self.prefilling.len() && self.running.is_youngest(&self.seats, seat);
            if wanted > left && !is_youngest {
                return false;
            }
            let tokens = wanted.min(left);
            left -= tokens;
            blocks += u64::from(self.lacking_blocks(live, tokens));
        }
        blocks <= u64::from(self.pool.free())
    }

    /// Gives back what lies behind the windows of a request that is scheduled by itself.
    pub(super) fn give_back(&mut self, seat: Seat) {
        if self.tables.groups().is_none() {
            return;
        }
        let active = &mut self.seats[seat];
        let (tokens, clock) = active.chunk;
        let in_flight = if clock >= self.completed { tokens } else { 0 };
        let unseen = self.tables.unseen(active.live.computed - in_flight);
        self.pool.give_back(unseen - active.given);
        active.given = unseen;
    }
}
