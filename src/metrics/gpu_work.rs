//! What the GPUs computed and read, against what they could have.

use crate::engine::{Finished, StepRun};
use crate::hardware::{Arithmetic, AttentionLayers};
use crate::step_time::StepShape;

/// What a model costs each GPU of a server, and what such a GPU could do.
pub struct GpuWork {
    /// The cost.
    pub arithmetic: Arithmetic,
    /// Operations the GPU could do in a second, at the precision of the weights.
    pub peak_flops_per_s: f64,
    /// Bytes the GPU could read in a second.
    pub peak_bytes_per_s: f64,
}

/// Operations and bytes done, and possible in a second.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Utilisation {
    /// What finished requests needed, once each: neither padding nor what was computed again after a preemption.
    pub(super) flops: f64,
    /// What steps read, padding included.
    pub(super) bytes: f64,
    pub(super) peak_flops_per_s: f64,
    pub(super) peak_bytes_per_s: f64,
}

impl Utilisation {
    pub(super) const fn none_of(work: &GpuWork) -> Self {
        Self {
            flops: 0.0,
            bytes: 0.0,
            peak_flops_per_s: work.peak_flops_per_s,
            peak_bytes_per_s: work.peak_bytes_per_s,
        }
    }

    /// Adds what a request needed: each token but the last output passes through the model once, unless the cache held it.
    pub(super) fn finished(&mut self, request: &Finished, cost: &Arithmetic) {
        let computed_to = u64::from(request.input_tokens) + u64::from(request.output_tokens) - 1;
        let computed_from = u64::from(request.cached_tokens);
        self.flops += (computed_to - computed_from) as f64 * cost.flops_per_token
            + f64::from(request.output_tokens) * cost.flops_per_sampled_token;
        for layers in &cost.attention {
            let pairs = pairs_up_to(computed_to, layers) - pairs_up_to(computed_from, layers);
            self.flops += pairs as f64 * layers.flops_per_pair;
        }
    }

    /// Adds what a run of steps read.
    pub(super) fn ran(&mut self, run: &StepRun<'_>, cost: &Arithmetic) {
        let steps = run.steps as f64;
        self.bytes += cost.weight_bytes_per_step(run.shape.tokens() as f64) * steps;
        for layers in &cost.attention {
            let mut context = decode_context_read(&run.shape, run.steps, layers);
            if run.shape.prefill > 0 {
                context += prefill_context_read(&run.shape, layers) as f64 * steps;
            }
            self.bytes += context * layers.kv_bytes_per_context_token;
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.flops += other.flops;
        self.bytes += other.bytes;
    }
}

fn window_of(layers: &AttentionLayers) -> u64 {
    layers.window.unwrap_or(u64::MAX)
}

/// Query-key pairs of the first `tokens` tokens of a request: the i-th attends to i tokens, or to its window.
fn pairs_up_to(tokens: u64, layers: &AttentionLayers) -> u128 {
    let window = window_of(layers);
    let inside = u128::from(tokens.min(window));
    let beyond = u128::from(tokens) - inside;
    inside * (inside + 1) / 2 + beyond * u128::from(window)
}

/// Tokens of context that the decoding requests read in `steps` steps, each context growing by one a step. As in the step-time model,
/// the window cuts the sum over the requests, not each context.
fn decode_context_read(shape: &StepShape, steps: u64, layers: &AttentionLayers) -> f64 {
    if layers.window.is_none() {
        let (context, decoding, steps) = (
            shape.context as f64,
            f64::from(shape.decoding),
            steps as f64,
        );
        return context * steps + decoding * (steps * (steps - 1.0) / 2.0);
    }
    let decoding = u64::from(shape.decoding);
    let most = decoding.saturating_mul(window_of(layers));
    let growing = if shape.context >= most {
        0
    } else {
        ((most - shape.context) / decoding + 1).min(steps)
    };
    let [context, decoding, most, growing, steps] =
        [shape.context, decoding, most, growing, steps].map(u128::from);
    let grown = decoding * (growing * growing.saturating_sub(1) / 2);
    (context * growing + grown + most * (steps - growing)) as f64
}

/// Tokens of context that the prompts in the making read in a step: each its window and its chunk at the most.
fn prefill_context_read(shape: &StepShape, layers: &AttentionLayers) -> u64 {
    let prompts = u64::from(shape.sequences.saturating_sub(shape.decoding));
    let windows = prompts.saturating_mul(window_of(layers));
    shape
        .prefill_context
        .min(windows.saturating_add(shape.prefill))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers(window: Option<u64>) -> AttentionLayers {
        AttentionLayers {
            window,
            layers: 1.0,
            kv_bytes_per_context_token: 3.0,
            flops_per_pair: 10.0,
            decode_flops_per_context_token: 10.0,
            query_heads: 1.0,
            queries_per_kv_head: 1.0,
        }
    }

    #[test]
    fn a_leap_reads_what_its_steps_read() {
        let mut shape = StepShape::default();
        shape.add(99, 1, 100);
        shape.add(6, 1, 7);
        for window in [None, Some(40), Some(60), Some(65), Some(1_000)] {
            let layers = layers(window);
            // Whole numbers far below 2^53, which floats hold exactly.
            let by_step: f64 = (0..30)
                .map(|step| decode_context_read(&shape.later(step), 1, &layers))
                .sum();
            assert_eq!(
                decode_context_read(&shape, 30, &layers).to_bits(),
                by_step.to_bits()
            );
        }
        // 30 steps of 107 tokens of context, growing by two a step; two windows of 40 are less in every step.
        let read = |window| decode_context_read(&shape, 30, &layers(window)) as u64;
        assert_eq!(read(None), 30 * 107 + 2 * (29 * 30 / 2));
        assert_eq!(read(Some(40)), 30 * 2 * 40);
    }

    #[test]
    fn every_token_attends_to_those_before_it_inside_its_window() {
        for window in [None, Some(1), Some(7), Some(100)] {
            let layers = layers(window);
            let one_by_one: u128 = (1..=50_u64)
                .map(|context| u128::from(context.min(window_of(&layers))))
                .sum();
            assert_eq!(pairs_up_to(50, &layers), one_by_one);
        }
    }

    #[test]
    fn a_prompt_in_the_making_reads_its_window_and_its_chunk() {
        let mut shape = StepShape::default();
        shape.add(900, 100, 2_000);
        shape.add(49, 1, 50);
        assert_eq!(prefill_context_read(&shape, &layers(None)), 1_000);
        assert_eq!(prefill_context_read(&shape, &layers(Some(64))), 164);
    }
}
