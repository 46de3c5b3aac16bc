//! The requests that decode, counted: a clock of their steps, their contexts, and in which steps they take new blocks.

use crate::kv::KvGrowth;
use crate::step_time::StepShape;

/// Requests of which each computes one token in every step.
pub(super) struct DecodeCycle {
    /// How many steps there have been.
    pub(super) clock: u64,
    /// The clock modulo the block size.
    pub(super) phase: u32,
    pub(super) count: u32,
    /// Sum of their contexts in the next step, the token to compute included.
    pub(super) context: u64,
    /// `due[c]`: how many take a new block in a step whose clock is `c` modulo the block size.
    pub(super) due: Vec<u32>,
}

impl DecodeCycle {
    pub(super) fn new(block_tokens: u32) -> Self {
        Self {
            clock: 0,
            phase: 0,
            count: 0,
            context: 0,
            due: vec![0; block_tokens as usize],
        }
    }

    /// Counts in a request that has computed so many tokens.
    #[inline]
    pub(super) fn enter(&mut self, computed: u32) {
        self.count += 1;
        self.context += u64::from(computed) + 1;
        let place = self.due_place(computed);
        self.due[place] += 1;
    }

    /// Counts out a request that has computed so many tokens.
    #[inline]
    pub(super) fn leave(&mut self, computed: u32) {
        self.count -= 1;
        self.context -= u64::from(computed) + 1;
        let place = self.due_place(computed);
        self.due[place] -= 1;
    }

    /// Forgets all of them; the clock goes on.
    pub(super) fn clear(&mut self) {
        self.count = 0;
        self.context = 0;
        self.due.fill(0);
    }

    /// The step in which all of them decode.
    #[inline]
    pub(super) const fn shape(&self) -> StepShape {
        StepShape {
            context: self.context,
            ..StepShape::of_decoding(self.count)
        }
    }

    /// How many take a new block in the next step.
    #[inline]
    pub(super) fn due_now(&self) -> u32 {
        self.due[self.phase as usize]
    }

    /// How many take a new block in the step so many after the next.
    pub(super) fn due_at(&self, steps: u64) -> u32 {
        self.growth().taken_at(steps)
    }

    /// How many blocks the `steps` steps after the next take.
    pub(super) fn due_within(&self, steps: u64) -> u64 {
        self.growth().taken_until(steps)
    }

    /// Blocks as they grow from the next step on, of none in use before.
    fn growth(&self) -> KvGrowth<'_> {
        KvGrowth {
            fills: self.count,
            due: &self.due,
            phase: self.phase as usize,
            ..KvGrowth::constant(0, 0)
        }
    }

    /// How many of `most` steps, the next one included, before the first that lacks a block, if `free` are left once
    /// the next step has its own. At least one decodes.
    #[inline]
    pub(super) fn steps_before_shortage(&self, free: u32, most: u64) -> u64 {
        let cycles = u64::from(free / self.count);
        if most <= cycles * self.due.len() as u64 {
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
    pub(super) fn advance(&mut self, steps: u64) {
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
