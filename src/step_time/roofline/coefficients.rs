//! What every step pays besides its kernels' work: constants that hold for any GPU.
//!
//! Fits to 13 served runs of vLLM 0.15.1 on H100, published in inference-sim/sim-to-real-accuracy-validation @ 8fb2a1b, with the kernels' times
//! held at what operator tables say. [`LAYER_MICROS`], [`STEP_MICROS`] and the sampler are collinear: only their sum per step, 0.4 to 0.5 ms for
//! 32 layers, is well determined (`docs/LATENCY_MODEL.md`).

/// Norms, rotary embedding, activation and KV write of one layer: launches [us]; 2.9 +- 0.8.
pub(super) const LAYER_MICROS: f64 = 2.9;
/// Bytes the same kernels move per token and unit of width.
pub(super) const LAYER_BYTES_PER_VALUE: f64 = 14.0;
/// What a step pays once, not hidden by scheduling ahead [us]; 330 +- 45.
pub(super) const STEP_MICROS: f64 = 330.0;
/// Per layer in a step with any prefill: such steps run piecewise graphs [us]; 17 +- 3.
pub(super) const MIXED_STEP_MICROS_PER_LAYER: f64 = 17.0;
/// Per layer in a step with more tokens than the largest captured graph [us]; 17 +- 3.
pub(super) const EAGER_MICROS_PER_LAYER: f64 = 17.0;
/// Per layer when activations are quantised on the way (fp8, int8) [us]; by eye on closed loops of aiconfigurator @ 095f58a, 0 to 5 do as well.
pub(super) const QUANTISED_MICROS_PER_LAYER: f64 = 3.0;

/// The sampler, once a step [us].
pub(super) const SAMPLER_MICROS: f64 = 100.0;
/// The sampler per request and vocabulary entry [us]; 0.022 +- 0.004 per 1000 entries.
pub(super) const SAMPLER_MICROS_PER_LOGIT: f64 = 0.022e-3;

/// The largest captured CUDA graph [tokens]: vLLM's `min(2 * max_num_seqs, 512)` (`vllm/config/vllm.py`,
/// `_set_cudagraph_sizes`) with at least 256 requests.
pub(super) const LARGEST_GRAPH: u64 = 512;
