//! Continuous batching request by request: what [`ContinuousBatching`] falls back to while the order among the running requests
//! decides who computes.

use super::Steps;
use super::continuous::ContinuousBatching;
use super::slots::Slot;
use crate::engine::Observer;
use crate::policy::within;
use crate::step_time::StepShape;
use crate::units::Time;

impl ContinuousBatching {
    /// From now on goes through the running requests one by one.
    pub(super) fn list(&mut self, now: Time) {
        self.listed = true;
        let running = self.running.sweep(&self.slots).to_vec();
        for (_, slot) in running {
            if !self.prefilling.contains(&slot) {
                self.decoders.leave(&mut self.slots, slot);
                self.slots[slot].live.last_token = Some(now);
            }
        }
        self.decoders.clear();
        self.prefilling.clear();
    }

    /// Keeps those that decode as one again, if all of them have just got a token.
    fn unlist_if_possible(&mut self, now: Time) {
        if self.first_filled_matters() {
            return;
        }
        let running = self.running.sweep(&self.slots).to_vec();
        let decodes = |&(_, slot): &(u64, Slot)| {
            let live = &self.slots[slot].live;
            live.generated > 0 && live.computed + 1 == live.num_tokens()
        };
        let (decoding, prefilling): (Vec<_>, Vec<_>) =
            running.iter().partition(|entry| decodes(entry));
        let abreast = |&(_, slot): &(u64, Slot)| self.slots[slot].live.last_token == Some(now);
        let budget = self.rules.max_num_batched_tokens as usize;
        let youngest_only =
            prefilling.is_empty() || prefilling.len() == 1 && running.last() == prefilling.first();
        if !youngest_only || decoding.len() > budget || !decoding.iter().all(abreast) {
            return;
        }
        self.listed = false;
        for (_, slot) in decoding {
            self.decoders.join(&mut self.slots, slot);
        }
        self.prefilling = prefilling.into_iter().map(|(_, slot)| slot).collect();
    }

    /// Running requests in the order of admission. Returns the budget left and whether anyone was preempted.
    pub(super) fn decide_listed(
        &mut self,
        threshold: u32,
        shape: &mut StepShape,
        now: Time,
        observer: &mut dyn Observer,
    ) -> (u32, bool) {
        let mut budget = self.rules.max_num_batched_tokens;
        let mut running = self.running.sweep(&self.slots).to_vec();
        let mut preempted = false;
        let mut index = 0;
        while index < running.len() && budget > 0 {
            let slot = running[index].1;
            let live = &self.slots[slot].live;
            let tokens = within(live.num_tokens() - live.computed, threshold).min(budget);
            while index < running.len() && !self.schedule_chunk(slot, tokens, shape) {
                self.preempt_youngest(now, observer);
                running.pop();
                preempted = true;
            }
            if index < running.len() {
                budget -= tokens;
            }
            index += 1;
        }
        (budget, preempted)
    }

    /// Hands out the tokens of one step; true if a request finished.
    pub(super) fn complete_listed(&mut self, steps: &Steps, observer: &mut dyn Observer) -> bool {
        let chunks = std::mem::take(&mut self.chunks);
        let mut finished = Vec::new();
        for (slot, tokens) in chunks {
            let live = &mut self.slots[slot].live;
            live.computed += tokens;
            if live.computed == live.num_tokens() {
                self.give_token(slot, steps, observer);
                if self.slots[slot].live.is_complete() {
                    finished.push(slot);
                }
            }
        }
        self.prefilling.clear();
        for &slot in &finished {
            self.finish(slot, steps.end, observer);
        }
        self.unlist_if_possible(steps.end);
        !finished.is_empty()
    }
}
