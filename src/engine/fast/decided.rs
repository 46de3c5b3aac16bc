//! What was decided and has not ended, as far as a scheduler of continuous batching has to know.

use super::seats::Seat;
use crate::kv::KvGrowth;

/// Steps of one decision, as far as their tokens are still to come.
#[derive(Default)]
pub(super) struct DecidedSteps {
    pub(super) steps: u64,
    /// The first one's place in the decoders' clock.
    pub(super) clock: u64,
    /// Blocks in use during the first.
    pub(super) used_blocks: u32,
    /// Their slots without a token.
    pub(super) empty: u64,
    /// How many decoders get a token in each.
    pub(super) decoding: u32,
    /// Who gets a token apart from them, in the order of admission.
    pub(super) sampling: Vec<Seat>,
    /// Whose last token comes, in the order of admission.
    pub(super) ending: Vec<Seat>,
}

impl DecidedSteps {
    /// So many steps from this clock on were decided, with so many blocks in use during the first and so many of their
    /// slots empty; who gets tokens is still to be said.
    #[inline]
    pub(super) fn begin(&mut self, steps: u64, clock: u64, (used_blocks, empty): (u32, u64)) {
        self.steps = steps;
        self.clock = clock;
        self.used_blocks = used_blocks;
        self.empty = empty;
        self.sampling.clear();
        self.ending.clear();
    }

    /// The first of them have ended, but not all; blocks grow so from the first on.
    pub(super) fn take_off(&mut self, steps: u64, growth: &KvGrowth<'_>) {
        let (used, empty) = growth.at(steps);
        self.used_blocks = used as u32;
        self.empty = empty;
        self.clock += steps;
        self.steps -= steps;
    }
}
