//! The shortcut of continuous batching: requests that decode are kept as one ([`Decoders`]), only those with more than one token to
//! compute are looked at one by one. Where the order among the running requests decides who computes at all (a budget too small for
//! everyone, blocks too few for several prompts in the making), the server goes through them one by one ([`super::listed`]).

use std::collections::VecDeque;

use super::decoders::Decoders;
use super::holding::Holding;
use super::repeats::Repeats;
use super::slots::{Slot, Slots};
use super::{Next, Scheduler, Steps};
use crate::engine::{Event, Finished, Observer, StepRun};
use crate::kv::{CountedPool, Hit, NamedBlocks, PoolRules};
use crate::policy::{
    AdmissionMemory, ContinuousSettings, Live, Memory, cut_to_model_length, within,
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
    pub(super) pool: CountedPool,
    /// How many running requests produce what others can name.
    pub(super) naming: u32,
    pub(super) repeats: Repeats,
    /// Cached blocks of the request that is looked at.
    found: Vec<NamedBlocks>,
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
            memory,
            slots: Slots::default(),
            waiting: VecDeque::new(),
            running: Running::default(),
            decoders: Decoders::new(memory.block_tokens),
            prefilling: Vec::new(),
            chunks: Vec::new(),
            pool: CountedPool::new(
                memory.usable_blocks,
                memory.block_tokens,
                PoolRules {
                    caching: rules.prefix_caching,
                    keyless_first: rules.keyless_first,
                },
            ),
            naming: 0,
            repeats: Repeats::default(),
            found: Vec::new(),
            listed: false,
            rules,
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
    /// want, or only the youngest is cut short; and it does not matter which output fills its blocks first.
    fn order_is_irrelevant(&mut self, threshold: u32) -> bool {
        let budget = self.rules.max_num_batched_tokens;
        let decoding = self.decoders.count();
        if decoding > budget || self.first_filled_matters() {
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
                    let wanted = within(live.num_tokens() - live.computed, threshold);
                    tokens += u64::from(wanted);
                    blocks += u64::from(self.lacking_blocks(live, wanted));
                }
                tokens <= u64::from(budget) && blocks <= u64::from(self.pool.free())
            }
        }
    }

    /// Whether outputs fill blocks that others inside the server can name, of which the first filled is found.
    pub(super) const fn first_filled_matters(&self) -> bool {
        self.naming > 0 && self.repeats.any()
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
        self.release(slot, true);
        let live = &mut self.slots[slot].live;
        live.blocks = 0;
        live.preemptions += 1;
        observer.on(now, live.request.id, &Event::Preempted);
        self.waiting.push_front(slot);
        slot
    }

    /// Takes all blocks from a request.
    fn release(&mut self, slot: Slot, returns: bool) {
        let active = &mut self.slots[slot];
        self.naming -= u32::from(active.holding.names_output());
        active
            .holding
            .release(&active.live, returns, &mut self.pool);
    }

    /// Gives a running request its next chunk, if there are blocks for it.
    pub(super) fn schedule_chunk(
        &mut self,
        slot: Slot,
        tokens: u32,
        shape: &mut StepShape,
    ) -> bool {
        let lacking = self.lacking_blocks(&self.slots[slot].live, tokens);
        if lacking > self.pool.free() {
            return false;
        }
        self.pool.take(lacking);
        let active = &mut self.slots[slot];
        active.live.blocks += lacking;
        let live = &active.live;
        let known = live.computed + tokens;
        active
            .holding
            .name_full(&live.request, live.generated, known, &mut self.pool);
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
        while self.decoders.due_now() > self.pool.free() {
            self.preempt_youngest(now, observer);
            preempted = true;
        }
        self.pool.take(self.decoders.due_now());
        *shape = self.decoders.shape();
        let mut budget = self.rules.max_num_batched_tokens - self.decoders.count();
        for index in 0..self.prefilling.len() {
            let slot = self.prefilling[index];
            let live = &self.slots[slot].live;
            let tokens = within(live.num_tokens() - live.computed, threshold).min(budget);
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
            let Some((hit, tokens)) = self.admission(slot, threshold, budget) else {
                break;
            };
            self.waiting.pop_front();
            self.running.push(&mut self.slots, slot);
            self.admit(slot, hit, now, observer);
            let fits = self.schedule_chunk(slot, tokens, shape);
            assert!(fits, "an admission checks that its blocks are free");
            self.prefilling.push(slot);
            budget -= tokens;
        }
    }

    /// What the head of the queue finds in the cache and how many tokens it gets; `None` if it must wait.
    fn admission(&mut self, slot: Slot, threshold: u32, budget: u32) -> Option<(Hit, u32)> {
        let active = &mut self.slots[slot];
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
        let must_fit = if self.rules.full_sequence_gate {
            all
        } else {
            all - lacking + tokens
        };
        let taken = self.memory.blocks_for(must_fit) - hit.blocks + hit.unused;
        let memory = AdmissionMemory {
            free_blocks: self.pool.free(),
            usable_blocks: self.memory.usable_blocks,
            others_run: self.running.count() > 0,
        };
        let enough = self.rules.leaves_enough_free(taken, &memory);
        enough.then_some((hit, tokens))
    }

    /// Gives the request that has just come in what it found in the cache.
    fn admit(&mut self, slot: Slot, hit: Hit, now: Time, observer: &mut dyn Observer) {
        let active = &mut self.slots[slot];
        active.holding.take_hit(&mut self.pool, &self.found);
        self.naming += u32::from(active.holding.names_output());
        self.found.clear();
        let live = &mut active.live;
        let (resumed, hit_tokens) = (live.preemptions > 0, hit.blocks * self.memory.block_tokens);
        if resumed {
            // What it had computed before and does not find is computed again.
            live.recomputed += u64::from(live.computed.saturating_sub(hit_tokens));
        } else {
            live.scheduled = Some(now);
            live.cached = hit_tokens;
        }
        live.computed = hit_tokens;
        live.blocks = hit.blocks;
        let event = Event::Admitted {
            resumed,
            tokens: live.num_tokens() - hit_tokens,
        };
        observer.on(now, live.request.id, &event);
    }

    /// Tells about steps that have ended, while the blocks are still as they were.
    pub(super) fn report(&self, steps: &Steps, observer: &mut dyn Observer) {
        let one_step_after = |&&(slot, tokens): &&(Slot, u32)| {
            let live = &self.slots[slot].live;
            live.last_token == Some(steps.start) && live.computed + tokens == live.num_tokens()
        };
        let used = self.memory.usable_blocks - self.pool.free();
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
        self.release(slot, false);
        let live = &self.slots[slot].live;
        let event = Event::Finished(Finished::of(live, now, true));
        observer.on(now, live.request.id, &event);
        if self.rules.prefix_caching {
            self.repeats.leave(&live.request);
        }
        self.slots.release(slot);
        if self.running.count() == 0 {
            assert_eq!(
                self.pool.free(),
                self.memory.usable_blocks,
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
        let holding = if self.rules.prefix_caching {
            self.repeats.enter(&request);
            Holding::new(&request, self.memory.block_tokens)
        } else {
            Holding::default()
        };
        let slot = self.slots.insert(Live::new(request), holding);
        self.waiting.push_back(slot);
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
                .steps_before_shortage(self.pool.free(), finish)
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
        self.pool
            .take(self.decoders.due_after_next(steps.count - 1));
        self.decoders.advance(steps.count);
        if !self.chunks.is_empty() {
            self.complete_chunks(steps, observer);
        }
        self.finish_decoders(steps.end, observer)
    }
}
