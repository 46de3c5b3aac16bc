//! What the next step holds (`policy/vllm/schedule.rs`).

use super::decided::SteppedPart;
use super::scheduler::FastDrafting;
use crate::engine::fast::scheduler::NextSteps;
use crate::engine::fast::seats::Seat;
use crate::engine::observer::{Event, Observer};
use crate::policy::AdmissionMemory;
use crate::policy::vllm::{Padding, StepBudget};
use crate::step_time::StepShape;
use crate::units::Time;

impl FastDrafting {
    /// Decides a step, and writes down who takes part. Where blocks run short it has done nothing.
    pub(super) fn decide_step(
        &mut self,
        parts: &mut Vec<SteppedPart>,
        now: Time,
        shape: &mut StepShape,
        observer: &mut (impl Observer + ?Sized),
    ) -> NextSteps {
        let threshold = self.rules.threshold(self.running.len() + self.waiting.len());
        let mut budget = self.rules.step_budget();
        if !self.plan_running(parts, threshold, &mut budget) {
            return NextSteps::Stop;
        }
        for part in &*parts {
            self.take_blocks(part.seat, part.tokens, self.speculative.lookahead_tokens);
        }
        let pads = Padding {
            anyone_runs: !parts.is_empty(),
            anyone_prefills: parts.iter().any(|part| self.drafters[part.seat as usize].is_prefilling),
        };
        self.decide_waiting(parts, threshold, (&mut budget, pads), now, observer);
        for part in &mut *parts {
            self.count_as_computed(part, shape);
        }
        if parts.is_empty() {
            NextSteps::Idle
        } else {
            NextSteps::Run(1)
        }
    }

    /// What the running requests get; false if there are too few blocks for them.
    fn plan_running(&self, parts: &mut Vec<SteppedPart>, threshold: u32, budget: &mut StepBudget) -> bool {
        let mut free = self.free_blocks;
        for &seat in &self.running {
            if budget.most() == 0 {
                break;
            }
            let standing = self.standing(seat);
            let tokens = standing.wanted((threshold, self.memory.max_model_len), budget);
            if tokens == 0 {
                continue;
            }
            let Some(left) = free.checked_sub(self.lacking_blocks(seat, tokens, self.speculative.lookahead_tokens))
            else {
                return false;
            };
            free = left;
            let id = self.seats[seat].live.request.id;
            parts.push(SteppedPart::new((seat, id), (tokens, standing.drafts_within(tokens))));
            budget.take(tokens);
        }
        true
    }

    /// The head of the queue, as long as it may come in.
    fn decide_waiting(
        &mut self,
        parts: &mut Vec<SteppedPart>,
        threshold: u32,
        (budget, pads): (&mut StepBudget, Padding),
        now: Time,
        observer: &mut (impl Observer + ?Sized),
    ) {
        let lookahead = if self.speculative.rules.admits_with_lookahead {
            self.speculative.lookahead_tokens
        } else {
            0
        };
        while budget.most() > 0 && self.running.len() < self.rules.max_num_seqs as usize {
            let Some(seat) = self.waiting.front() else {
                break;
            };
            let prompt = self.seats[seat].live.request.prompt.tokens();
            let asked = (threshold, self.memory.max_model_len);
            let Some((tokens, drafts)) = self.rules.first_tokens((prompt, 0), asked, budget, pads) else {
                break;
            };
            if !self.may_admit(prompt, self.lacking_blocks(seat, tokens, lookahead)) {
                break;
            }
            self.waiting.remove(&self.seats, 0);
            self.running.push(seat);
            self.drafters[seat as usize].runs = true;
            let live = &mut self.seats[seat].live;
            live.scheduled = Some(now);
            let id = live.request.id;
            let event = Event::Admitted {
                resumed: false,
                tokens: prompt,
            };
            observer.on(now, id, &event);
            self.take_blocks(seat, tokens, lookahead);
            parts.push(SteppedPart {
                padded: drafts > 0,
                ..SteppedPart::new((seat, id), (tokens, drafts))
            });
            budget.take(tokens);
        }
    }

    /// Whether the memory lets in a request with such a prompt that takes so many blocks in its first step.
    fn may_admit(&self, prompt: u32, at_once: u32) -> bool {
        let memory = AdmissionMemory {
            free_blocks: self.free_blocks,
            usable_blocks: self.memory.usable_blocks,
            others_run: !self.running.is_empty(),
        };
        let whole = if self.rules.full_sequence_gate {
            self.memory.blocks_for(prompt)
        } else {
            0
        };
        self.rules.leaves_enough_free(at_once.max(whole), &memory)
    }

    /// Blocks that a request lacks for so many tokens more, and what may be drafted beyond them.
    fn lacking_blocks(&self, seat: Seat, tokens: u32, lookahead: u32) -> u32 {
        let live = &self.seats[seat].live;
        let room = (live.computed + tokens + lookahead).min(self.memory.max_model_len);
        self.memory.blocks_for(room).saturating_sub(live.blocks)
    }

    fn take_blocks(&mut self, seat: Seat, tokens: u32, lookahead: u32) {
        let lacking = self.lacking_blocks(seat, tokens, lookahead);
        self.free_blocks -= lacking;
        self.empty += u64::from(lacking) * u64::from(self.memory.block_tokens);
        let live = &mut self.seats[seat].live;
        live.blocks += lacking;
        let known = (live.computed + tokens).min(live.num_tokens());
        self.name_blocks(seat, known);
    }

    /// Right after the decision all scheduled tokens count as computed; who thereby catches up with all its tokens
    /// samples.
    fn count_as_computed(&mut self, part: &mut SteppedPart, shape: &mut StepShape) {
        let (live, drafter) = (&mut self.seats[part.seat].live, &mut self.drafters[part.seat as usize]);
        let (before, all) = (live.computed, live.num_tokens());
        live.computed += part.tokens;
        drafter.in_flight += part.tokens;
        self.empty -= u64::from(part.tokens);
        if part.drafts > 0 {
            shape.add_verification(before, part.drafts);
        } else {
            shape.add(before, part.tokens, all.max(live.computed));
        }
        drafter.drafts = 0;
        part.samples = live.computed >= all + drafter.placeholders;
        drafter.is_prefilling = !part.samples;
        if part.samples && self.rules.async_scheduling {
            drafter.placeholders += 1 + part.drafts;
            drafter.drafts = self.speculative.tokens;
        }
    }
}
