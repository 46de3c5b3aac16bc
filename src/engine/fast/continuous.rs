//! The shortcut of continuous batching: requests that decode are kept as one ([`Decoders`]), only those with more than one token to
//! compute are looked at one by one. Where the order among the running requests decides who computes at all (a budget too small for
//! everyone, blocks too few for several prompts in the making), the server goes through them one by one ([`super::listed`]).

use std::collections::VecDeque;

use super::decoders::Decoders;
use super::slots::{Slot, Slots};
use super::{Next, Scheduler, Steps};
use crate::engine::{Event, Finished, Observer, StepRun};
use crate::policy::{
    AdmissionMemory, ContinuousSettings, Live, Memory, chunk, cut_to_model_length,
};
use crate::step_time::StepShape;
use crate::units::Time;
use crate::workload::Request;

pub(super) struct ContinuousBatching {
    pub(super) rules: ContinuousSettings,
    pub(super) memory: Memory,
    pub(super) slots: Slots,
    pub(super) waiting: VecDeque<Slot>,
    pub(super) running: Running,
    pub(super) decoders: Decoders,
    /// Running requests with tokens still to compute before they decode, in the order of admission.
    pub(super) prefilling: Vec<Slot>,
    /// Those that compute in the step in flight apart from the decoders, in the order of admission, and how many tokens.
    pub(super) chunks: Vec<(Slot, u32)>,
    pub(super) free_blocks: u32,
    /// Whether the running requests are gone through one by one, none of them kept in `decoders`.
    pub(super) listed: bool,
}

/// The running requests in the order of admission.
#[derive(Default)]
pub(super) struct Running {
    count: u32,
    admissions: u64,
    /// Entries whose order is no longer their slot's are void.
    entries: Vec<(u64, Slot)>,
}

impl Running {
    pub(super) const fn count(&self) -> u32 {
        self.count
    }

    pub(super) fn push(&mut self, slots: &mut Slots, slot: Slot) {
        self.count += 1;
        self.admissions += 1;
        slots[slot].order = self.admissions;
        if self.entries.len() > 64 + 2 * self.count as usize {
            self.sweep(slots);
        }
        self.entries.push((self.admissions, slot));
    }

    /// Takes a request out; its entry is void from now on.
    pub(super) fn remove(&mut self, slots: &mut Slots, slot: Slot) {
        self.count -= 1;
        slots[slot].order = 0;
    }

    pub(super) fn youngest(&mut self, slots: &Slots) -> Option<Slot> {
        while let Some(&(order, slot)) = self.entries.last() {
            if slots[slot].order == order {
                return Some(slot);
            }
            self.entries.pop();
        }
        None
    }

    /// All of them, oldest first.
    pub(super) fn sweep(&mut self, slots: &Slots) -> &[(u64, Slot)] {
        self.entries
            .retain(|&(order, slot)| slots[slot].order == order);
        &self.entries
    }
}

impl ContinuousBatching {
    pub(super) fn new(rules: ContinuousSettings, memory: Memory) -> Self {
        Self {
            rules,
            memory,
            slots: Slots::default(),
            waiting: VecDeque::new(),
            running: Running::default(),
            decoders: Decoders::new(memory.block_tokens),
            prefilling: Vec::new(),
            chunks: Vec::new(),
            free_blocks: memory.usable_blocks,
            listed: false,
        }
    }

    pub(super) fn threshold(&self) -> u32 {
        self.rules
            .threshold(self.running.count() as usize + self.waiting.len())
    }

    /// Blocks that a request lacks to compute `tokens` more tokens.
    pub(super) fn lacking_blocks(&self, live: &Live, tokens: u32) -> u32 {
        let needed = self.memory.blocks_for(live.computed + tokens);
        needed.saturating_sub(live.blocks)
    }

    /// Whether the next step can be decided without going through the running requests in order: either all of them get what they
    /// want, or only the youngest is cut short.
    fn order_is_irrelevant(&mut self, threshold: u32) -> bool {
        let budget = self.rules.max_num_batched_tokens;
        let decoding = self.decoders.count();
        if decoding > budget {
            return false;
        }
        match self.prefilling[..] {
            [] => true,
            [slot] if self.running.youngest(&self.slots) == Some(slot) => true,
            _ => {
                let mut tokens = u64::from(decoding);
                let mut blocks = u64::from(self.decoders.due_now());
                for &slot in &self.prefilling {
                    let live = &self.slots[slot].live;
                    let wanted = chunk(live.num_tokens() - live.computed, threshold, u32::MAX);
                    tokens += u64::from(wanted);
                    blocks += u64::from(self.lacking_blocks(live, wanted));
                }
                tokens <= u64::from(budget) && blocks <= u64::from(self.free_blocks)
            }
        }
    }

    /// Takes all blocks from the youngest running request and puts it at the head of the queue.
    pub(super) fn preempt_youngest(&mut self, now: Time, observer: &mut dyn Observer) -> Slot {
        let slot = self
            .running
            .youngest(&self.slots)
            .expect("a request runs while blocks are short");
        if self.prefilling.last() == Some(&slot) {
            self.prefilling.pop();
        } else if !self.listed {
            self.decoders.leave(&mut self.slots, slot);
            self.slots[slot].live.last_token = Some(now);
        }
        self.running.remove(&mut self.slots, slot);
        let live = &mut self.slots[slot].live;
        self.free_blocks += live.blocks;
        live.recomputed += u64::from(live.computed);
        live.computed = 0;
        live.blocks = 0;
        live.preemptions += 1;
        observer.on(now, live.request.id, &Event::Preempted);
        self.waiting.push_front(slot);
        slot
    }

    /// Gives a running request its next chunk, if there are blocks for it.
    pub(super) fn schedule_chunk(
        &mut self,
        slot: Slot,
        tokens: u32,
        shape: &mut StepShape,
    ) -> bool {
        let lacking = self.lacking_blocks(&self.slots[slot].live, tokens);
        if lacking > self.free_blocks {
            return false;
        }
        self.free_blocks -= lacking;
        let live = &mut self.slots[slot].live;
        live.blocks += lacking;
        shape.add(live.computed, tokens, live.num_tokens());
        self.chunks.push((slot, tokens));
        true
    }

    /// Running requests: all decoders one token, the prompts in the making their chunks. Returns the budget left and whether anyone
    /// was preempted.
    fn decide_running(
        &mut self,
        threshold: u32,
        shape: &mut StepShape,
        now: Time,
        observer: &mut dyn Observer,
    ) -> (u32, bool) {
        let mut preempted = false;
        // Older requests take their blocks first and preempt the youngest when there are none: in the end the youngest have gone, as
        // few as it takes until those who stay find their blocks.
        while self.decoders.due_now() > self.free_blocks {
            self.preempt_youngest(now, observer);
            preempted = true;
        }
        self.free_blocks -= self.decoders.due_now();
        *shape = self.decoders.shape();
        let mut budget = self.rules.max_num_batched_tokens - self.decoders.count();
        for index in 0..self.prefilling.len() {
            let slot = self.prefilling[index];
            let live = &self.slots[slot].live;
            let tokens = chunk(live.num_tokens() - live.computed, threshold, budget);
            if tokens == 0 {
                break;
            }
            if !self.schedule_chunk(slot, tokens, shape) {
                self.preempt_youngest(now, observer); // Itself: see `order_is_irrelevant`.
                preempted = true;
                break;
            }
            budget -= tokens;
        }
        (budget, preempted)
    }

    /// The head of the queue, as long as it may come in.
    pub(super) fn decide_waiting(
        &mut self,
        threshold: u32,
        mut budget: u32,
        shape: &mut StepShape,
        now: Time,
        observer: &mut dyn Observer,
    ) {
        while budget > 0 && self.running.count() < self.rules.max_num_seqs {
            let Some(&slot) = self.waiting.front() else {
                break;
            };
            let all = self.slots[slot].live.num_tokens();
            let memory = AdmissionMemory {
                free_blocks: self.free_blocks,
                usable_blocks: self.memory.usable_blocks,
                block_tokens: self.memory.block_tokens,
                others_run: self.running.count() > 0,
            };
            let Some(tokens) = self.rules.admission(all, threshold, budget, &memory) else {
                break;
            };
            self.waiting.pop_front();
            self.running.push(&mut self.slots, slot);
            let live = &mut self.slots[slot].live;
            live.scheduled.get_or_insert(now);
            let event = Event::Admitted {
                resumed: live.preemptions > 0,
                tokens: all,
            };
            observer.on(now, live.request.id, &event);
            let fits = self.schedule_chunk(slot, tokens, shape);
            assert!(fits, "an admission checks that its blocks are free");
            self.prefilling.push(slot);
            budget -= tokens;
        }
    }

    /// Tells about steps that have ended, while the blocks are still as they were.
    pub(super) fn report(&self, steps: &Steps, observer: &mut dyn Observer) {
        let one_step_after = |&&(slot, tokens): &&(Slot, u32)| {
            let live = &self.slots[slot].live;
            live.last_token == Some(steps.start) && live.computed + tokens == live.num_tokens()
        };
        let used = self.memory.usable_blocks - self.free_blocks;
        observer.ran(&StepRun {
            start: steps.start,
            steps: steps.count,
            ramp: steps.ramp,
            takes: steps.end - steps.start,
            shape: steps.shape,
            streaming: self.decoders.count()
                + self.chunks.iter().filter(one_step_after).count() as u32,
            kv: self.decoders.growth(used),
        });
    }

    /// Hands a request the token that its last chunk has produced.
    pub(super) fn give_token(&mut self, slot: Slot, steps: &Steps, observer: &mut dyn Observer) {
        let live = &mut self.slots[slot].live;
        live.generated += 1;
        match live.last_token {
            None => {
                live.first_token = Some(steps.end);
                observer.on(steps.end, live.request.id, &Event::FirstToken);
            }
            Some(last) if last != steps.start => {
                let gap = steps.end - last;
                observer.on(steps.end, live.request.id, &Event::Token { gap });
            }
            Some(_) => {}
        }
        live.last_token = Some(steps.end);
    }

    /// Lets a request go that has all its tokens.
    pub(super) fn finish(&mut self, slot: Slot, now: Time, observer: &mut dyn Observer) {
        self.running.remove(&mut self.slots, slot);
        let live = &self.slots[slot].live;
        self.free_blocks += live.blocks;
        let event = Event::Finished(Finished::of(live, now, true));
        observer.on(now, live.request.id, &event);
        self.slots.release(slot);
        if self.running.count() == 0 {
            assert_eq!(
                self.free_blocks, self.memory.usable_blocks,
                "an empty server holds no blocks"
            );
        }
    }

    /// Chunks that complete a prompt make their requests decoders.
    fn complete_chunks(&mut self, steps: &Steps, observer: &mut dyn Observer) {
        let chunks = std::mem::take(&mut self.chunks);
        for &(slot, tokens) in &chunks {
            let live = &mut self.slots[slot].live;
            live.computed += tokens;
            if live.computed == live.num_tokens() {
                self.give_token(slot, steps, observer);
                self.prefilling.retain(|&other| other != slot);
                self.decoders.join(&mut self.slots, slot);
            }
        }
        self.chunks = chunks;
        self.chunks.clear();
    }

    fn finish_decoders(&mut self, now: Time, observer: &mut dyn Observer) -> bool {
        let mut any = false;
        while let Some(slot) = self.decoders.pop_finished(&self.slots) {
            self.decoders.leave(&mut self.slots, slot);
            self.finish(slot, now, observer);
            any = true;
        }
        any
    }
}

impl Scheduler for ContinuousBatching {
    fn submit(&mut self, request: Request, observer: &mut dyn Observer) -> bool {
        let (id, arrival) = (request.id, request.arrival);
        let input_tokens = request.prompt.tokens();
        if input_tokens >= self.memory.max_model_len {
            observer.on(arrival, id, &Event::Rejected);
            return false;
        }
        let request = cut_to_model_length(request, self.memory.max_model_len);
        self.waiting
            .push_back(self.slots.insert(Live::new(request)));
        observer.on(arrival, id, &Event::Arrived { input_tokens });
        true
    }

    fn decide(&mut self, now: Time, observer: &mut dyn Observer) -> Next {
        let threshold = self.threshold();
        if !self.listed && !self.order_is_irrelevant(threshold) {
            self.list(now);
        }
        let mut shape = StepShape::default();
        let (budget, preempted) = if self.listed {
            self.decide_listed(threshold, &mut shape, now, observer)
        } else {
            self.decide_running(threshold, &mut shape, now, observer)
        };
        if !preempted {
            self.decide_waiting(threshold, budget, &mut shape, now, observer);
        }
        if shape.sequences == 0 {
            return if preempted { Next::Again } else { Next::Idle };
        }
        let only_decoders = self.chunks.is_empty() && !preempted;
        let repeats = if only_decoders {
            let finish = self.decoders.steps_to_finish(&self.slots);
            self.decoders
                .steps_before_shortage(self.free_blocks, finish)
        } else {
            1
        };
        Next::Run { shape, repeats }
    }

    fn complete(&mut self, steps: &Steps, observer: &mut dyn Observer) -> bool {
        self.report(steps, observer);
        if self.listed {
            return self.complete_listed(steps, observer);
        }
        self.free_blocks -= self.decoders.due_after_next(steps.count - 1);
        self.decoders.advance(steps.count);
        if !self.chunks.is_empty() {
            self.complete_chunks(steps, observer);
        }
        self.finish_decoders(steps.end, observer)
    }
}
