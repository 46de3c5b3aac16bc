//! Continuous batching request by request: what [`ContinuousBatching`] falls back to while the order among the running
//! requests decides who computes.

use super::Moment;
use super::continuous::ContinuousBatching;
use super::slots::{Part, Slot};
use crate::engine::Observer;
use crate::policy::cut_to_threshold;
use crate::step_time::StepShape;
use crate::units::Time;

impl ContinuousBatching {
    /// From now on goes through the running requests one by one. The tokens of those that decode have been handed out
    /// by `decided_until`.
    pub(super) fn list(&mut self, decided_until: Time) {
        self.listed = true;
        let running = self.running.sweep(&self.slots).to_vec();
        for (_, slot) in running {
            if matches!(self.slots[slot].part, Part::Decodes | Part::Overruns) {
                self.leave_decoders(slot, decided_until);
            }
            self.slots[slot].part = Part::Listed;
            self.name_known(slot);
        }
        self.decoders.clear();
        self.prefilling.clear();
    }

    /// Keeps those that decode as one again, if all of them have sampled in the latest step.
    pub(super) fn unlist_if_possible(&mut self) {
        if self.first_filled_matters() {
            return;
        }
        let running = self.running.sweep(&self.slots).to_vec();
        let clock = self.decoders.clock();
        let prefills = |&&(_, slot): &&(u64, Slot)| {
            let live = &self.slots[slot].live;
            live.generated == 0 || live.computed + 1 < live.num_tokens()
        };
        let prefilling: Vec<Slot> = running.iter().filter(prefills).map(|entry| entry.1).collect();
        let decoding = running.len() - prefilling.len();
        let abreast = |&(_, slot): &(u64, Slot)| prefilling.contains(&slot) || self.slots[slot].sampled == clock;
        let youngest_only = match prefilling[..] {
            [] => true,
            [slot] => running.last().is_some_and(|youngest| youngest.1 == slot),
            _ => false,
        };
        let budget = self.rules.max_num_batched_tokens as usize;
        if !youngest_only || decoding > budget || !running.iter().all(abreast) {
            return;
        }
        self.listed = false;
        for (_, slot) in running {
            self.unlist(slot);
        }
        self.prefilling = prefilling;
    }

    fn unlist(&mut self, slot: Slot) {
        let active = &self.slots[slot];
        let (live, request) = (&active.live, &active.live.request);
        let part = if live.generated == 0 || live.computed + 1 < live.num_tokens() {
            Part::Prefills
        } else if !live.is_complete() {
            self.decoders.join(&mut self.slots, slot);
            Part::Decodes
        } else if request.output_tokens < request.max_tokens {
            self.decoders.join_beyond_end(&mut self.slots, slot);
            Part::Overruns
        } else {
            Part::Ends
        };
        self.slots[slot].part = part;
    }

    /// Running requests in the order of admission. Returns the budget left and whether anyone was preempted.
    pub(super) fn decide_listed(
        &mut self,
        threshold: u32,
        shape: &mut StepShape,
        at: Moment,
        observer: &mut (impl Observer + ?Sized),
    ) -> (u32, bool) {
        let mut budget = self.rules.max_num_batched_tokens;
        let mut running = self.running.sweep(&self.slots).to_vec();
        let mut preempted = false;
        let mut index = 0;
        while index < running.len() && budget > 0 {
            let slot = running[index].1;
            let live = &self.slots[slot].live;
            if live.is_complete() && live.request.output_tokens == live.request.max_tokens {
                index += 1; // The step in flight will surely finish it.
                continue;
            }
            let tokens = cut_to_threshold(live.num_tokens() - live.computed, threshold).min(budget);
            while index < running.len() && !self.schedule_chunk(slot, tokens, shape) {
                self.preempt_youngest(at, observer);
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
}
