//! The requests that decode, seen as one, as in [`crate::engine::fast::decoders`]: without windows that move on, and
//! nobody leaves but at its end.

use super::slots::Slot;
use crate::engine::fast::decided::DecidedSteps;
use crate::engine::fast::finishes::Finishes;
use crate::engine::fast::seats::Seat;
use crate::kv::KvGrowth;
use crate::step_time::StepShape;

/// Requests of which each computes one token in every step.
pub(in crate::engine::fast) struct PlainDecoders {
    /// How many steps there have been.
    pub clock: u64,
    /// The clock modulo the block size.
    pub phase: u32,
    pub count: u32,
    /// Sum of their contexts in the next step, the token to compute included.
    pub context: u64,
    /// `due[c]`: how many take a new block in a step whose clock is `c` modulo the block size.
    pub due: Vec<u32>,
    pub finishes: Finishes,
}

impl PlainDecoders {
    pub fn new(block_tokens: u32) -> Self {
        Self {
            clock: 0,
            phase: 0,
            count: 0,
            context: 0,
            due: vec![0; block_tokens as usize],
            finishes: Finishes::default(),
        }
    }

    /// Takes in a request whose prompt is computed.
    #[inline]
    pub fn join(&mut self, seat: Seat, slot: &Slot) {
        let finishes = self.clock + u64::from(slot.output - 1);
        self.finishes.push((finishes, slot.order, seat));
        self.count += 1;
        self.context += u64::from(slot.computed) + 1;
        let place = self.due_place(slot.computed);
        self.due[place] += 1;
    }

    /// Lets a request go that has computed so many tokens.
    #[inline]
    pub fn leave(&mut self, computed: u32) {
        self.count -= 1;
        self.context -= u64::from(computed) + 1;
        let place = self.due_place(computed);
        self.due[place] -= 1;
    }

    /// The next request that has all its tokens, if any, each once; in the order of admission. It still has to leave.
    #[inline]
    pub fn pop_finished(&mut self) -> Option<Seat> {
        let &(clock, _, seat) = self.finishes.peek()?;
        if clock > self.clock {
            return None;
        }
        self.finishes.pop();
        Some(seat)
    }

    /// The step in which all of them decode.
    #[inline]
    pub const fn shape(&self) -> StepShape {
        StepShape {
            decoding: self.count,
            context: self.context,
            prefill: 0,
            prefill_context: 0,
            prefill_attention: 0,
            sequences: self.count,
            sampling: self.count,
            verifying: 0,
        }
    }

    /// Blocks that the next step needs.
    #[inline]
    pub fn due_now(&self) -> u32 {
        self.due[self.phase as usize]
    }

    /// Blocks that the `steps` steps after the next one need.
    #[inline]
    pub fn due_after_next(&self, steps: u64) -> u32 {
        let growth = KvGrowth {
            phase: self.phase as usize,
            ..self.growth(&DecidedSteps::default())
        };
        growth.taken_until(steps) as u32
    }

    /// How blocks grow over decided steps, while the decoders are as they are now.
    #[inline]
    pub fn growth(&self, decided: &DecidedSteps) -> KvGrowth<'_> {
        KvGrowth {
            used: decided.used_blocks,
            empty: decided.empty,
            fills: self.count,
            due: &self.due,
            each: 1,
            freed: &[],
            phase: (decided.clock % self.due.len() as u64) as usize,
        }
    }

    /// How many steps until the next finish. At least one request decodes.
    #[inline]
    pub fn steps_to_finish(&self) -> u64 {
        let (clock, ..) = self.finishes.peek().expect("a request that decodes will finish");
        clock - self.clock
    }

    /// How many of `most` steps, the next one included, before the first that lacks a block, if `free` are left once
    /// the next step has its own.
    #[inline]
    pub fn steps_before_shortage(&self, free: u32, most: u64) -> u64 {
        let cycle = self.due.len() as u64;
        let cycles = u64::from(free / self.count);
        if most <= cycles * cycle {
            return most;
        }
        self.steps_in_last_cycle(free, cycles, most)
    }

    /// After `cycles` whole cycles fewer blocks are left than a cycle needs: the shortage is less than a cycle away.
    #[cold]
    fn steps_in_last_cycle(&self, free: u32, cycles: u64, most: u64) -> u64 {
        let mut left = free % self.count;
        let mut steps = cycles * self.due.len() as u64 + 1;
        let mut place = self.phase as usize;
        while steps < most {
            place = if place + 1 == self.due.len() { 0 } else { place + 1 };
            if self.due[place] > left {
                break;
            }
            left -= self.due[place];
            steps += 1;
        }
        steps
    }

    /// All of them have computed `steps` tokens.
    #[inline]
    pub fn advance(&mut self, steps: u64) {
        self.clock += steps;
        let cycle = self.due.len() as u32;
        self.phase = if steps == 1 {
            let next = self.phase + 1;
            if next == cycle { 0 } else { next }
        } else {
            ((u64::from(self.phase) + steps) % u64::from(cycle)) as u32
        };
        self.context += u64::from(self.count) * steps;
    }

    /// The steps, by their clock modulo the block size, in which a request with `computed` tokens takes a new block.
    #[inline]
    fn due_place(&self, computed: u32) -> usize {
        let cycle = self.due.len() as u32;
        let passed = computed % cycle;
        let place = if self.phase >= passed {
            self.phase - passed
        } else {
            self.phase + cycle - passed
        };
        place as usize
    }
}
