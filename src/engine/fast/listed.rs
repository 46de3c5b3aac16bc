//! Continuous batching request by request: what [`FastContinuous`] falls back to while the order among the running
//! requests decides who computes.

use std::cmp::Ordering;

use super::continuous::FastContinuous;
use super::scheduler::Moment;
use super::seats::{Part, Seat};
use crate::engine::observer::Observer;
use crate::policy::cut_to_threshold;
use crate::step_time::StepShape;
use crate::units::Time;

impl FastContinuous {
    /// From now on goes through the running requests one by one. The tokens of those that decode have been handed out
    /// by `decided_until`.
    pub(super) fn list(&mut self, decided_until: Time) {
        self.listed = true;
        let running = self.running.sweep(&self.seats).to_vec();
        for (_, seat) in running {
            if matches!(self.seats[seat].part, Part::Decodes | Part::Overruns) {
                self.leave_decoders(seat, decided_until);
            }
            self.seats[seat].part = Part::Listed;
            self.name_known(seat);
        }
        self.decoders.clear();
        self.prefilling.clear();
    }

    /// Keeps those that decode as one again, if all of them have sampled in the latest step.
    pub(super) fn unlist_if_possible(&mut self) {
        if self.first_filled_matters() || self.pauses {
            return;
        }
        let running = self.running.sweep(&self.seats).to_vec();
        let clock = self.decoders.clock();
        let prefills = |&&(_, seat): &&(u64, Seat)| {
            let live = &self.seats[seat].live;
            live.generated == 0 || live.computed + 1 < live.num_tokens()
        };
        let prefilling: Vec<Seat> = running.iter().filter(prefills).map(|entry| entry.1).collect();
        let decoding = running.len() - prefilling.len();
        let abreast = |&(_, seat): &(u64, Seat)| prefilling.contains(&seat) || self.seats[seat].sampled == clock;
        let youngest_only = match prefilling[..] {
            [] => true,
            [seat] => running.last().is_some_and(|youngest| youngest.1 == seat),
            _ => false,
        };
        // Of whoever goes on beyond its end it is not known when its windows move.
        let goes_beyond = |&(_, seat): &(u64, Seat)| self.seats[seat].live.is_complete();
        if self.tables.groups().is_some() && running.iter().any(goes_beyond) {
            return;
        }
        let budget = self.rules.max_num_batched_tokens as usize;
        if !youngest_only || decoding > budget || !running.iter().all(abreast) {
            return;
        }
        self.listed = false;
        for (_, seat) in running {
            self.unlist(seat);
        }
        self.prefilling = prefilling;
    }

    fn unlist(&mut self, seat: Seat) {
        let active = &self.seats[seat];
        let (live, request) = (&active.live, &active.live.request);
        let part = if live.generated == 0 || live.computed + 1 < live.num_tokens() {
            Part::Prefills
        } else if !live.is_complete() {
            self.decoders.join(&mut self.seats, seat);
            Part::Decodes
        } else if request.output_tokens < request.max_tokens {
            self.decoders.join_beyond_end(&mut self.seats, seat);
            Part::Overruns
        } else {
            Part::Ends
        };
        self.seats[seat].part = part;
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
        let mut running = self.running.sweep(&self.seats).to_vec();
        let mut preempted = false;
        let mut index = 0;
        while index < running.len() && budget > 0 {
            let seat = running[index].1;
            let live = &self.seats[seat].live;
            if live.is_complete() && live.request.output_tokens == live.request.max_tokens {
                index += 1; // The step in flight will surely finish it.
                continue;
            }
            let tokens = cut_to_threshold(live.num_tokens() - live.computed, threshold).min(budget);
            let mut place = Some(index);
            while let Some(current) = place
                && !self.schedule_chunk(seat, tokens, shape)
            {
                let victim = self.victim(&running);
                let (_, gone) = running.remove(victim);
                let taken_back = self.take_back_chunk(gone);
                // Its blocks were named when it took them.
                let named = taken_back.map(|_| self.seats[gone].known);
                budget += taken_back.unwrap_or(0);
                self.preempt(gone, named, at, observer);
                preempted = true;
                place = match victim.cmp(&current) {
                    Ordering::Less => Some(current - 1),
                    Ordering::Equal => None,
                    Ordering::Greater => Some(current),
                };
                index -= usize::from(victim < current);
            }
            if place.is_some() {
                budget -= tokens;
                index += 1;
            } else if !self.rules.priority || !self.rules.goes_on_after_self_preemption {
                break; // Otherwise the next request has moved up to this place.
            }
        }
        *shape = StepShape::default();
        self.add_chunks(shape);
        (budget, preempted)
    }

    /// The place of who has to give way: the youngest, or the last by [`crate::workload::Request::rank`].
    fn victim(&self, running: &[(u64, Seat)]) -> usize {
        if !self.rules.priority {
            return running.len() - 1;
        }
        let last = (0..running.len()).max_by_key(|&place| self.seats[running[place].1].live.request.rank());
        last.expect("a request runs while blocks are short")
    }

    /// A request computes nothing in the step that is being decided after all, and is about to lose its blocks. Returns
    /// the tokens that it would have computed, if any.
    fn take_back_chunk(&mut self, seat: Seat) -> Option<u32> {
        let place = self.chunks.iter().position(|&(other, _)| other == seat)?;
        let (_, tokens) = self.chunks.remove(place);
        let live = &self.seats[seat].live;
        let for_them = live.blocks - self.tables.entries(live.computed);
        self.empty += u64::from(tokens);
        self.empty -= u64::from(for_them) * u64::from(self.tables.block_tokens);
        Some(tokens)
    }
}
