//! Slots of the KV cache that are allocated but hold no token.
//!
//! A slot holds a token if it belongs to a token of a running request whose KV exists or is being computed by the step
//! under way. The others are the ends of requests' last blocks, what policies reserve in advance, room for drafts, and
//! the rows of a static batch whose requests have been answered. A block that requests share counts once; it is full.

use crate::engine::StepRun;
use crate::kv::KvOverRun;

/// Slots of one server, or of several.
#[derive(Clone, Debug)]
pub(super) struct Fragmentation {
    /// `None` if servers differ in it: then nothing can be said of all.
    block_tokens: Option<u32>,
    /// Slots that hold no token, over the time they were allocated [slot * ps].
    empty: u128,
    /// Blocks over the time they were allocated [block * ps].
    blocks: u128,
    peak: Peak,
}

/// The most blocks in use, and the slots without a token when that was first so.
#[derive(Clone, Copy, Debug, Default)]
struct Peak {
    blocks: u64,
    empty: u64,
}

impl Fragmentation {
    pub(super) fn new(block_tokens: Option<u32>) -> Self {
        Self {
            block_tokens,
            empty: 0,
            blocks: 0,
            peak: Peak::default(),
        }
    }

    /// Steps have ended that used these blocks.
    #[inline(always)]
    pub(super) fn ran(&mut self, run: &StepRun<'_>, kv: &KvOverRun) {
        self.blocks += kv.used;
        self.empty += kv.empty;
        if kv.most > self.peak.blocks {
            self.peak = Peak::of(*run, kv.most);
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.empty += other.empty;
        self.blocks += other.blocks;
        if other.peak.blocks > self.peak.blocks {
            self.peak = other.peak;
        }
    }

    /// Of all slots and all the time they were allocated, the share without a token.
    pub(super) fn mean(&self) -> Option<f64> {
        let slots = self.blocks as f64 * f64::from(self.block_tokens?);
        (self.blocks > 0).then(|| self.empty as f64 / slots)
    }

    /// The share of allocated slots without a token when the most blocks were in use.
    pub(super) fn at_peak(&self) -> Option<f64> {
        let slots = self.peak.blocks * u64::from(self.block_tokens?);
        (slots > 0).then(|| self.peak.empty as f64 / slots as f64)
    }
}

impl Peak {
    /// The first of the steps that use so many blocks, the most of all.
    fn of(run: StepRun<'_>, blocks: u64) -> Self {
        if run.kv.may_fall() {
            let first = run.kv.each_step(run.steps).find(|&(used, _)| used == blocks);
            let (_, empty) = first.expect("a step uses as many as the most");
            return Self { blocks, empty };
        }
        let mut step = run.steps - 1;
        while step > 0 && run.kv.taken_at(step) == 0 {
            step -= 1;
        }
        Self {
            blocks,
            empty: run.kv.at(step).1,
        }
    }
}
