//! What was decided and has not ended.

use crate::engine::fast::seats::Seat;
use crate::kv::KvGrowth;
use crate::policy::sglang::RowKind;
use crate::workload::RequestId;

/// A part of a prompt in a step.
#[derive(Clone, Copy)]
pub(super) struct PromptRow {
    pub seat: Seat,
    pub id: RequestId,
    pub kind: RowKind,
    pub tokens: u32,
    pub before: u32,
    /// Whether more of the prompt is left after that.
    pub is_middle: bool,
    /// How often its request had been taken out of the running ones.
    pub evictions: u32,
}

/// A step with prompts, or decode steps of one decision as far as they have not ended.
#[derive(Default)]
pub(super) struct Launched {
    /// None in decode steps.
    pub prompts: Vec<PromptRow>,
    /// Whether those in `listed` decode in the same step, behind the prompts.
    pub is_mixed: bool,
    /// The decode steps that had been decided before.
    pub clock: u64,
    /// How many get a token in each decode step.
    pub streaming: u32,
    /// Who decodes, in order, if it has to be told of each when it got its token before.
    pub listed: Vec<Seat>,
    pub is_listed: bool,
    /// Of these, who got the token before from its prompt: the last ones, unless others were retracted.
    pub newcomers: Vec<Seat>,
    pub is_reordered: bool,
    pub steps: u64,
    /// Blocks in use during the first, and their slots without a token.
    pub used_blocks: u32,
    pub empty: u64,
    /// Slots that each later step fills.
    fills: u32,
    /// Blocks that later steps take, by their number modulo the block size; none for a single step.
    due: Vec<u32>,
    phase: usize,
}

impl Launched {
    /// A step that holds nothing yet.
    pub(super) fn begin(&mut self) {
        self.prompts.clear();
        self.listed.clear();
        self.due.clear();
        self.is_listed = false;
        self.is_mixed = false;
        self.newcomers.clear();
        self.is_reordered = false;
        self.streaming = 0;
        self.steps = 1;
        self.fills = 0;
        self.phase = 0;
    }

    /// It is so many decode steps: the later ones take so many new slots each, from so many in use during the first.
    pub(super) fn repeat(
        &mut self,
        steps: u64,
        fills: u32,
        mut used_slots: u64,
        block_tokens: u32,
        mut slots_of_next: impl FnMut() -> u64,
    ) {
        self.steps = steps;
        self.fills = fills;
        let block_tokens = u64::from(block_tokens);
        self.due.resize(block_tokens as usize, 0);
        let mut blocks = u64::from(self.used_blocks);
        for step in 1..steps.min(block_tokens + 1) {
            used_slots += slots_of_next();
            let used = used_slots.div_ceil(block_tokens);
            self.due[(step % block_tokens) as usize] = (used - blocks) as u32;
            blocks = used;
        }
    }

    /// How the used blocks grow over the steps.
    pub(super) fn growth(&self) -> KvGrowth<'_> {
        KvGrowth {
            fills: self.fills,
            due: &self.due,
            phase: self.phase,
            ..KvGrowth::constant(self.used_blocks, self.empty)
        }
    }

    /// The first of them have ended, but not all.
    pub(super) fn take_off(&mut self, steps: u64) {
        let (used, empty) = self.growth().at(steps);
        self.used_blocks = used as u32;
        self.empty = empty;
        self.clock += steps;
        self.steps -= steps;
        self.phase = ((self.phase as u64 + steps) % self.due.len() as u64) as usize;
    }
}
