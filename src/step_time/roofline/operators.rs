//! Time of the operators whose cost depends on the number of tokens, or of requests that sample [us].

use super::coefficients::{
    EAGER_MICROS_PER_LAYER, LARGEST_GRAPH, LAYER_BYTES_PER_VALUE, LAYER_MICROS,
    QUANTISED_MICROS_PER_LAYER, SAMPLER_MICROS, SAMPLER_MICROS_PER_LOGIT, STEP_MICROS,
};
use crate::hardware::{
    AllReduceKernels, Attention, ExpertKernels, ExpertLayers, FeedForward, Gpu, LayerGroup,
    LinearKernels, LinearKind, Model, WeightPrecision,
};
use crate::step_time::kernel_times::{self, Experts, Matrix, Rates};

/// The matrix products and other operators of one GPU's share of a model.
#[derive(Clone, Debug)]
pub(super) struct Operators {
    /// Matrices of every step, with the number of layers that have each and the rates of its format.
    matrices: Vec<(f64, Matrix, Rates)>,
    /// Routed experts, with the number of layers that have them.
    experts: Vec<(f64, Experts)>,
    head: Matrix,
    linear: LinearKernels,
    routed: ExpertKernels,
    all_reduce: AllReduceKernels,
    /// Of layers that are quantised.
    quantised_rates: Rates,
    /// Of layers in 16 bits.
    plain_rates: Rates,
    /// The link to the other GPUs, one direction [bytes/us].
    link_bytes: f64,
    layers: f64,
    hidden: f64,
    vocab: f64,
    gpus: f64,
    /// What every layer pays whatever the tokens.
    micros_per_layer: f64,
}

impl Operators {
    pub fn new(model: &Model, gpu: &Gpu, weights: WeightPrecision, tensor_parallel: u32) -> Self {
        let gpus = u64::from(tensor_parallel.max(1));
        let hidden = model.hidden_size();
        let plain_rates = Rates::new(gpu, gpu.peak().bf16);
        let quantised_rates = Rates::new(gpu, gpu.peak_flops(weights));
        let matrix = |(inputs, outputs): (u64, u64), bits: f64| Matrix {
            inputs: inputs as f64,
            outputs: outputs as f64,
            bytes: (inputs * outputs) as f64 * bits / 8.0,
        };
        let mut matrices = Vec::new();
        let mut experts = Vec::new();
        for group in model.layers() {
            let count = group.count as f64;
            for (kind, one) in matrices_of(group, hidden, gpus) {
                let bits = model.bits(kind, weights);
                let rates = if bits < 16.0 {
                    quantised_rates
                } else {
                    plain_rates
                };
                matrices.push((count, matrix(one, bits), rates));
            }
            if let FeedForward::Experts(layer) = &group.feed_forward {
                let kind = ExpertLayers::new(layer, group.count, hidden, weights, gpus);
                let one = Experts {
                    count: kind.experts,
                    per_token: kind.experts_per_token,
                    width: layer.intermediate.div_ceil(gpus) as f64,
                    hidden: hidden as f64,
                    bytes: kind.bytes_per_expert,
                };
                experts.push((count, one));
            }
        }
        let quantises = matches!(weights, WeightPrecision::Fp8 | WeightPrecision::Int8);
        Self {
            matrices,
            experts,
            head: matrix((hidden, model.vocab_size().div_ceil(gpus)), 16.0),
            linear: gpu.linear_kernels(),
            routed: gpu.expert_kernels(),
            all_reduce: gpu.all_reduce_kernels(),
            quantised_rates,
            plain_rates,
            link_bytes: gpu.link().bytes_per_s / 1e6,
            layers: model.layer_count() as f64,
            hidden: hidden as f64,
            vocab: model.vocab_size() as f64,
            gpus: gpus as f64,
            micros_per_layer: gpu.attention_kernels().micros
                + LAYER_MICROS
                + f64::from(u8::from(quantises)) * QUANTISED_MICROS_PER_LAYER,
        }
    }

    /// Everything but attention's work and sampling, for a step of `tokens`.
    pub fn tokens_micros(&self, tokens: u64) -> f64 {
        let rows = padded(tokens) as f64;
        let linear = &self.linear;
        let products = self.matrices.iter().map(|(layers, matrix, rates)| {
            layers * kernel_times::product(linear, *rates, matrix, rows)
        });
        let experts = self.experts.iter().map(|(layers, one)| {
            layers * kernel_times::experts(&self.routed, self.quantised_rates, one, rows)
        });
        let moved = LAYER_BYTES_PER_VALUE * self.hidden * rows;
        let small = self.micros_per_layer + moved / (self.plain_rates.bytes * linear.bandwidth);
        let eager = f64::from(u8::from(tokens > LARGEST_GRAPH)) * EAGER_MICROS_PER_LAYER;
        STEP_MICROS
            + products.sum::<f64>()
            + experts.sum::<f64>()
            + self.layers * (small + eager)
            + self.all_reduce_of(rows)
    }

    /// The head and the sampler, for `requests` that sample.
    pub fn sampling_micros(&self, requests: u64) -> f64 {
        if requests == 0 {
            return 0.0;
        }
        let rows = requests as f64;
        let sampler = SAMPLER_MICROS + SAMPLER_MICROS_PER_LOGIT * self.vocab * rows;
        kernel_times::product(&self.linear, self.plain_rates, &self.head, rows) + sampler
    }

    /// Two per layer and one after the embedding, of the hidden states in 16 bits.
    fn all_reduce_of(&self, rows: f64) -> f64 {
        let bytes = rows * 2.0 * self.hidden;
        let one = kernel_times::all_reduce(&self.all_reduce, self.link_bytes, self.gpus, bytes);
        (2.0 * self.layers + 1.0) * one
    }
}

/// Inputs and outputs of one layer's matrix products, as an engine fuses them: query, key and value in one; gate and up
/// in one. A router is one too.
fn matrices_of(group: &LayerGroup, hidden: u64, gpus: u64) -> Vec<(LinearKind, (u64, u64))> {
    let of_attention = attention_matrices(&group.attention, hidden, gpus).into_iter();
    let mut all: Vec<_> = of_attention
        .map(|one| (LinearKind::Attention, one))
        .collect();
    match &group.feed_forward {
        FeedForward::Dense(dense) => {
            let width = dense.intermediate.div_ceil(gpus);
            let up = (hidden, (dense.matrices() - 1) * width);
            all.push((LinearKind::Dense, up));
            all.push((LinearKind::Dense, (width, hidden)));
        }
        FeedForward::Experts(layer) => {
            all.push((LinearKind::Plain, (hidden, layer.experts)));
            if layer.shared_intermediate > 0 {
                let width = layer.shared_intermediate.div_ceil(gpus);
                all.push((LinearKind::SharedExperts, (hidden, 2 * width)));
                all.push((LinearKind::SharedExperts, (width, hidden)));
            }
        }
    }
    all
}

fn attention_matrices(attention: &Attention, hidden: u64, gpus: u64) -> Vec<(u64, u64)> {
    match attention {
        Attention::Grouped(grouped) => {
            let queries = grouped.query_heads.div_ceil(gpus) * grouped.head_dim;
            let keys_and_values = 2 * grouped.kv_heads_on(gpus) * grouped.head_dim;
            vec![(hidden, queries + keys_and_values), (queries, hidden)]
        }
        Attention::Latent(latent) => {
            let heads = latent.heads.div_ceil(gpus);
            let query = heads * (latent.nope_head_dim + latent.rope_head_dim);
            let compressed = latent.kv_rank + latent.rope_head_dim;
            let expanded = heads * (latent.nope_head_dim + latent.value_head_dim);
            let mut all = match latent.query_rank {
                Some(rank) => vec![(hidden, rank + compressed), (rank, query)],
                None => vec![(hidden, query + compressed)],
            };
            all.push((latent.kv_rank, expanded));
            all.push((heads * latent.value_head_dim, hidden));
            all
        }
    }
}

/// The rows that run: up to the largest captured graph a step is padded to the next captured size, which are 1, 2, 4,
/// multiples of 8 up to 256 and of 16 above (vLLM, `_set_cudagraph_sizes`).
fn padded(tokens: u64) -> u64 {
    match tokens {
        0..=2 => tokens,
        3..=4 => 4,
        5..=256 => tokens.next_multiple_of(8),
        257..=LARGEST_GRAPH => tokens.next_multiple_of(16),
        _ => tokens,
    }
}
