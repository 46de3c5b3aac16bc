//! What attention costs, in whole picoseconds per unit of the batch's sums, so that a run of decode steps is exactly a
//! ramp.

use super::picos::picos;
use crate::hardware::{AttentionKernels, AttentionLayers, Gpu, KvPrecision, LatentKernels, MixedAttention};
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
    /// Per request in the step.
    per_request: u64,
    /// Key-value heads of a layer.
    heads: u64,
    /// Heads of requests that multiprocessors take at once, in each layer.
    at_once: u64,
    /// Per head of a request beyond those.
    per_head: u64,
    /// What decoding requests whose window is full add once, and per head of a request beyond those taken at once.
    filled: u64,
    filled_per_head: u64,
}

/// What kernels reach on layers of one kind.
struct Rates {
    /// [bytes/s].
    bandwidth: f64,
    /// Of prompts, and of decoding requests [operations/s].
    flops: f64,
    decode_flops: f64,
    pairs_per_query: f64,
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

impl Rates {
    fn of_heads(kernels: &AttentionKernels, layers: &AttentionLayers, gpu: &Gpu) -> Self {
        // An indexer has no heads of its own here, and is not narrow.
        let width = if layers.head_dim > 0.0 {
            layers.head_dim
        } else {
            AttentionKernels::WIDE
        };
        let narrow = (width / AttentionKernels::WIDE).min(1.0).powf(kernels.narrowness);
        let flops = gpu.peak().bf16 * kernels.flops * narrow;
        Self {
            bandwidth: gpu.bandwidth_bytes_per_s() * kernels.bandwidth,
            flops,
            decode_flops: flops,
            pairs_per_query: kernels.pairs_per_query,
        }
    }

    fn of_latent(kernels: &LatentKernels, gpu: &Gpu) -> Self {
        let peak = gpu.peak().bf16;
        Self {
            bandwidth: gpu.bandwidth_bytes_per_s() * kernels.bandwidth,
            flops: peak * kernels.flops,
            decode_flops: peak * kernels.decode_flops,
            pairs_per_query: kernels.pairs_per_query,
        }
    }
}

impl AttentionPrice {
    pub fn new(layers: &AttentionLayers, gpu: &Gpu, kv: KvPrecision, scale: f64) -> Self {
        let kernels = gpu.attention_kernels(kv);
        let latent = gpu.latent_kernels(kv);
        let is_latent = layers.latent_heads > 0.0;
        let rates = if is_latent {
            Rates::of_latent(&latent, gpu)
        } else {
            Rates::of_heads(&kernels, layers, gpu)
        };
        let key_bytes = layers.layers * layers.kv_heads * kernels.key_bytes;
        let read_micros = (layers.kv_bytes_per_context_token + key_bytes) / rates.bandwidth * scale * 1e6;
        let decode_micros = layers.decode_flops_per_context_token / rates.decode_flops * scale * 1e6;
        let pair_micros = layers.flops_per_pair / rates.flops * scale * 1e6;
        let request_micros = if is_latent {
            latent.micros_per_request + latent.micros_per_head * layers.latent_heads
        } else {
            0.0
        };
        let of_layers = |micros: f64| picos(layers.layers * micros * scale);
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
            per_query: picos(rates.pairs_per_query * pair_micros),
            per_request: of_layers(request_micros),
            heads: layers.kv_heads as u64,
            at_once: kernel_times::heads_at_once(gpu),
            per_head: of_layers(kernels.micros_per_head),
            filled: of_layers(kernels.window_micros),
            filled_per_head: of_layers(kernels.window_micros_per_head),
        }
    }

    /// What requests take however long their contexts are, and full windows once they are.
    pub fn requests(&self, shape: &StepShape) -> u64 {
        let of_all = u64::from(shape.sequences) * self.heads;
        let requests = self.per_request.saturating_mul(shape.sequences.into());
        let waiting = kernel_times::heads_that_wait(of_all, self.at_once);
        let sum = requests.saturating_add(self.per_head.saturating_mul(waiting));
        if self.are_filled(shape) {
            let waiting = (u64::from(shape.decoding) * self.heads).saturating_sub(self.at_once);
            let windows = self.filled_per_head.saturating_mul(waiting);
            return sum.saturating_add(self.filled).saturating_add(windows);
        }
        sum
    }

    /// Whether the decoding requests' contexts have outgrown the window, taken together.
    fn are_filled(&self, shape: &StepShape) -> bool {
        shape.decoding > 0 && shape.context > u64::from(shape.decoding).saturating_mul(self.window)
    }

    /// Whether contexts outgrow it.
    pub const fn has_window(&self) -> bool {
        self.window != u64::MAX
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

    /// For how many steps the decoding requests' contexts stay inside the window together; `None` if they have outgrown
    /// it or there are none, so that nothing grows.
    pub fn steps_inside_window(&self, shape: &StepShape) -> Option<u64> {
        let decoding = u64::from(shape.decoding);
        let windows = decoding.saturating_mul(self.window);
        if decoding == 0 || shape.context > windows {
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
