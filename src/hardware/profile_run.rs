//! What a step at an engine's limits needs besides weights and keys and values, as vLLM 0.15.1 finds out when it
//! starts.
//!
//! `GPUModelRunner.profile_run` runs three things one after the other: the vision tower over as many images as one step
//! may bring, the model over `max_num_batched_tokens`, and the sampler over `max_num_seqs` requests that ask for top-k
//! and top-p. Each frees what it worked with; the peak of the whole run is kept back.

use super::{ExpertLayer, FeedForward, MemoryRequest};

/// Bytes per entry of the logits while requests are sampled with top-k and top-p: as computed (2), in fp32 (4), sorted
/// (4), their places before (8), and while `torch.sort` runs, the places in order (8) and a second buffer of values and
/// places (12) (vLLM, `v1/sample/ops/topk_topp_sampler.py`; `segmented_sort_pairs` in `PyTorch`).
const BYTES_PER_LOGIT: f64 = 38.0;
/// Values per token and unit of width that outlive the model's pass, 16 bits each. Twice the same server with another
/// `max_num_batched_tokens`: Qwen2.5-7B logged 16 blocks more for 1,024 tokens less, which is 2.0 values.
const BYTES_PER_HIDDEN: f64 = 4.0;
/// The most tokens that pass through routed experts at once (vLLM, `VLLM_FUSED_MOE_CHUNK_SIZE`).
const EXPERTS_CHUNK: f64 = 16_384.0;

/// The peak [bytes].
pub(super) fn activations_bytes(request: &MemoryRequest) -> u64 {
    let gpus = u64::from(request.tensor_parallel);
    let model = request.model;
    let hidden = model.hidden_size() as f64;
    let tokens = f64::from(request.max_num_batched_tokens);
    let sampling = tokens.min(f64::from(request.max_num_seqs));

    let layers = || model.layers().iter().map(|group| &group.feed_forward);
    let widest = layers().map(|one| transient_values(one, gpus)).max();
    let feed_forward = tokens * 2.0 * widest.unwrap_or(0) as f64;
    let logits = sampling * BYTES_PER_LOGIT * model.vocab_size() as f64;
    let workspace = layers()
        .map(|one| workspace_bytes(one, hidden, tokens, gpus))
        .fold(0.0, f64::max);
    let of_model = tokens * BYTES_PER_HIDDEN * hidden + workspace + feed_forward.max(logits);

    let (seeing, seen) = model.vision().map_or((0.0, 0.0), |tower| {
        let image_tokens = tower.tokens_at_once(u64::from(request.max_num_batched_tokens));
        let seeing = tower.activations_bytes(image_tokens, gpus);
        (seeing, 2.0 * image_tokens as f64 * hidden)
    });
    // In floating point, because limits of a billion tokens may be asked for; no GPU has an exbibyte.
    (seeing.max(seen + of_model) as u64).min(1 << 60)
}

/// Values per token between the projections on one GPU, gate and product included. Routed experts work elsewhere.
fn transient_values(feed_forward: &FeedForward, gpus: u64) -> u64 {
    match feed_forward {
        FeedForward::Dense(dense) => dense.matrices() * dense.intermediate.div_ceil(gpus),
        FeedForward::Experts(layer) => 3 * layer.shared_intermediate.div_ceil(gpus),
    }
}

/// The buffers in which routed experts work: one for the results of either product, one for the activation or the
/// gathered input. All layers share them, and nobody frees them (vLLM, `v1/worker/workspace.py` and
/// `workspace_shapes` in `layers/fused_moe/`).
fn workspace_bytes(feed_forward: &FeedForward, hidden: f64, tokens: f64, gpus: u64) -> f64 {
    let FeedForward::Experts(layer) = feed_forward else {
        return 0.0;
    };
    let ExpertLayer {
        experts_per_token,
        intermediate,
        ..
    } = layer;
    let width = intermediate.div_ceil(gpus) as f64;
    let rows = tokens.min(EXPERTS_CHUNK) * *experts_per_token as f64;
    2.0 * rows * (hidden.max(2.0 * width) + hidden.max(width))
}
