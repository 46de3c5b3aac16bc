//! Who comes into continuous batching, and what of it the prefix cache holds.

use super::continuous::FastContinuous;
use super::scheduler::Moment;
use super::seats::{Part, Seat};
use crate::engine::observer::{Event, Observer};
use crate::kv::Hit;
use crate::policy::AdmissionMemory;
use crate::step_time::StepShape;
use crate::units::Time;

impl FastContinuous {
    /// The head of the queue, as long as it may come in.
    pub(super) fn decide_waiting(
        &mut self,
        threshold: u32,
        mut budget: u32,
        shape: &mut StepShape,
        at: Moment,
        observer: &mut (impl Observer + ?Sized),
    ) {
        while budget > 0 && self.running.count() < self.rules.max_num_seqs {
            let Some(seat) = self.waiting.front() else {
                break;
            };
            let Some((hit, tokens)) = self.admission(seat, threshold, budget) else {
                break;
            };
            self.waiting.remove(&self.seats, 0);
            self.running.push(&mut self.seats, seat);
            self.seats[seat].chunk = (0, 0);
            self.admit(seat, hit, at.now, observer);
            let fits = self.schedule_chunk(seat, tokens, shape);
            assert!(fits, "an admission checks that its blocks are free");
            self.prefilling.push(seat);
            budget -= tokens;
        }
    }

    /// What the head of the queue finds in the cache and how many tokens it gets; `None` if it must wait.
    fn admission(&mut self, seat: Seat, threshold: u32, budget: u32) -> Option<(Hit, u32)> {
        if self.group_cache.is_some() {
            return self.admission_over_groups(seat, threshold, budget);
        }
        let active = &mut self.seats[seat];
        let (live, block_tokens) = (&active.live, self.memory.block_tokens);
        let all = live.num_tokens();
        let mut hit = Hit::default();
        if self.rules.prefix_caching {
            // At least one token is left to compute.
            let most = (all - 1) / block_tokens;
            let found = &mut self.found;
            hit = active.holding.lookup(live, most, &self.pool, found);
        }
        let lacking = all - hit.blocks * block_tokens;
        let tokens = self.rules.first_chunk(lacking, threshold, budget)?;
        let mut needed = self.tables.at_once(all - lacking + tokens);
        if self.rules.full_sequence_gate {
            // A step may take more than a request holds when its windows have moved on.
            needed = needed.max(self.tables.whole(all));
        }
        let taken = needed - hit.blocks + hit.unused;
        let memory = AdmissionMemory {
            free_blocks: self.pool.free(),
            usable_blocks: self.memory.usable_blocks,
            others_run: self.running.count() > 0,
        };
        let enough = self.rules.leaves_enough_free(taken, &memory);
        enough.then_some((hit, tokens))
    }

    /// Gives the request that has just come in what it found in the cache.
    fn admit(&mut self, seat: Seat, hit: Hit, now: Time, observer: &mut (impl Observer + ?Sized)) {
        let active = &mut self.seats[seat];
        if self.rules.prefix_caching {
            active.holding.take_hit(&mut self.pool, &self.found);
            self.naming += u32::from(active.holding.names_output());
            self.found.clear();
        }
        let mut entries = hit.blocks;
        if let Some(cache) = &mut self.group_cache {
            self.pool.take(hit.unused);
            entries *= self.tables.with_tokens;
            active.given = entries - hit.unused;
            cache.take_found(seat);
        }
        active.part = if self.listed { Part::Listed } else { Part::Prefills };
        let live = &mut active.live;
        live.is_preempted = false;
        let (resumed, hit_tokens) = (live.preemptions > 0, hit.blocks * self.tables.block_tokens);
        if resumed {
            // What it had computed before and does not find is computed again.
            live.recomputed += u64::from(live.computed.saturating_sub(hit_tokens));
        } else {
            live.scheduled = Some(now);
            live.cached = hit_tokens;
        }
        live.computed = hit_tokens;
        live.blocks = entries;
        let event = Event::Admitted {
            resumed,
            tokens: live.num_tokens() - hit_tokens,
        };
        observer.on(now, live.request.id, &event);
    }
}
