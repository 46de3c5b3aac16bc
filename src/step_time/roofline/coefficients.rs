//! What real kernels reach, and what every step pays besides: constants that hold for any GPU.
//!
//! The fractions and kernel times are fits to the operator tables of aiconfigurator @ 095f58a (bf16, six GPUs: A100,
//! H100, H200, B200, L40S, RTX PRO 6000), generic over the GPUs; a single GPU's own values differ by up to 15 %. The
//! overheads per layer and per step are fits to 13 served runs of vLLM 0.15.1 on H100, published in
//! inference-sim/sim-to-real-accuracy-validation @ 8fb2a1b.

/// Fraction of the datasheet's bandwidth when linear layers stream weights.
pub(super) const WEIGHT_BANDWIDTH: f64 = 0.85;
/// Fraction of the dense peak in large matrix products.
pub(super) const GEMM_FLOPS: f64 = 0.80;
/// Start and end of one matrix product [us].
pub(super) const GEMM_MICROS: f64 = 4.0;
/// How memory and arithmetic time combine: `(a^p + b^p)^(1/p)`, between sum (1) and maximum (infinity).
pub(super) const OVERLAP_EXPONENT: f64 = 2.5;

/// Attention kernels of one layer, before any work [us].
pub(super) const ATTENTION_MICROS_PER_LAYER: f64 = 10.0;
/// Attention kernels of one layer per request in the step [us].
pub(super) const ATTENTION_MICROS_PER_SEQUENCE: f64 = 0.05;
/// Fraction of the datasheet's bandwidth when decode attention reads keys and values.
pub(super) const KV_BANDWIDTH: f64 = 0.88;
/// Fraction of the dense bf16 peak in prefill attention.
pub(super) const ATTENTION_FLOPS: f64 = 0.60;

/// An all-reduce of few bytes between two GPUs over `NVLink` [us].
pub(super) const ALL_REDUCE_MICROS: f64 = 4.3;
/// What each doubling of the GPUs adds to it [us].
pub(super) const ALL_REDUCE_MICROS_PER_DOUBLING: f64 = 2.0;
/// How many times longer that latency is over PCI Express.
pub(super) const ALL_REDUCE_PCIE_FACTOR: f64 = 4.0;
/// Fraction of a link's one-direction bandwidth that an all-reduce's bus bytes reach.
pub(super) const ALL_REDUCE_BANDWIDTH: f64 = 0.29;
/// The same over PCI Express between more than two GPUs.
pub(super) const ALL_REDUCE_BANDWIDTH_PCIE_MANY: f64 = 0.06;

/// Routing and dispatch of one layer of experts [us].
pub(super) const EXPERTS_MICROS_PER_LAYER: f64 = 45.0;
/// Fraction of the bandwidth when experts' weights are streamed.
pub(super) const EXPERTS_BANDWIDTH: f64 = 0.90;
/// Fraction of the dense peak in the experts' matrix products.
pub(super) const EXPERTS_FLOPS: f64 = 0.50;
/// Tokens choose experts unevenly: as many distinct ones as this fraction of the tokens would, choosing evenly.
pub(super) const EXPERTS_EVENNESS: f64 = 0.90;

/// Norms, rotary embedding, activation and KV write of one layer: launches [us].
pub(super) const LAYER_MICROS: f64 = 2.9;
/// Bytes the same kernels move per token and unit of width.
pub(super) const LAYER_BYTES_PER_VALUE: f64 = 14.0;
/// What a step pays once, not hidden by scheduling ahead [us].
pub(super) const STEP_MICROS: f64 = 330.0;
/// Per layer in a step with any prefill: such steps run piecewise graphs [us].
pub(super) const MIXED_STEP_MICROS_PER_LAYER: f64 = 17.0;
/// Per layer in a step with more tokens than the largest captured graph [us].
pub(super) const EAGER_MICROS_PER_LAYER: f64 = 17.0;
/// Per layer when activations are quantised on the way (fp8, int8) [us].
pub(super) const QUANTISED_MICROS_PER_LAYER: f64 = 3.0;

/// The sampler, once a step [us].
pub(super) const SAMPLER_MICROS: f64 = 100.0;
/// The sampler per request and vocabulary entry [us].
pub(super) const SAMPLER_MICROS_PER_LOGIT: f64 = 0.022e-3;

/// The largest captured CUDA graph [tokens]: vLLM's `min(2 * max_num_seqs, 512)` (`vllm/config/vllm.py`,
/// `_set_cudagraph_sizes`) with at least 256 requests.
pub(super) const LARGEST_GRAPH: u64 = 512;
