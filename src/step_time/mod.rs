//! How long one step (one forward pass over a mixed batch) takes.

mod affine;
mod choice;
mod decode_line;
mod drafting;
mod engine_host;
mod fused_all_reduce;
mod host_time;
mod kernel_scales;
pub mod kernel_times;
mod kind;
mod overheads;
mod paced;
mod ramp;
mod roofline;
mod saturation;
mod step_parts;
mod steps_on_gpu;
mod top_p;

pub use affine::Affine;
pub use choice::{STEP_TIMES, StepTimeChoice};
pub use decode_line::{DecodeLine, DecodeLines};
pub use drafting::{DraftPass, Drafting};
pub use engine_host::{EngineHost, Launching};
pub use host_time::HostTime;
pub use kernel_scales::KernelScales;
pub use kind::StepTimeKind;
pub use overheads::{Execution, Overheads, Sampling};
pub use paced::Paced;
pub use ramp::Ramp;
pub use roofline::{PriceLists, Roofline};
pub use saturation::{LONGEST_RAMP, LONGEST_STEP};
pub use step_parts::StepParts;
pub use steps_on_gpu::StepsOnGpu;
pub use top_p::TopPSearch;

use std::sync::Arc;

use crate::units::Span;

/// The sums over a batch that decide what its step costs.
///
/// One price for the whole mixed batch: a step is one forward pass, never prefill plus decode in series.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StepShape {
    /// Requests (or padded rows) that compute one token each, with one output token to sample.
    pub decoding: u32,
    /// Sum over the decoding requests of their context, the token being computed included [tokens].
    pub context: u64,
    /// Prompt tokens (or recomputed ones) in this step.
    pub prefill: u64,
    /// Sum over the prefill chunks of their context after this step [tokens].
    pub prefill_context: u64,
    /// Sum over the prefill chunks of query-key pairs: `done * chunk + chunk * (chunk + 1) / 2`.
    pub prefill_attention: u64,
    /// Requests in the step, decoding or prefilling.
    pub sequences: u32,
    /// Positions whose logits are computed at the end of this step: the last one of each request that samples, and one
    /// for each draft.
    pub sampling: u32,
    /// Requests whose chunk is their newest token and drafts to verify; they count as chunks in all the sums above.
    pub verifying: u32,
}

impl StepShape {
    /// So many requests that decode, and nobody else; without contexts.
    pub const fn of_decoding(decoding: u32) -> Self {
        Self {
            decoding,
            context: 0,
            prefill: 0,
            prefill_context: 0,
            prefill_attention: 0,
            sequences: decoding,
            sampling: decoding,
            verifying: 0,
        }
    }

    /// Whether all its requests decode.
    pub const fn is_decoding_alone(&self) -> bool {
        self.sequences == self.decoding
    }

    /// Tokens that pass through the model in this step.
    pub const fn tokens(&self) -> u64 {
        self.decoding as u64 + self.prefill
    }

    /// The shape `steps` decode steps later, the members unchanged: each request's context has grown by one token a
    /// step.
    #[must_use]
    pub const fn later(mut self, steps: u64) -> Self {
        self.context += self.decoding as u64 * steps;
        self
    }

    /// Adds one request that computes `tokens` tokens after `done`, out of `all` it has. One token that completes them
    /// is a decode, whether it is the newest output or the last of a prompt: the kernels do not know the difference.
    pub const fn add(&mut self, done: u32, tokens: u32, all: u32) {
        if tokens == 1 && done + 1 == all {
            self.add_decodes(1, all as u64);
        } else {
            self.add_chunk(done, tokens, done + tokens == all);
        }
    }

    /// Adds so many requests that decode one token, with so long contexts together, that token included.
    pub const fn add_decodes(&mut self, count: u32, context: u64) {
        self.decoding += count;
        self.context += context;
        self.sequences += count;
        self.sampling += count;
    }

    /// Adds one request that computes its newest token after `done`, and `drafts` drafts behind it: one chunk that
    /// reads its context once, with logits at every position.
    pub const fn add_verification(&mut self, done: u32, drafts: u32) {
        self.add_chunk(done, 1 + drafts, true);
        self.sampling += drafts;
        self.verifying += 1;
    }

    /// Drafts that it verifies; fewer beside chunks of prompts that do not sample.
    pub fn drafts(&self) -> u64 {
        if self.verifying == 0 {
            return 0;
        }
        self.sampling.saturating_sub(self.sequences).into()
    }

    /// Whether any request computes a part of its prompt (or again what it lost) that is longer than a token.
    pub const fn has_prompts(&self) -> bool {
        self.sequences > self.decoding + self.verifying
    }

    /// Whether its kernels run as one captured graph: all requests decode one token, or all verify drafts. Steps that
    /// mix kinds, or hold prompts, run in pieces (vLLM, `FULL_AND_PIECEWISE`: full graphs for uniform decode batches).
    pub const fn is_uniform(&self) -> bool {
        self.prefill == 0 || self.verifying == self.sequences
    }

    /// Adds one prefill chunk of `chunk` tokens after `done` tokens already computed; `samples` if it completes what
    /// was to compute.
    const fn add_chunk(&mut self, done: u32, chunk: u32, samples: bool) {
        let (done, chunk) = (done as u64, chunk as u64);
        self.prefill += chunk;
        self.prefill_context += done + chunk;
        self.prefill_attention += done * chunk + chunk * (chunk + 1) / 2;
        self.sequences += 1;
        self.sampling += samples as u32;
    }
}

impl StepTime for Arc<dyn StepTime> {
    fn step(&self, shape: &StepShape) -> Span {
        (**self).step(shape)
    }

    fn launch(&self, shape: &StepShape) -> Span {
        (**self).launch(shape)
    }

    fn decode_line(&self, decoding: u32) -> Option<DecodeLine> {
        (**self).decode_line(decoding)
    }

    fn ramp(&self, shape: &StepShape) -> Ramp {
        (**self).ramp(shape)
    }
}

/// A model of the step time. Laws: the same shape always costs the same; [`StepTime::ramp`] agrees with
/// [`StepTime::step`] term by term, `ramp(s).step(j) == step(s.later(j))` for every `j < ramp(s).len`.
pub trait StepTime: Send + Sync {
    /// How long the step takes.
    fn step(&self, shape: &StepShape) -> Span;

    /// How long after its decision a step starts if none runs then, on a server that decides steps while others run. On
    /// others what comes before a step is part of it.
    fn launch(&self, _shape: &StepShape) -> Span {
        Span::ZERO
    }

    /// The times of a run of decode steps that starts with `shape`; at least one step long.
    fn ramp(&self, shape: &StepShape) -> Ramp {
        Ramp::single(self.step(shape))
    }

    /// What [`StepTime::ramp`] gives for so many decoding requests and nobody else, as a line over their contexts;
    /// `None` where it is no line.
    fn decode_line(&self, _decoding: u32) -> Option<DecodeLine> {
        None
    }
}
