//! What the GPUs computed and read, against what they could have.

use crate::engine::{Finished, StepRun};
use crate::hardware::Arithmetic;
use crate::step_time::StepShape;

/// What a model costs each GPU of a server, and what such a GPU could do.
#[derive(Clone, Debug)]
pub struct GpuWork {
    /// What a step computes and reads for the model.
    pub arithmetic: Arithmetic,
    /// Operations the GPU could do in a second, at the precision of the weights.
    pub peak_flops_per_s: f64,
    /// Bytes the GPU could read in a second.
    pub peak_bytes_per_s: f64,
}

/// Operations and bytes done, and possible in a second.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::metrics) struct Utilisation {
    /// What finished requests needed, once each: neither padding nor what was computed again after a preemption.
    pub(in crate::metrics) flops: f64,
    /// What steps read, padding included.
    pub(in crate::metrics) bytes: f64,
    pub(in crate::metrics) peak_flops_per_s: f64,
    pub(in crate::metrics) peak_bytes_per_s: f64,
}

/// Adds up what a run needs. All sums but that of the experts' bytes are whole numbers, which cost little and do not
/// depend on their order; what a unit of each costs is multiplied in at the end.
pub(in crate::metrics) struct WorkDone {
    work: GpuWork,
    steps: u64,
    /// Of routed experts, whose number in a step is no whole number.
    expert_bytes: f64,
    /// Tokens that passed through the model for requests that have finished, once each.
    tokens: u128,
    /// Output tokens of these.
    sampled: u128,
    /// Requests that steps held, each in every step.
    held: u128,
    /// In the order of [`Arithmetic::attention`].
    attention: Vec<Attended>,
}

/// What layers of one reach attended to.
struct Attended {
    /// The most tokens of context a token attends to; `u64::MAX` if unlimited.
    window: u64,
    /// Tokens of context that steps read.
    context: u128,
    /// Query-key pairs of finished requests.
    pairs: u128,
}

impl WorkDone {
    pub(in crate::metrics) fn none_of(work: GpuWork) -> Self {
        let layers = work.arithmetic.attention.iter();
        let attended = layers.map(|layers| Attended {
            window: layers.window.unwrap_or(u64::MAX),
            context: 0,
            pairs: 0,
        });
        Self {
            attention: attended.collect(),
            work,
            steps: 0,
            expert_bytes: 0.0,
            tokens: 0,
            sampled: 0,
            held: 0,
        }
    }

    /// Adds what a request needed: each token but the last output passes through the model once, unless the cache held
    /// it.
    #[inline]
    pub(in crate::metrics) fn finished(&mut self, request: &Finished) {
        let computed_to = u64::from(request.computed_tokens());
        let computed_from = u64::from(request.cached_tokens);
        self.tokens += u128::from(computed_to - computed_from);
        self.sampled += u128::from(request.output_tokens);
        for layers in &mut self.attention {
            let pairs = pairs_up_to(computed_to, layers.window) - pairs_up_to(computed_from, layers.window);
            layers.pairs += u128::from(pairs);
        }
    }

    /// Adds what a run of steps read.
    #[inline(always)]
    pub(in crate::metrics) fn ran(&mut self, run: &StepRun<'_>) {
        self.steps += run.steps;
        self.held += u128::from(run.shape.sequences) * u128::from(run.steps);
        if !self.work.arithmetic.experts.is_empty() {
            let tokens = run.shape.tokens() as f64;
            self.expert_bytes += self.work.arithmetic.expert_bytes_per_step(tokens) * run.steps as f64;
        }
        for layers in &mut self.attention {
            layers.context += decode_context_read(run.shape, run.steps, layers.window);
            if run.shape.prefill > 0 {
                let prefill = prefill_context_read(run.shape, layers.window);
                layers.context += u128::from(prefill) * u128::from(run.steps);
            }
        }
    }

    /// All that was done, against what the GPU could do.
    pub(in crate::metrics) fn finish(self) -> Utilisation {
        let cost = &self.work.arithmetic;
        let mut flops = self.tokens as f64 * cost.flops_per_token + self.sampled as f64 * cost.flops_per_sampled_token;
        let mut bytes = self.steps as f64 * cost.weight_bytes_always + self.expert_bytes;
        bytes += self.held as f64 * cost.state_bytes_per_request;
        for (layers, attended) in cost.attention.iter().zip(&self.attention) {
            flops += attended.pairs as f64 * layers.flops_per_pair;
            bytes += attended.context as f64 * layers.kv_bytes_per_context_token;
        }
        Utilisation {
            flops,
            bytes,
            peak_flops_per_s: self.work.peak_flops_per_s,
            peak_bytes_per_s: self.work.peak_bytes_per_s,
        }
    }
}

impl Utilisation {
    pub(in crate::metrics) fn merge(&mut self, other: &Self) {
        self.flops += other.flops;
        self.bytes += other.bytes;
    }
}

/// Query-key pairs of the first `tokens` tokens of a request: the i-th attends to i tokens, or to its window.
const fn pairs_up_to(tokens: u64, window: u64) -> u64 {
    if tokens <= window {
        return tokens * (tokens + 1) / 2;
    }
    window * (window + 1) / 2 + (tokens - window) * window
}

/// Tokens of context that the decoding requests read in `steps` steps, each context growing by one a step. As in the
/// step-time model, the window cuts the sum over the requests, not each context.
#[inline]
fn decode_context_read(shape: &StepShape, steps: u64, window: u64) -> u128 {
    let decoding = u64::from(shape.decoding);
    let most = decoding.saturating_mul(window);
    let growing = if window == u64::MAX {
        steps
    } else if shape.context >= most {
        0
    } else {
        ((most - shape.context) / decoding + 1).min(steps)
    };
    let read = u128::from(shape.context) * u128::from(growing);
    if growing == 1 && steps == 1 {
        return read;
    }
    let grown = u128::from(growing) * u128::from(growing.saturating_sub(1)) / 2;
    read + u128::from(decoding) * grown + u128::from(most) * u128::from(steps - growing)
}

/// Tokens of context that the prompts in the making read in a step: each its window and its chunk at the most.
fn prefill_context_read(shape: &StepShape, window: u64) -> u64 {
    let prompts = u64::from(shape.sequences.saturating_sub(shape.decoding));
    let windows = prompts.saturating_mul(window);
    shape.prefill_context.min(windows.saturating_add(shape.prefill))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leap_reads_what_its_steps_read() {
        let mut shape = StepShape::default();
        shape.add(99, 1, 100);
        shape.add(6, 1, 7);
        for window in [u64::MAX, 40, 60, 65, 1_000] {
            let by_step: u128 = (0..30)
                .map(|step| decode_context_read(&shape.later(step), 1, window))
                .sum();
            assert_eq!(decode_context_read(&shape, 30, window), by_step);
        }
        // 30 steps of 107 tokens of context, growing by two a step; two windows of 40 are less in every step.
        let read = |window| decode_context_read(&shape, 30, window);
        assert_eq!(read(u64::MAX), 30 * 107 + 2 * (29 * 30 / 2));
        assert_eq!(read(40), 30 * 2 * 40);
    }

    #[test]
    fn every_token_attends_to_those_before_it_inside_its_window() {
        for window in [u64::MAX, 1, 7, 50, 100] {
            let one_by_one: u64 = (1..=50_u64).map(|context| context.min(window)).sum();
            assert_eq!(pairs_up_to(50, window), one_by_one);
        }
    }

    #[test]
    fn a_prompt_in_the_making_reads_its_window_and_its_chunk() {
        let mut shape = StepShape::default();
        shape.add(900, 100, 2_000);
        shape.add(49, 1, 50);
        assert_eq!(prefill_context_read(&shape, u64::MAX), 1_000);
        assert_eq!(prefill_context_read(&shape, 64), 164);
    }
}
