//! The plain path of continuous batching: requests of which each has a prompt of its own and ends when its length is
//! reached, while the memory holds all who run. Nobody is preempted then, nobody finds anything in the prefix cache,
//! and a request is a line of numbers. What it does not know how to decide it leaves to the general scheduler
//! ([`super::FastContinuous`]), which takes over where it is ([`handover`]).

mod decoders;
mod handover;
mod slots;

use std::collections::VecDeque;

use super::decided::DecidedSteps;
use super::in_flight::InFlight;
use super::scheduler::{Moment, NextSteps, Scheduler, Steps};
use super::seats::Seat;
use crate::engine::engine_trait::ServerLoad;
use crate::engine::observer::{Event, Observer};
use crate::kv::KvGrowth;
use crate::policy::{AdmissionMemory, ContinuousSettings, Memory, Waiting, cut_to_threshold};
use crate::step_time::StepShape;
use crate::units::Time;
use crate::workload::{Request, RequestId};
pub(super) use decoders::PlainDecoders;
use slots::Slot;

/// The shortcut of continuous batching for what is usual.
pub(in crate::engine) struct PlainContinuous {
    rules: ContinuousSettings,
    memory: Memory,
    slots: Vec<Slot>,
    vacant: Vec<Seat>,
    /// Next first.
    waiting: VecDeque<Seat>,
    /// Prompt tokens of those who wait.
    waiting_tokens: u64,
    /// Running requests with a part of their prompts still to compute, in the order of admission.
    prefilling: Vec<Seat>,
    /// Those that compute a part of their prompts in the step that is being decided, and how many tokens.
    chunks: Vec<(Seat, u32)>,
    decided: InFlight<DecidedSteps>,
    running: u32,
    admissions: u64,
    free_blocks: u32,
    /// Slots of the used blocks without a token, those that the decided steps compute counted as tokens.
    empty: u64,
    decoders: PlainDecoders,
}

impl PlainContinuous {
    /// An empty server.
    pub(in crate::engine) fn new(rules: ContinuousSettings, memory: Memory) -> Self {
        Self {
            rules,
            slots: Vec::new(),
            vacant: Vec::new(),
            waiting: VecDeque::new(),
            waiting_tokens: 0,
            prefilling: Vec::new(),
            chunks: Vec::new(),
            decided: InFlight::default(),
            running: 0,
            admissions: 0,
            free_blocks: memory.usable_blocks,
            empty: 0,
            decoders: PlainDecoders::new(memory.block_tokens),
            memory,
        }
    }

    /// Whether a request is one that it knows.
    pub(in crate::engine) fn knows(rules: &ContinuousSettings, request: &Request) -> bool {
        let is_its_own = request.prompt.segments().is_none() && !request.output_is_shared;
        let ends_by_length = request.output_tokens == request.max_tokens && !request.stops;
        (is_its_own || !rules.prefix_caching) && ends_by_length && !request.is_prompt_only
    }

    #[inline]
    fn slot(&self, seat: Seat) -> &Slot {
        &self.slots[seat as usize]
    }

    #[inline]
    const fn blocks_of(&self, tokens: u32) -> u32 {
        tokens.div_ceil(self.memory.block_tokens)
    }

    #[inline]
    fn take(&mut self, blocks: u32) {
        self.free_blocks -= blocks;
        self.empty += u64::from(blocks) * u64::from(self.memory.block_tokens);
    }

    /// Notes whose last token the latest decision brings: it takes part in no more steps.
    #[inline]
    fn note_ending(&mut self) {
        while let Some(seat) = self.decoders.pop_finished() {
            let block_tokens = self.memory.block_tokens;
            let slot = &mut self.slots[seat as usize];
            slot.computed = slot.input + slot.output - 1;
            slot.blocks = slot.computed.div_ceil(block_tokens);
            self.decoders.cycle.leave(slot.computed);
            let latest = self.decided.back_mut();
            latest
                .expect("the step of its last token is in flight")
                .ending
                .push(seat);
        }
    }

    /// Whether those who run all get what they want in the next step, or only the youngest of them is cut short.
    fn knows_next_step(&self, threshold: u32) -> bool {
        let mut tokens = u64::from(self.decoders.cycle.count);
        let mut blocks = u64::from(self.decoders.cycle.due_now());
        let budget = self.rules.max_num_batched_tokens;
        if self.decoders.cycle.count > budget {
            return false;
        }
        for &seat in &self.prefilling {
            let slot = self.slot(seat);
            let mut wanted = cut_to_threshold(slot.input - slot.computed, threshold);
            if slot.order == self.admissions {
                wanted = wanted.min(budget - tokens.min(budget.into()) as u32);
            }
            tokens += u64::from(wanted);
            blocks += u64::from(self.blocks_of(slot.computed + wanted).saturating_sub(slot.blocks));
        }
        tokens <= u64::from(budget) && blocks <= u64::from(self.free_blocks)
    }

    /// Gives a running request its next chunk, for which there are blocks.
    #[inline]
    fn schedule_chunk(&mut self, seat: Seat, tokens: u32, shape: &mut StepShape) {
        let slot = *self.slot(seat);
        let computed = slot.computed + tokens;
        let blocks = self.blocks_of(computed);
        self.take(blocks.saturating_sub(slot.blocks));
        self.empty -= u64::from(tokens);
        self.slots[seat as usize].blocks = blocks.max(slot.blocks);
        shape.add(slot.computed, tokens, slot.input.max(computed));
        self.chunks.push((seat, tokens));
    }

    /// The head of the queue, as long as it may come in.
    #[inline]
    fn decide_waiting(
        &mut self,
        threshold: u32,
        mut budget: u32,
        shape: &mut StepShape,
        now: Time,
        observer: &mut (impl Observer + ?Sized),
    ) {
        while budget > 0 && self.running < self.rules.max_num_seqs {
            let Some(&seat) = self.waiting.front() else {
                break;
            };
            let input = self.slot(seat).input;
            let Some(tokens) = self.rules.first_chunk(input, threshold, budget) else {
                break;
            };
            let must_fit = if self.rules.full_sequence_gate { input } else { tokens };
            let memory = AdmissionMemory {
                free_blocks: self.free_blocks,
                usable_blocks: self.memory.usable_blocks,
                others_run: self.running > 0,
            };
            if !self.rules.leaves_enough_free(self.blocks_of(must_fit), &memory) {
                break;
            }
            self.waiting.pop_front();
            self.waiting_tokens -= u64::from(input);
            self.running += 1;
            self.admissions += 1;
            let slot = &mut self.slots[seat as usize];
            slot.order = self.admissions;
            slot.scheduled = now;
            let event = Event::Admitted {
                resumed: false,
                tokens: input,
            };
            observer.on(now, slot.id, &event);
            self.schedule_chunk(seat, tokens, shape);
            self.prefilling.push(seat);
            budget -= tokens;
        }
    }

    /// How many steps with these members there are, the one that is decided included, if nobody comes.
    fn repeats(&self) -> u64 {
        let someone_ends = self.decided.back().is_some_and(|latest| !latest.ending.is_empty());
        if !self.chunks.is_empty() || someone_ends {
            return 1;
        }
        let finish = self.decoders.steps_to_finish();
        self.decoders.cycle.steps_before_shortage(self.free_blocks, finish)
    }

    /// The chunks that were decided count as computed; those that complete a prompt make their requests decoders.
    fn commit_chunks(&mut self) {
        let decided = self.decided.back_mut().expect("it was decided just now");
        for (seat, tokens) in self.chunks.drain(..) {
            let slot = &mut self.slots[seat as usize];
            slot.computed += tokens;
            if slot.computed < slot.input {
                continue;
            }
            decided.sampling.push(seat);
            self.prefilling.retain(|&other| other != seat);
            self.decoders.join(seat, slot);
        }
    }

    /// Tells about the first steps of the decision that has been in flight longest.
    #[inline]
    fn report(&self, steps: &Steps, observer: &mut (impl Observer + ?Sized)) {
        let decided = self.decided.front().expect("it was decided");
        let kv = if steps.count == 1 {
            KvGrowth::constant(decided.used_blocks, decided.empty)
        } else {
            self.decoders.growth(decided)
        };
        // Who samples apart from the decoders gets its first token.
        observer.ran(&steps.told(decided.decoding, kv));
    }

    /// The decision that has been in flight longest has ended. True if a request finished.
    #[inline]
    fn hand_out(&mut self, now: Time, observer: &mut (impl Observer + ?Sized)) -> bool {
        self.decided.pop();
        let ended = self.decided.ended();
        for &seat in &ended.sampling {
            let slot = &mut self.slots[seat as usize];
            observer.on(now, slot.id, &Event::FirstToken);
            slot.first_token = now;
            slot.running_at_first_token = self.running;
        }
        for &seat in &ended.ending {
            let slot = &mut self.slots[seat as usize];
            slot.order = 0;
            self.running -= 1;
            let slots_of_blocks = u64::from(slot.blocks) * u64::from(self.memory.block_tokens);
            self.empty -= slots_of_blocks - u64::from(slot.computed);
            self.free_blocks += slot.blocks;
            observer.on(now, slot.id, &Event::Finished(slot.finished(now)));
            self.vacant.push(seat);
        }
        !ended.ending.is_empty()
    }
}

impl Scheduler for PlainContinuous {
    fn can_ever_serve(&self, _request: &Request) -> bool {
        true // The memory holds one request of the maximum length.
    }

    #[inline]
    fn submit(&mut self, request: Request) {
        let slot = Slot::of(&request);
        self.waiting_tokens += u64::from(slot.input);
        let seat = if let Some(seat) = self.vacant.pop() {
            self.slots[seat as usize] = slot;
            seat
        } else {
            self.slots.push(slot);
            self.slots.len() as Seat - 1
        };
        if self.rules.priority {
            let rank = self.slot(seat).rank();
            let place = self.waiting.partition_point(|&other| self.slot(other).rank() < rank);
            self.waiting.insert(place, seat);
        } else {
            self.waiting.push_back(seat);
        }
    }

    fn abort(&mut self, _id: RequestId, _at: Moment, _observer: &mut (impl Observer + ?Sized)) {
        unreachable!("who may lose requests is the general scheduler")
    }

    #[inline]
    fn decide(&mut self, at: Moment, shape: &mut StepShape, observer: &mut (impl Observer + ?Sized)) -> NextSteps {
        if self.rules.async_scheduling && !self.decided.is_empty() {
            self.note_ending();
        }
        let threshold = self.rules.threshold(self.running as usize + self.waiting.len());
        if !self.knows_next_step(threshold) {
            return NextSteps::Stop;
        }
        self.take(self.decoders.cycle.due_now());
        *shape = self.decoders.cycle.shape();
        let mut budget = self.rules.max_num_batched_tokens - self.decoders.cycle.count;
        for index in 0..self.prefilling.len() {
            let seat = self.prefilling[index];
            let slot = self.slot(seat);
            let tokens = cut_to_threshold(slot.input - slot.computed, threshold).min(budget);
            if tokens == 0 {
                break;
            }
            self.schedule_chunk(seat, tokens, shape);
            budget -= tokens;
        }
        self.decide_waiting(threshold, budget, shape, at.now, observer);
        if shape.sequences == 0 {
            return NextSteps::Idle;
        }
        NextSteps::Run(self.repeats())
    }

    fn in_server(&self) -> usize {
        self.slots.len() - self.vacant.len()
    }

    fn load(&self, _under_way: bool) -> ServerLoad {
        let used_blocks = self.memory.usable_blocks - self.free_blocks;
        let waiting = Waiting {
            requests: self.waiting.len() as u32,
            prompt_tokens: self.waiting_tokens,
        };
        ServerLoad::new(&self.memory, waiting, self.running, used_blocks)
    }

    fn may_finish_before_latest(&self) -> bool {
        // Whose last token a step brings is noted with the next decision.
        self.decided.front().is_some_and(|first| !first.ending.is_empty())
    }

    #[inline]
    fn commit(&mut self, steps: u64) {
        let count = u64::from(self.decoders.cycle.count);
        self.empty -= count;
        let used_blocks = self.memory.usable_blocks - self.free_blocks;
        let decided = self.decided.next();
        decided.begin(steps, self.decoders.cycle.clock, (used_blocks, self.empty));
        decided.decoding = self.decoders.cycle.count;
        self.decided.push();
        if steps > 1 {
            self.take(self.decoders.due_after_next(steps - 1));
            self.empty -= (steps - 1) * count;
        }
        self.decoders.cycle.advance(steps);
        if !self.chunks.is_empty() {
            self.commit_chunks();
        }
    }

    #[inline]
    fn complete(&mut self, steps: &Steps, observer: &mut (impl Observer + ?Sized)) -> bool {
        self.report(steps, observer);
        let first = self.decided.front_mut().expect("it was decided");
        if steps.count < first.steps {
            let growth = self.decoders.growth(first);
            first.take_off(steps.count, &growth);
            return false;
        }
        if !self.rules.async_scheduling {
            self.note_ending();
        }
        self.hand_out(steps.end, observer)
    }
}
