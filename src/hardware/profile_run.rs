//! What a step at an engine's limits needs besides weights and keys and values, as vLLM finds out when it starts.
//!
//! `GPUModelRunner.profile_run` runs three things one after the other: the vision tower over as many images as one step
//! may bring, the model over `max_num_batched_tokens`, and the sampler over `max_num_seqs` requests. Each frees what it
//! worked with; the peak of the whole run is kept back, and what the sampler never frees on top.

use super::{ExpertLayer, FeedForward, MemoryRequest, SamplerRun, WeightPrecision};

/// Bytes per entry of the logits, of which there is one for each of `max_num_seqs` requests and entry of the vocabulary
/// (vLLM, `v1/sample/ops/topk_topp_sampler.py`).
///
/// Sorted for top-k and top-p: as computed (2), in fp32 (4), sorted (4), their places before (8), and while
/// `torch.sort` runs, the places in order (8) and a second buffer of values and places (12; `segmented_sort_pairs` in
/// `PyTorch`).
const SORTED: f64 = 38.0;
/// Masked in place by Triton or `FlashInfer`: as computed (2), in fp32 (4), softmax (4), and noise or another mask (4).
const MASKED: f64 = 14.0;
/// Masked in place and chosen from without a softmax, where there is no `FlashInfer`: as computed (2), in fp32 (4).
const MASKED_WITHOUT_SOFTMAX: f64 = 6.0;
/// The largest found: as computed.
const GREEDY: f64 = 2.0;
/// What the second model runner keeps for penalties (`v1/worker/gpu/sample/penalties.py`): how often each token came in
/// the output (4), and a bit for each that the prompt has.
const COUNTS: f64 = 4.125;
/// The same with a bit for each that a grammar allows.
const COUNTS_AND_GRAMMAR: f64 = 4.25;
/// Fewer requests than this are sorted where Triton masks.
const FEWEST_MASKED: u32 = 8;
/// Bytes of Triton's buffer per entry of the vocabulary and program.
const BUFFER: f64 = 4.0;
/// Multiprocessors of a GPU whose chip is not known: those of an H100.
const MULTIPROCESSORS: u32 = 132;
/// Values per token and unit of width that outlive the model's pass, 16 bits each. Twice the same server with another
/// `max_num_batched_tokens`: Qwen2.5-7B logged 16 blocks more for 1,024 tokens less, which is 2.0 values.
const BYTES_PER_HIDDEN: f64 = 4.0;
/// The most tokens that pass through routed experts at once, where they take chunks (vLLM,
/// `VLLM_FUSED_MOE_CHUNK_SIZE`).
const EXPERTS_CHUNK: f64 = 16_384.0;

/// The peak, and what the sampler keeps for good [bytes].
pub(super) fn activations_bytes(request: &MemoryRequest) -> u64 {
    let gpus = u64::from(request.tensor_parallel);
    let model = request.model;
    let hidden = model.hidden_size() as f64;
    let tokens = f64::from(request.max_num_batched_tokens);

    let sampler = Sampler::of(request);
    let workspace = if has_expert_buffers(request) {
        let layers = model.layers().iter().map(|group| &group.feed_forward);
        layers.map(|one| workspace_bytes(one, request)).fold(0.0, f64::max)
    } else {
        0.0
    };
    let between = tokens * 2.0 * widest(request);
    let of_model = tokens * BYTES_PER_HIDDEN * hidden + workspace + between.max(sampler.at_its_peak);

    let (seeing, seen) = model.vision().map_or((0.0, 0.0), |tower| {
        let image_tokens = tower.tokens_at_once(u64::from(request.max_num_batched_tokens));
        let seeing = tower.activations_bytes(image_tokens, gpus);
        (seeing, 2.0 * image_tokens as f64 * hidden)
    });
    // In floating point, because limits of a billion tokens may be asked for; no GPU has an exbibyte.
    ((seeing.max(seen + of_model) + sampler.kept) as u64).min(1 << 60)
}

/// Whether its experts work in buffers of vLLM's: those in mxfp4 run in kernels that need none.
fn has_expert_buffers(request: &MemoryRequest) -> bool {
    request.model.has_experts() && request.weights != WeightPrecision::Mxfp4
}

/// What is kept back for CUDA graphs [bytes].
pub(super) fn graphs_bytes(request: &MemoryRequest) -> u64 {
    let hidden = request.model.hidden_size() as f64;
    let per_token = BYTES_PER_HIDDEN * hidden + 2.0 * widest(request);
    request.graphs.estimated_bytes(per_token) as u64
}

/// What the sampler takes [bytes].
struct Sampler {
    /// While it runs.
    at_its_peak: f64,
    /// For good.
    kept: f64,
}

impl Sampler {
    fn of(request: &MemoryRequest) -> Self {
        let requests = request.max_num_seqs.min(request.max_num_batched_tokens);
        let vocabulary = request.model.vocab_size() as f64;
        let logits = f64::from(requests) * vocabulary;
        let chip = request.gpu.chip();
        // A program for each request, rounded up to a power of two, but no more than run at once.
        let at_once = chip.map_or(MULTIPROCESSORS, |chip| chip.multiprocessors);
        let programs = at_once.min(requests.min(at_once).next_power_of_two());
        let buffer = BUFFER * vocabulary * f64::from(programs);
        let is_rocm = chip.is_some_and(|chip| chip.architecture.is_rocm());
        let (at_its_peak, kept) = match request.start_up.sampler {
            SamplerRun::Nothing => (0.0, 0.0),
            SamplerRun::Masks if requests < FEWEST_MASKED => (SORTED * logits, 0.0),
            SamplerRun::Sorts => (SORTED * logits, 0.0),
            SamplerRun::ByRunner if !request.model.has_experts() => (GREEDY * logits, COUNTS * logits),
            SamplerRun::Masks | SamplerRun::ByRunner => (MASKED * logits, buffer),
            SamplerRun::RunsAll if is_rocm => {
                let kept = COUNTS_AND_GRAMMAR * logits + buffer;
                (MASKED_WITHOUT_SOFTMAX * logits, kept)
            }
            SamplerRun::RunsAll => (MASKED * logits, COUNTS_AND_GRAMMAR * logits),
        };
        Self { at_its_peak, kept }
    }
}

/// Values per token in the widest place of the model, on one GPU.
fn widest(request: &MemoryRequest) -> f64 {
    let gpus = u64::from(request.tensor_parallel);
    let layers = request.model.layers().iter();
    let widest = layers.map(|group| transient_values(&group.feed_forward, gpus)).max();
    widest.unwrap_or(0) as f64
}

/// Values per token between the projections on one GPU, gate and product included. Routed experts work elsewhere.
fn transient_values(feed_forward: &FeedForward, gpus: u64) -> u64 {
    match feed_forward {
        FeedForward::Dense(dense) => dense.matrices() * dense.intermediate.div_ceil(gpus),
        FeedForward::Experts(layer) => layer.matrices() * layer.shared_intermediate.div_ceil(gpus),
        FeedForward::Nothing => 0,
    }
}

/// The buffers in which routed experts work: one for the results of either product, one for the activation or the
/// gathered input. All layers share them, and nobody frees them (vLLM, `v1/worker/workspace.py` and
/// `workspace_shapes` in `layers/fused_moe/`).
fn workspace_bytes(feed_forward: &FeedForward, request: &MemoryRequest) -> f64 {
    let FeedForward::Experts(layer) = feed_forward else {
        return 0.0;
    };
    let ExpertLayer {
        experts_per_token,
        intermediate,
        ..
    } = layer;
    let hidden = request.model.hidden_size() as f64;
    let width = intermediate.div_ceil(u64::from(request.tensor_parallel)) as f64;
    let tokens = f64::from(request.max_num_batched_tokens);
    let at_once = if request.start_up.chunks_experts {
        tokens.min(EXPERTS_CHUNK)
    } else {
        tokens
    };
    let rows = at_once * *experts_per_token as f64;
    2.0 * rows * (hidden.max(2.0 * width) + hidden.max(width))
}
