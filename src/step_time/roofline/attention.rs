//! What attention costs, in whole picoseconds per unit of the batch's sums, so that a run of decode steps is exactly a
//! ramp.

use super::picos::picos;
use crate::hardware::{AttentionKernels, AttentionLayers, Gpu, MixedAttention};
use crate::step_time::{StepShape, kernel_times};

/// What layers of one reach cost per unit of the batch's sums [ps].
#[derive(Clone, Copy, Debug)]
pub(super) struct AttentionPrice {
    /// The most tokens of context a token attends to; `u64::MAX` if unlimited.
    window: u64,
    /// Per token of a decoding request's context.
    alone: u64,
    /// Per token of a decoding request's context beside prompts, if that is another kernel.
    mixed: Option<MixedPrice>,
    /// Per token of a prefilling request's context: its keys and values are read once per chunk.
    per_prefill_context_token: u64,
    /// Per query-key pair of a prefill chunk.
    per_pair: u64,
    /// Per token of a prefill chunk, besides its pairs.
    per_query: u64,
}

/// What a price beside prompts is made of.
#[derive(Clone, Copy, Debug)]
struct MixedPrice {
    kernels: MixedAttention,
    /// Reading a token of context once [us].
    read_micros: f64,
    queries_per_kv_head: f64,
    query_heads: f64,
}

impl AttentionPrice {
    pub fn new(layers: &AttentionLayers, gpu: &Gpu, scale: f64) -> Self {
        let kernels: AttentionKernels = gpu.attention_kernels();
        let bandwidth = gpu.bandwidth_bytes_per_s() * kernels.bandwidth / scale;
        let flops = gpu.peak().bf16 * kernels.flops / scale;
        let read_micros = layers.kv_bytes_per_context_token / bandwidth * 1e6;
        let decode_micros = layers.decode_flops_per_context_token / flops * 1e6;
        let pair_micros = layers.flops_per_pair / flops * 1e6;
        Self {
            window: layers.window.unwrap_or(u64::MAX),
            alone: picos(read_micros.max(decode_micros)),
            mixed: kernels.mixed.map(|kernels| MixedPrice {
                kernels: MixedAttention {
                    nanos_per_token: kernels.nanos_per_token * scale,
                    ..kernels
                },
                read_micros,
                queries_per_kv_head: layers.queries_per_kv_head,
                query_heads: layers.query_heads,
            }),
            per_prefill_context_token: picos(read_micros),
            per_pair: picos(pair_micros),
            per_query: picos(kernels.pairs_per_query * pair_micros),
        }
    }

    /// A token of a decoding request's context in such a step: the same whatever the contexts, so that a step is linear
    /// in them.
    pub fn per_context_token(&self, shape: &StepShape) -> u64 {
        match &self.mixed {
            Some(mixed) if shape.has_prompts() => self.alone.max(mixed.picos(shape.decoding)),
            _ => self.alone,
        }
    }

    /// The decoding requests' part, at so much a token.
    pub fn decode(&self, shape: &StepShape, per_context_token: u64) -> u64 {
        let context = self.inside(shape.context, u64::from(shape.decoding));
        per_context_token.saturating_mul(context)
    }

    pub fn prefill(&self, shape: &StepShape) -> u64 {
        let chunks = u64::from(shape.sequences.saturating_sub(shape.decoding));
        let windows = chunks.saturating_mul(self.window);
        let context = shape.prefill_context.min(windows.saturating_add(shape.prefill));
        let pairs = self.inside(shape.prefill_attention, shape.prefill);
        let context = self.per_prefill_context_token.saturating_mul(context);
        let pairs = self.per_pair.saturating_mul(pairs);
        let queries = self.per_query.saturating_mul(shape.prefill);
        context.saturating_add(pairs).saturating_add(queries)
    }

    /// For how many steps the decoding requests' contexts stay inside the window together; `None` if they have filled
    /// it or there are none, so that nothing grows.
    pub fn steps_inside_window(&self, shape: &StepShape) -> Option<u64> {
        let decoding = u64::from(shape.decoding);
        let windows = decoding.saturating_mul(self.window);
        if shape.context >= windows {
            return None;
        }
        if self.window == u64::MAX {
            return Some(u64::MAX);
        }
        Some((windows - shape.context) / decoding + 1)
    }

    /// The sum of `min(context, window)` over `requests`, taken as the minimum of the sums: exact when all are inside
    /// the window or all beyond it.
    fn inside(&self, context: u64, requests: u64) -> u64 {
        context.min(requests.saturating_mul(self.window))
    }
}

impl MixedPrice {
    /// Of one token of context beside prompts [ps].
    fn picos(&self, decoding: u32) -> u64 {
        picos(kernel_times::mixed_token(
            &self.kernels,
            self.read_micros,
            self.queries_per_kv_head,
            self.query_heads,
            f64::from(decoding),
        ))
    }
}
