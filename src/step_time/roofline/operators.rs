//! Time of the operators whose cost depends on the number of tokens, or of requests that sample [us].

use crate::hardware::{
    AllReduceKernels, Arithmetic, Attention, ExpertKernels, ExpertLayer, ExpertLayers, FeedForward, Gpu, KvPrecision,
    LayerGroup, LinearKernels, LinearKind, Model, WeightKernel, WeightPrecision, kernel_for, peak_flops_in,
};
use crate::step_time::fused_all_reduce::FusedAllReduce;
use crate::step_time::kernel_times::{self, ExpertsLayer, Matrix, Rates};
use crate::step_time::top_p::Sort;
use crate::step_time::{Execution, Sampling};

/// Bytes that a layer's norms, rotary embedding, activation and KV write move per token and unit of width.
const LAYER_BYTES_PER_VALUE: f64 = 14.0;

/// The part of its experts that a draft chooses as if it belonged to another request. Fitted to closed loops of
/// gpt-oss-120b on one H200 with one and seven drafts of an EAGLE-3 head (figures of
/// GloriaXimingLu/inferencex-profiling @ 237385b): steps of one client that verify seven take hardly longer than steps
/// that verify one.
const UNLIKE_DRAFTS: f64 = 0.25;

/// What a layer takes longer that norms the queries of all heads together, and the keys [us]: kernels of their own in
/// 32 bits, and a router in 32 bits. Read off closed loops of MiniMax-M2.5 in nvfp4 on one B200 and one B300 with vLLM
/// 0.19 (aiconfigurator @ 095f58a).
const NORM_OF_ALL_HEADS_MICROS: f64 = 18.0;

/// The matrix products and other operators of one GPU's share of a model.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Operators {
    /// Matrices of every step, with the number of layers that have each and what multiplies it.
    matrices: Vec<(f64, Matrix, Products)>,
    /// Routed experts, with the number of layers that have them.
    experts: Vec<(f64, ExpertsLayer)>,
    head: Matrix,
    of_head: Products,
    /// Products in 16 bits.
    linear: LinearKernels,
    routed: ExpertKernels,
    all_reduce: AllReduceKernels,
    /// Those with the norm in them, where they run.
    fused: Option<FusedAllReduce>,
    /// Of routed experts.
    expert_rates: Rates,
    /// Of layers in 16 bits.
    plain_rates: Rates,
    /// The link to the other GPUs, one direction [bytes/us].
    link_bytes: f64,
    /// Pairs of such a part and a feed-forward part; a part alone is half a layer.
    layers: f64,
    /// Operations on states per token.
    state_flops: f64,
    /// What attention's kernels reach, which those of states are taken to reach too [operations/s].
    attention_flops: f64,
    hidden: f64,
    vocab: f64,
    sort: Sort,
    gpus: f64,
    /// Attention's kernels in all layers, before any work [us].
    attention_micros: f64,
    /// Layers that norm the queries of all heads together, and the keys.
    normed_together: f64,
    /// Whether activations are quantised on the way by kernels that no table shows.
    quantises: bool,
    /// Whether the host holds up experts that run without a graph.
    waits_for_host: bool,
    execution: Execution,
}

/// What multiplies tokens with a matrix.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Products {
    kernels: LinearKernels,
    rates: Rates,
}

/// Parts of a step that depend on its number of tokens [us].
pub(super) struct TokenParts {
    pub products: f64,
    pub experts: f64,
    pub all_reduce: f64,
}

impl Operators {
    pub fn new(
        execution: Execution,
        model: &Model,
        gpu: &Gpu,
        (weights, kv): (WeightPrecision, KvPrecision),
        tensor_parallel: u32,
    ) -> Self {
        let gpus = u64::from(tensor_parallel.max(1));
        let hidden = model.hidden_size();
        let served = Served {
            model,
            gpu,
            weights,
            gpus,
            execution: &execution,
        };
        let (of_experts, expert_rates) = served.kernel(LinearKind::Experts);
        let sum = |of: &dyn Fn(&LayerGroup) -> f64| -> f64 {
            let groups = model.layers().iter();
            groups.map(|group| group.count as f64 * of(group)).sum()
        };
        let attends = |group: &LayerGroup| f64::from(group.attention != Attention::Nothing);
        let feeds = |group: &LayerGroup| f64::from(group.feed_forward != FeedForward::Nothing);
        Self {
            matrices: served.matrices(),
            experts: served.experts(),
            head: matrix(
                (hidden, model.vocab_size().div_ceil(gpus)),
                model.bits(LinearKind::Head, weights),
            ),
            of_head: served.products(LinearKind::Head),
            linear: gpu.linear_kernels(WeightKernel::Plain),
            routed: gpu.expert_kernels(of_experts),
            all_reduce: gpu.all_reduce_kernels(),
            fused: execution
                .fused_all_reduce_micros
                .and_then(|start| FusedAllReduce::of(gpu, gpus, start)),
            expert_rates,
            plain_rates: Rates::new(gpu, gpu.peak().bf16),
            link_bytes: gpu.link().bytes_per_s / 1e6,
            layers: sum(&|group| attends(group) + feeds(group)) / 2.0,
            state_flops: Arithmetic::new(model, weights, kv, tensor_parallel).state_flops_per_token,
            attention_flops: gpu.peak().bf16 * gpu.attention_kernels(kv).flops,
            hidden: hidden as f64,
            vocab: model.vocab_size() as f64,
            sort: Sort::on(gpu),
            gpus: gpus as f64,
            attention_micros: sum(&|group| attends(group) * start_of(&group.attention, gpu, kv)),
            normed_together: sum(&|group| f64::from(group.attention.norms_all_heads())),
            quantises: weights == WeightPrecision::Int8,
            waits_for_host: matches!(
                weights,
                WeightPrecision::Fp8 | WeightPrecision::Mxfp8 | WeightPrecision::Int8
            ),
            execution,
        }
    }

    /// The rows that a step of `tokens` multiplies.
    pub fn rows(&self, tokens: u64) -> u64 {
        padded(tokens, self.execution.largest_graph)
    }

    /// Everything but attention's work and sampling, for a step of `tokens` of which the products take so long.
    pub fn tokens_micros(&self, tokens: u64, products: f64) -> f64 {
        let overheads = &self.execution.overheads;
        let rows = self.rows(tokens) as f64;
        let is_eager = tokens > self.execution.largest_graph;
        let linear = &self.linear;
        let moved = LAYER_BYTES_PER_VALUE * self.hidden * rows;
        let small = moved / (self.plain_rates.bytes * linear.bandwidth);
        let states = self.state_flops * rows / self.attention_flops * 1e6;
        let kernels = products
            + self.attention_micros
            + self.normed_together * NORM_OF_ALL_HEADS_MICROS
            + self.layers * small
            + states
            + self.all_reduce_of(rows);
        let mut per_layer = overheads.layer_micros;
        if self.quantises {
            per_layer += overheads.quantised_layer_micros;
        }
        if is_eager {
            per_layer += overheads.eager_layer_micros;
        }
        overheads.step_micros
            + overheads.kernel_scale * kernels
            + self.experts_micros(tokens as f64, rows, is_eager)
            + self.layers * per_layer
    }

    /// What experts take less in a step of `tokens` because so many of these are drafts: tokens that follow one another
    /// in a text choose experts alike, so that those of a verification read fewer than those of as many requests.
    pub fn alike_micros(&self, tokens: u64, drafts: u64) -> f64 {
        if drafts == 0 || self.experts.is_empty() {
            return 0.0;
        }
        let rows = self.rows(tokens) as f64;
        let is_eager = tokens > self.execution.largest_graph;
        let (all, drafts) = (tokens as f64, drafts as f64);
        let unlike = all - (1.0 - UNLIKE_DRAFTS) * drafts;
        let saved = self.experts_micros(all, rows, is_eager) - self.experts_micros(unlike, rows, is_eager);
        saved.max(0.0)
    }

    /// What of it are products, experts and all-reduces [us].
    pub fn token_parts(&self, tokens: u64, products: f64) -> TokenParts {
        let rows = self.rows(tokens) as f64;
        let is_eager = tokens > self.execution.largest_graph;
        let scale = self.execution.overheads.kernel_scale;
        TokenParts {
            products: scale * products,
            experts: self.experts_micros(tokens as f64, rows, is_eager),
            all_reduce: scale * self.all_reduce_of(rows),
        }
    }

    /// The products with all matrices, of so many rows.
    pub fn products_micros(&self, rows: u64) -> f64 {
        let rows = rows as f64;
        let products = self
            .matrices
            .iter()
            .map(|(layers, matrix, by)| layers * kernel_times::product(&by.kernels, by.rates, matrix, rows));
        products.sum()
    }

    /// Routed experts of all layers: rows that only fill up a graph are multiplied, but choose no experts of their own.
    /// Without a graph those that quantise are held up by the host, which launches a dozen kernels for each layer.
    fn experts_micros(&self, tokens: f64, rows: f64, is_eager: bool) -> f64 {
        let overheads = &self.execution.overheads;
        let scale = overheads.kernel_scale * self.execution.scales.experts;
        let least = if is_eager && self.waits_for_host {
            overheads.eager_experts_micros
        } else {
            0.0
        };
        let layers = self.experts.iter().map(|(layers, one)| {
            let distinct = one.distinct(tokens);
            let micros = kernel_times::experts(&self.routed, self.expert_rates, one, rows, distinct);
            layers * (scale * micros).max(least)
        });
        layers.sum()
    }

    /// The head and the sampler, for `requests` that sample.
    pub fn sampling_micros(&self, requests: u64) -> f64 {
        if requests == 0 || self.execution.sampling == Sampling::Nothing {
            return 0.0;
        }
        let overheads = &self.execution.overheads;
        let rows = requests as f64;
        let head = kernel_times::product(&self.of_head.kernels, self.of_head.rates, &self.head, rows);
        let logits = self.vocab * rows;
        let (row_by_row, passes, search) = match self.execution.sampling {
            Sampling::TopP if requests < u64::from(self.execution.sorts_below) => {
                let bandwidth = self.plain_rates.bytes * self.linear.bandwidth;
                let row = overheads.sort_micros_per_entry * self.vocab;
                (row, self.sort.bytes(rows, self.vocab) / bandwidth, 0.0)
            }
            Sampling::TopP => (0.0, 0.0, self.execution.search.of(logits)),
            Sampling::Plain | Sampling::Nothing => (0.0, 0.0, 0.0),
        };
        overheads.kernel_scale * (head + passes + search)
            + overheads.sampler_micros
            + overheads.sampler_micros_per_logit * logits
            + row_by_row
    }

    /// Two per layer and one after the embedding, of the hidden states in 16 bits.
    fn all_reduce_of(&self, rows: f64) -> f64 {
        if self.gpus <= 1.0 {
            return 0.0;
        }
        let bytes = rows * 2.0 * self.hidden;
        let plain = kernel_times::all_reduce(&self.all_reduce, self.link_bytes, self.gpus, bytes);
        let fused = self.fused.as_ref();
        let fused = fused.and_then(|it| it.micros(&self.all_reduce, self.link_bytes, self.gpus, bytes));
        let (before_norms, wait) = (fused.unwrap_or(plain), self.execution.overheads.all_reduce_wait_micros);
        let of_norms = kernel_times::all_reduce(&self.all_reduce, self.link_bytes, self.gpus, rows * 8.0);
        2.0 * self.layers * (before_norms + wait) + plain + wait + self.normed_together * of_norms
    }
}

/// What a server multiplies, and by which kernels.
struct Served<'a> {
    model: &'a Model,
    gpu: &'a Gpu,
    weights: WeightPrecision,
    gpus: u64,
    execution: &'a Execution,
}

impl Served<'_> {
    fn kernel(&self, kind: LinearKind) -> (WeightKernel, Rates) {
        let kernel = kernel_for(
            self.model,
            kind,
            self.weights,
            self.gpu,
            self.execution.has_triton_mxfp4,
        );
        let peak = peak_flops_in(kernel, self.gpu, self.model.precision(kind, self.weights));
        (kernel, Rates::new(self.gpu, peak))
    }

    fn products(&self, kind: LinearKind) -> Products {
        let (kernel, rates) = self.kernel(kind);
        let kernels = as_served(kernel, self.gpu);
        Products { kernels, rates }
    }

    /// Routed experts that each token chooses besides in these layers, as shared ones are computed with them.
    fn joined(&self, layer: &ExpertLayer) -> u64 {
        let joins = self.execution.joins_shared_experts && self.kernel(LinearKind::Experts).0 == WeightKernel::Fp8Block;
        if joins { layer.shared_as_routed() } else { 0 }
    }

    fn matrices(&self) -> Vec<(f64, Matrix, Products)> {
        let mut all = Vec::new();
        for group in self.model.layers() {
            let joined = match &group.feed_forward {
                FeedForward::Experts(layer) => self.joined(layer) > 0,
                FeedForward::Dense(_) | FeedForward::Nothing => false,
            };
            for (kind, shape) in matrices_of(group, self.model.hidden_size(), self.gpus) {
                if !(joined && kind == LinearKind::SharedExperts) {
                    let one = matrix(shape, self.model.bits(kind, self.weights));
                    all.push((group.count as f64, one, self.products(kind)));
                }
            }
        }
        all
    }

    fn experts(&self) -> Vec<(f64, ExpertsLayer)> {
        let bits = self.model.bits(LinearKind::Experts, self.weights);
        let of_group = |group: &LayerGroup| match &group.feed_forward {
            FeedForward::Experts(layer) => {
                let routed = experts_of(layer, self.model.hidden_size(), bits, self.gpus);
                let shared = self.joined(layer) as f64;
                Some((group.count as f64, ExpertsLayer { shared, ..routed }))
            }
            FeedForward::Dense(_) | FeedForward::Nothing => None,
        };
        self.model.layers().iter().filter_map(of_group).collect()
    }
}

/// A matrix of so many inputs and outputs, whose parameters have so many bits.
fn matrix((inputs, outputs): (u64, u64), bits: f64) -> Matrix {
    Matrix {
        inputs: inputs as f64,
        outputs: outputs as f64,
        bytes: (inputs * outputs) as f64 * bits / 8.0,
    }
}

/// One layer of experts whose parameters have so many bits, on one of `gpus` GPUs.
fn experts_of(layer: &ExpertLayer, hidden: u64, bits: f64, gpus: u64) -> ExpertsLayer {
    let kind = ExpertLayers::new(layer, 1, hidden, bits, gpus);
    ExpertsLayer {
        count: kind.experts,
        per_token: kind.experts_per_token,
        shared: 0.0,
        width: layer.intermediate.div_ceil(gpus) as f64,
        matrices: layer.matrices() as f64,
        hidden: layer.outer_width(hidden) as f64,
        bytes: kind.bytes_per_expert,
    }
}

/// The part of a layer's products whose inputs no kernel before them quantises: of four, the one after attention.
const UNFUSED: f64 = 0.25;

/// What products reach in a server. Benchmarks quantise what comes in by a kernel of its own; servers are taken to
/// do it with the norm or the activation before (vLLM's `fuse_norm_quant` and `fuse_act_quant`).
fn as_served(kernel: WeightKernel, gpu: &Gpu) -> LinearKernels {
    let alone = gpu.linear_kernels(kernel);
    if !kernel.fuses_quantising() {
        return alone;
    }
    let plain = gpu.linear_kernels(WeightKernel::Plain).micros;
    LinearKernels {
        micros: plain + UNFUSED * (alone.micros - plain).max(0.0),
        quantising: UNFUSED * alone.quantising,
        ..alone
    }
}

/// What attention takes in a layer before any work [us]; states are taken to be like heads.
fn start_of(attention: &Attention, gpu: &Gpu, kv: KvPrecision) -> f64 {
    match attention {
        Attention::Latent(_) => gpu.latent_kernels(kv).served_micros,
        Attention::Grouped(_) | Attention::State(_) => gpu.attention_kernels(kv).micros,
        Attention::Nothing => 0.0,
    }
}

/// Inputs and outputs of one layer's matrix products, as an engine fuses them: query, key and value in one; gate and up
/// in one. A router is one too.
fn matrices_of(group: &LayerGroup, hidden: u64, gpus: u64) -> Vec<(LinearKind, (u64, u64))> {
    let kind = match &group.attention {
        Attention::State(_) => LinearKind::State,
        _ => LinearKind::Attention,
    };
    let of_attention = attention_matrices(&group.attention, hidden, gpus).into_iter();
    let mut all: Vec<_> = of_attention.map(|one| (kind, one)).collect();
    match &group.feed_forward {
        FeedForward::Dense(dense) => {
            let width = dense.intermediate.div_ceil(gpus);
            let up = (hidden, (dense.matrices() - 1) * width);
            all.push((LinearKind::Dense, up));
            all.push((LinearKind::Dense, (width, hidden)));
        }
        FeedForward::Nothing => {}
        FeedForward::Experts(layer) => {
            if let Some(width) = layer.latent {
                all.push((LinearKind::SharedExperts, (hidden, width)));
                all.push((LinearKind::SharedExperts, (width, hidden)));
            }
            all.push((LinearKind::Plain, (hidden, layer.experts)));
            if layer.shared_intermediate > 0 {
                let width = layer.shared_intermediate.div_ceil(gpus);
                all.push((LinearKind::SharedExperts, (hidden, (layer.matrices() - 1) * width)));
                all.push((LinearKind::SharedExperts, (width, hidden)));
            }
        }
    }
    all
}

fn attention_matrices(attention: &Attention, hidden: u64, gpus: u64) -> Vec<(u64, u64)> {
    let mut all = match attention {
        Attention::Grouped(grouped) => {
            let (read, written) = grouped.fused_widths(gpus);
            vec![(hidden, read), (written, hidden)]
        }
        Attention::Latent(latent) => {
            let heads = latent.heads.div_ceil(gpus);
            let query = heads * (latent.nope_head_dim + latent.rope_head_dim);
            let compressed = latent.kv_rank + latent.rope_head_dim;
            let values = heads * latent.value_head_dim;
            let gate = if latent.output_gate { values } else { 0 };
            let expanded = heads * latent.nope_head_dim + values;
            let mut all = match latent.query_rank {
                Some(rank) => vec![(hidden, rank + compressed + gate), (rank, query)],
                None => vec![(hidden, query + compressed + gate)],
            };
            all.push((latent.kv_rank, expanded));
            all.push((values, hidden));
            all
        }
        Attention::State(state) => state.projections.iter().map(|one| one.shape_on(gpus)).collect(),
        Attention::Nothing => Vec::new(),
    };
    if let Some(indexer) = attention.indexer() {
        let width = indexer.heads * indexer.head_dim;
        let weights = if indexer.weighs_heads { indexer.heads } else { 0 };
        all.push((indexer.query_inputs, width));
        all.push((hidden, indexer.head_dim + weights));
    }
    all
}

/// The rows that run: up to the largest captured graph a step is padded to the next captured size, which are 1, 2, 4,
/// multiples of 8 up to 256 and of 16 above (vLLM, `_set_cudagraph_sizes`).
fn padded(tokens: u64, largest_graph: u64) -> u64 {
    let captured = match tokens {
        0..=2 => tokens,
        3..=4 => 4,
        5..=256 => tokens.next_multiple_of(8),
        _ => tokens.next_multiple_of(16),
    };
    if tokens > largest_graph {
        tokens
    } else {
        captured.min(largest_graph)
    }
}
