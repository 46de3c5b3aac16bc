//! How the requests of continuous batching take blocks, name them and let them go.

use super::continuous::FastContinuous;
use super::seats::{Part, Seat};
use crate::policy::Live;

impl FastContinuous {
    /// Blocks that a request lacks to compute `tokens` more tokens.
    pub(super) fn lacking_blocks(&self, live: &Live, tokens: u32) -> u32 {
        let needed = self.tables.entries(live.computed + tokens);
        needed.saturating_sub(live.blocks)
    }

    /// Takes blocks that are still empty.
    pub(super) fn take(&mut self, blocks: u32) {
        self.pool.take(blocks);
        if let Some(cache) = &mut self.group_cache {
            cache.queue.take(blocks);
        }
        self.empty += u64::from(blocks) * u64::from(self.tables.block_tokens);
    }

    /// Takes all blocks from a request of which `known` tokens are known.
    pub(super) fn release(&mut self, seat: Seat, known: u32, returns: bool) {
        let active = &mut self.seats[seat];
        self.empty -= self.tables.empty_slots(active.live.computed);
        if !self.rules.prefix_caching {
            let (entries, states) = (active.live.blocks, self.tables.states_at(0));
            self.pool.give_back(entries - active.given + states);
            if let Some(cache) = &mut self.group_cache {
                let full = known / self.tables.block_tokens;
                cache.release(seat, full, entries / self.tables.with_tokens, returns);
            }
            return;
        }
        self.naming -= u32::from(active.holding.names_output());
        active.holding.release(&active.live, known, returns, &mut self.pool);
    }

    /// Names what is known of a request's output, where others inside the server can name it.
    pub(super) fn name_known(&mut self, seat: Seat) {
        let known = self.known_tokens(seat);
        let active = &mut self.seats[seat];
        if active.part == Part::Listed && active.holding.names_output() {
            let live = &active.live;
            // The newest token is not computed, unless by a step that nobody needed.
            let known = known.min(live.num_tokens() - 1);
            active
                .holding
                .name_full(&live.request, live.generated, known, &mut self.pool);
        }
    }
}
