//! Where the time of steps goes.

use std::ops::AddAssign;

/// What steps spent on each of their parts, together [ps].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StepParts {
    /// Products of tokens and the weights of all layers, routed experts left out.
    pub weights: u128,
    /// Attention over keys and values, and states.
    pub attention: u128,
    /// Routed experts.
    pub experts: u128,
    /// All-reduces between GPUs, and waiting for the last of them.
    pub all_reduce: u128,
    /// The head and the sampler.
    pub sampler: u128,
    /// Norms, rotary embeddings and other small kernels, and launches.
    pub other: u128,
    /// Passes of a drafter.
    pub drafts: u128,
    /// The GPU waits for the CPU, or is slower than it should be.
    pub cpu: u128,
}

impl StepParts {
    /// All of it.
    pub const fn total(&self) -> u128 {
        self.weights
            + self.attention
            + self.experts
            + self.all_reduce
            + self.sampler
            + self.other
            + self.drafts
            + self.cpu
    }
}

impl AddAssign for StepParts {
    fn add_assign(&mut self, more: Self) {
        self.weights += more.weights;
        self.attention += more.attention;
        self.experts += more.experts;
        self.all_reduce += more.all_reduce;
        self.sampler += more.sampler;
        self.other += more.other;
        self.drafts += more.drafts;
        self.cpu += more.cpu;
    }
}
