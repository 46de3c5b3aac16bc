//! Time of the operators whose cost depends on the number of tokens, or of requests that sample [us].

use super::coefficients::{
    ALL_REDUCE_BANDWIDTH, ALL_REDUCE_BANDWIDTH_PCIE_MANY, ALL_REDUCE_MICROS,
    ALL_REDUCE_MICROS_PER_DOUBLING, ALL_REDUCE_PCIE_FACTOR, ATTENTION_MICROS_PER_LAYER,
    EAGER_MICROS_PER_LAYER, EXPERTS_BANDWIDTH, EXPERTS_EVENNESS, EXPERTS_FLOPS,
    EXPERTS_MICROS_PER_LAYER, GEMM_FLOPS, GEMM_MICROS, LARGEST_GRAPH, LAYER_BYTES_PER_VALUE,
    LAYER_MICROS, OVERLAP_EXPONENT, QUANTISED_MICROS_PER_LAYER, SAMPLER_MICROS,
    SAMPLER_MICROS_PER_LOGIT, STEP_MICROS, WEIGHT_BANDWIDTH,
};
use crate::hardware::{
    Attention, ExpertLayers, FeedForward, Gpu, LayerGroup, LinkKind, Model, WeightPrecision,
};

/// The matrix products and other operators of one GPU's share of a model.
#[derive(Clone, Debug)]
pub(super) struct Operators {
    /// Matrix products of every step, with the number of layers that run each.
    products: Vec<(f64, Product)>,
    experts: Vec<Experts>,
    head: Product,
    rates: Rates,
    layers: f64,
    hidden: f64,
    vocab: f64,
    gpus: f64,
    all_reduce_micros: f64,
    all_reduce_bytes_per_micro: f64,
    /// What every layer pays whatever the tokens.
    micros_per_layer: f64,
}

/// Tokens times one matrix.
#[derive(Clone, Copy, Debug)]
struct Product {
    inputs: f64,
    outputs: f64,
    weight_bytes: f64,
    flops_per_micro: f64,
}

/// Layers with routed experts on one GPU.
#[derive(Clone, Copy, Debug)]
struct Experts {
    kind: ExpertLayers,
    /// Width of one expert.
    width: f64,
}

/// What the device does per microsecond, before any fraction.
#[derive(Clone, Copy, Debug)]
struct Rates {
    bytes: f64,
    flops: f64,
}

impl Operators {
    pub fn new(model: &Model, gpu: &Gpu, weights: WeightPrecision, tensor_parallel: u32) -> Self {
        let gpus = u64::from(tensor_parallel.max(1));
        let rates = Rates {
            bytes: gpu.bandwidth_bytes_per_s() / 1e6,
            flops: gpu.peak_flops(weights) / 1e6,
        };
        let plain_flops = gpu.peak().bf16 / 1e6;
        let outside_bits = weights.bits_outside_experts(model.has_experts());
        let flops = if outside_bits < 16.0 {
            rates.flops
        } else {
            plain_flops
        };
        let product = |inputs: u64, outputs: u64| Product {
            inputs: inputs as f64,
            outputs: outputs as f64,
            weight_bytes: (inputs * outputs) as f64 * outside_bits / 8.0,
            flops_per_micro: flops,
        };
        let mut products = Vec::new();
        let mut experts = Vec::new();
        for group in model.layers() {
            let count = group.count as f64;
            let of_one = matrices(group, model.hidden_size(), gpus);
            products.extend(of_one.into_iter().map(|(i, o)| (count, product(i, o))));
            if let FeedForward::Experts(layer) = &group.feed_forward {
                let hidden = model.hidden_size();
                experts.push(Experts {
                    kind: ExpertLayers::new(layer, group.count, hidden, weights, gpus),
                    width: layer.intermediate.div_ceil(gpus) as f64,
                });
            }
        }
        let quantises = matches!(weights, WeightPrecision::Fp8 | WeightPrecision::Int8);
        let (latency, bandwidth) = all_reduce(gpu, tensor_parallel);
        let vocab = model.vocab_size().div_ceil(gpus);
        Self {
            products,
            experts,
            head: Product {
                weight_bytes: 2.0 * (model.hidden_size() * vocab) as f64,
                flops_per_micro: plain_flops,
                ..product(model.hidden_size(), vocab)
            },
            rates,
            layers: model.layer_count() as f64,
            hidden: model.hidden_size() as f64,
            vocab: model.vocab_size() as f64,
            gpus: gpus as f64,
            all_reduce_micros: latency,
            all_reduce_bytes_per_micro: bandwidth,
            micros_per_layer: ATTENTION_MICROS_PER_LAYER
                + LAYER_MICROS
                + f64::from(u8::from(quantises)) * QUANTISED_MICROS_PER_LAYER,
        }
    }

    /// Everything but attention's work and sampling, for a step of `tokens`.
    pub fn tokens_micros(&self, tokens: u64) -> f64 {
        let rows = padded(tokens) as f64;
        let products = self.products.iter();
        let products = products.map(|(layers, product)| layers * product.micros(rows, &self.rates));
        let experts = self.experts.iter();
        let experts = experts.map(|one| one.micros(rows, self.hidden, &self.rates));
        let moved = LAYER_BYTES_PER_VALUE * self.hidden * rows;
        let small = self.micros_per_layer + moved / (self.rates.bytes * WEIGHT_BANDWIDTH);
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
        self.head.micros(rows, &self.rates) + sampler
    }

    /// Two per layer and one after the embedding; each moves `2 (g - 1) / g` times the hidden states.
    fn all_reduce_of(&self, rows: f64) -> f64 {
        if self.gpus <= 1.0 {
            return 0.0;
        }
        let bytes = rows * 2.0 * self.hidden * 2.0 * (self.gpus - 1.0) / self.gpus;
        let one = self.all_reduce_micros + bytes / self.all_reduce_bytes_per_micro;
        (2.0 * self.layers + 1.0) * one
    }
}

impl Product {
    fn micros(&self, rows: f64, rates: &Rates) -> f64 {
        let moved = self.weight_bytes + 2.0 * rows * (self.inputs + self.outputs);
        // Tensor cores work on tiles of 64 rows.
        let flops = 2.0 * (rows / 64.0).ceil() * 64.0 * self.inputs * self.outputs;
        GEMM_MICROS
            + overlap(
                moved / (rates.bytes * WEIGHT_BANDWIDTH),
                flops / (self.flops_per_micro * GEMM_FLOPS),
            )
    }
}

impl Experts {
    /// All these layers. The chosen experts' weights are read once each; each computes on its own tile of rows.
    fn micros(&self, rows: f64, hidden: f64, rates: &Rates) -> f64 {
        let distinct = self.kind.distinct_experts(EXPERTS_EVENNESS * rows);
        let routed = rows * self.kind.experts_per_token;
        let per_expert = if distinct > 0.0 {
            (routed / distinct).max(1.0)
        } else {
            0.0
        };
        let tile_rows = if per_expert <= 32.0 { 16.0 } else { 64.0 };
        let tile = (per_expert / tile_rows).ceil() * tile_rows;
        let moved =
            distinct * self.kind.bytes_per_expert + 2.0 * routed * (3.0 * self.width + hidden);
        let flops = 2.0 * distinct * tile * 3.0 * self.width * hidden;
        let one = EXPERTS_MICROS_PER_LAYER
            + overlap(
                moved / (rates.bytes * EXPERTS_BANDWIDTH),
                flops / (rates.flops * EXPERTS_FLOPS),
            );
        self.kind.layers * one
    }
}

/// Inputs and outputs of one layer's matrix products, as an engine fuses them: query, key and value in one; gate and up
/// in one.
fn matrices(group: &LayerGroup, hidden: u64, gpus: u64) -> Vec<(u64, u64)> {
    let mut all = match &group.attention {
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
    };
    match &group.feed_forward {
        FeedForward::Dense(dense) => {
            let width = dense.intermediate.div_ceil(gpus);
            all.push((hidden, (dense.matrices() - 1) * width));
            all.push((width, hidden));
        }
        FeedForward::Experts(layer) if layer.shared_intermediate > 0 => {
            let width = layer.shared_intermediate.div_ceil(gpus);
            all.push((hidden, 2 * width));
            all.push((width, hidden));
        }
        FeedForward::Experts(_) => {}
    }
    all
}

/// Latency [us] and bandwidth [bytes/us] of an all-reduce.
fn all_reduce(gpu: &Gpu, tensor_parallel: u32) -> (f64, f64) {
    let link = gpu.link();
    let doublings = f64::from(tensor_parallel.max(2)).log2() - 1.0;
    let pcie = link.kind == LinkKind::Pcie;
    let first = if pcie {
        ALL_REDUCE_MICROS * ALL_REDUCE_PCIE_FACTOR
    } else {
        ALL_REDUCE_MICROS
    };
    let fraction = if pcie && tensor_parallel > 2 {
        ALL_REDUCE_BANDWIDTH_PCIE_MANY
    } else {
        ALL_REDUCE_BANDWIDTH
    };
    (
        first + ALL_REDUCE_MICROS_PER_DOUBLING * doublings,
        link.bytes_per_s / 1e6 * fraction,
    )
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

/// Two times that overlap in part: between their maximum and their sum.
fn overlap(a: f64, b: f64) -> f64 {
    (a.powf(OVERLAP_EXPONENT) + b.powf(OVERLAP_EXPONENT)).powf(1.0 / OVERLAP_EXPONENT)
}
