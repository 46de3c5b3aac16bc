//! The requests that decode on the plain path: nobody leaves but at its end, and no window moves on.

use super::slots::Slot;
use crate::engine::fast::decided::DecidedSteps;
use crate::engine::fast::decode_cycle::DecodeCycle;
use crate::engine::fast::finishes::Finishes;
use crate::engine::fast::seats::Seat;
use crate::kv::KvGrowth;

/// Requests of which each computes one token in every step.
pub(in crate::engine::fast) struct PlainDecoders {
    pub cycle: DecodeCycle,
    pub finishes: Finishes,
}

impl PlainDecoders {
    pub fn new(block_tokens: u32) -> Self {
        Self {
            cycle: DecodeCycle::new(block_tokens),
            finishes: Finishes::default(),
        }
    }

    /// Takes in a request whose prompt is computed.
    #[inline]
    pub fn join(&mut self, seat: Seat, slot: &Slot) {
        let finishes = self.cycle.clock + u64::from(slot.output - 1);
        self.finishes.push((finishes, slot.order, seat));
        self.cycle.enter(slot.computed);
    }

    /// The next request that has all its tokens, if any, each once; in the order of admission. It still has to leave.
    #[inline]
    pub fn pop_finished(&mut self) -> Option<Seat> {
        let &(clock, _, seat) = self.finishes.peek()?;
        if clock > self.cycle.clock {
            return None;
        }
        self.finishes.pop();
        Some(seat)
    }

    /// Blocks that the `steps` steps after the next one need.
    #[inline]
    pub fn due_after_next(&self, steps: u64) -> u32 {
        let growth = KvGrowth {
            phase: self.cycle.phase as usize,
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
            fills: self.cycle.count,
            due: &self.cycle.due,
            each: 1,
            freed: &[],
            phase: (decided.clock % self.cycle.due.len() as u64) as usize,
        }
    }

    /// How many steps until the next finish. At least one request decodes.
    #[inline]
    pub fn steps_to_finish(&self) -> u64 {
        let (clock, ..) = self.finishes.peek().expect("a request that decodes will finish");
        clock - self.cycle.clock
    }
}
