//! What the GPUs computed and read, against what they could have.

use crate::engine::StepRun;

/// What one model costs one set of GPUs, in plain numbers: all GPUs of a server together.
pub struct GpuWork {
    /// Operations for each token that passes through the model, without attention and the output layer.
    pub flops_per_token: f64,
    /// Operations for each pair of a query token and a key token it attends to, all layers.
    pub flops_per_pair: f64,
    /// Operations of the output layer for each sampled token.
    pub flops_per_sampled_token: f64,
    /// KV cache read for each token of context of a request in a step [bytes].
    pub kv_bytes_per_context_token: f64,
    /// Weights read in a step.
    pub weight_bytes: WeightBytes,
    /// Operations the GPUs could do in a second, at the precision of the weights.
    pub peak_flops_per_s: f64,
    /// Bytes the GPUs could read in a second.
    pub peak_bytes_per_s: f64,
}

/// Weights that a step reads [bytes].
pub enum WeightBytes {
    /// The same in every step: a dense model.
    EveryStep(f64),
    /// Depending on the tokens in the step: a mixture of experts, of which few tokens need only some.
    OfTokens(Box<dyn Fn(u64) -> f64 + Send + Sync>),
}

/// What has been done so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct WorkDone {
    tokens: u128,
    sampled: u128,
    pairs: u128,
    context_tokens: u128,
    weight_bytes: f64,
}

/// Operations and bytes done, and possible in a second.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Utilisation {
    pub(super) flops: f64,
    pub(super) bytes: f64,
    pub(super) peak_flops_per_s: f64,
    pub(super) peak_bytes_per_s: f64,
}

impl WorkDone {
    pub(super) fn ran(&mut self, run: &StepRun<'_>, work: Option<&GpuWork>) {
        let steps = u128::from(run.steps);
        let shape = &run.shape;
        let tokens = shape.tokens();
        // The context of each decoding request grows by one token a step.
        let grown = u128::from(shape.decoding) * (steps * (steps - 1) / 2);
        let context = u128::from(shape.context) * steps + grown;
        self.tokens += u128::from(tokens) * steps;
        self.sampled += u128::from(shape.sampling) * steps;
        self.pairs += context + u128::from(shape.prefill_attention) * steps;
        self.context_tokens += context + u128::from(shape.prefill_context) * steps;
        self.weight_bytes += match work.map(|work| &work.weight_bytes) {
            None => 0.0,
            Some(WeightBytes::EveryStep(bytes)) => bytes * run.steps as f64,
            Some(WeightBytes::OfTokens(bytes_of)) => bytes_of(tokens) * run.steps as f64,
        };
    }

    pub(super) fn against(&self, work: &GpuWork) -> Utilisation {
        let flops = self.tokens as f64 * work.flops_per_token
            + self.pairs as f64 * work.flops_per_pair
            + self.sampled as f64 * work.flops_per_sampled_token;
        Utilisation {
            flops,
            bytes: self.weight_bytes + self.context_tokens as f64 * work.kv_bytes_per_context_token,
            peak_flops_per_s: work.peak_flops_per_s,
            peak_bytes_per_s: work.peak_bytes_per_s,
        }
    }
}

impl Utilisation {
    pub(super) fn merge(&mut self, other: &Self) {
        self.flops += other.flops;
        self.bytes += other.bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kv::KvGrowth;
    use crate::step_time::{Ramp, StepShape};
    use crate::units::{Span, Time};

    #[test]
    fn the_work_of_a_leap_is_that_of_its_steps() {
        let mut shape = StepShape::default();
        shape.add(99, 1, 100);
        shape.add(6, 1, 7);
        let work = GpuWork {
            flops_per_token: 1e3,
            flops_per_pair: 10.0,
            flops_per_sampled_token: 1e5,
            kv_bytes_per_context_token: 3.0,
            weight_bytes: WeightBytes::EveryStep(1e4),
            peak_flops_per_s: 1.0,
            peak_bytes_per_s: 1.0,
        };
        let run = |step, steps| StepRun {
            start: Time::ZERO,
            steps,
            ramp: Ramp::single(Span::from_picos(1)),
            takes: Span::from_picos(steps),
            shape: shape.later(step),
            streaming: 2,
            kv: KvGrowth::constant(1),
        };
        let (mut at_once, mut by_step) = (WorkDone::default(), WorkDone::default());
        at_once.ran(&run(0, 30), Some(&work));
        for step in 0..30 {
            by_step.ran(&run(step, 1), Some(&work));
        }
        let (at_once, by_step) = (at_once.against(&work), by_step.against(&work));
        // All whole numbers far below 2^53, so that the floats are exact.
        assert_eq!(at_once.flops.to_bits(), by_step.flops.to_bits());
        assert_eq!(at_once.bytes.to_bits(), by_step.bytes.to_bits());
        // 30 steps of 107 tokens of context, growing by two a step.
        let context = 30 * 107 + 2 * (29 * 30 / 2);
        assert_eq!(
            at_once.bytes.to_bits(),
            f64::from(30 * 10_000 + 3 * context).to_bits()
        );
    }
}
