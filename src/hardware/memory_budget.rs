//! Where the memory of one GPU goes when a model is loaded.

use super::{
    Architecture, BadFigure, CacheSizing, Drafter, KvFootprint, KvLayer, KvLayout, KvLimits, KvPool, MemoryRequest,
    Reach, WindowedLayers, block_that_holds_states, kernel_copies, kv_layers, profile_run,
};

/// Bytes in a GiB.
pub(super) const GIB: f64 = (1u64 << 30) as f64;

/// Where the memory of one GPU goes.
#[derive(Clone, Debug, PartialEq)]
pub struct MemoryBudget {
    /// What the runtime reports [bytes].
    pub total_bytes: u64,
    /// What the engine may use: total times utilisation, or what SGLang's share does not keep back [bytes].
    pub requested_bytes: u64,
    /// Weights, those of a vision tower and what kernels pad or copy included [bytes].
    pub weights_bytes: u64,
    /// Weights of what proposes drafts [bytes].
    pub draft_weights_bytes: u64,
    /// The peak of what a step needs besides weights and keys and values, and what the sampler keeps [bytes].
    pub activations_bytes: u64,
    /// The table of rotary embeddings, libraries, communication buffers, the states of requests in layers that keep
    /// one, and the CUDA graphs if they are counted [bytes].
    pub overhead_bytes: u64,
    /// Keys and values: what is left [bytes].
    pub kv_bytes: u64,
    /// What one token is charged. With sliding windows this is the mean over a request of `max_model_len`, as an engine
    /// with a hybrid allocator counts it: contexts that lie inside the windows take more (see `kv_footprint`) [bytes].
    pub kv_bytes_per_token: u64,
    /// Tokens in a block of one table.
    pub block_tokens: u32,
    /// Blocks of the KV cache, the null block included, if all layers shared one table: what is left, at
    /// `kv_bytes_per_token`. Without windows and chunks it is the number that an engine logs.
    pub kv_blocks: u32,
    /// The blocks that the engine makes of what is left, in the groups that its layers need.
    pub kv_pool: KvPool,
    /// The exact sizes behind `kv_bytes_per_token`.
    pub kv_footprint: KvFootprint,
}

/// What GPUs that share a model take besides [bytes]: NCCL, and vLLM's own buffers for all-reduces. What four servers
/// of vLLM 0.15.1 on H100 (dense models of 12 to 70 billion parameters, TP 2 and 4) keep back more than those of one
/// GPU.
const SHARING_BYTES: u64 = (0.23 * GIB) as u64;
/// `FlashInfer`'s workspace for fused all-reduces, where there is one, beside what [`SHARING_BYTES`] counts [bytes]:
/// three servers of vLLM 0.19.0 on H100 logged 2.07, 2.09 (TP 2) and 2.13 GiB (TP 4) outside of torch.
const FUSED_ALL_REDUCE_BYTES: u64 = (1.62 * GIB) as u64;

/// What is taken of a GPU before SGLang loads weights: a context of CUDA, taken for 0.5 GiB [bytes].
const CONTEXT_BYTES: u64 = GIB as u64 / 2;
/// The same with several GPUs, beside that: what a server of four H100 (Qwen3-235B-A22B in fp8, a share of 0.93) lacks
/// [bytes].
const CONNECTED_BYTES: u64 = (1.7 * GIB) as u64;

/// `FlashInfer`'s workspace for latent attention, which each GPU has once vLLM has looked at all ways to run it,
/// whether or not that one is taken (0.19, `g_fi_workspace` in `v1/attention/backends/mla/flashinfer_mla.py`) [bytes].
const LATENT_WORKSPACE_BYTES: u64 = 128 << 20;

fn taken_before_weights(request: &MemoryRequest) -> u64 {
    CONTEXT_BYTES
        + if request.tensor_parallel > 1 {
            CONNECTED_BYTES
        } else {
            0
        }
}

/// How the memory is divided, whether or not a request fits into what is left.
pub(super) fn divide(request: &MemoryRequest) -> Result<MemoryBudget, BadFigure> {
    let total_bytes = request.gpu.memory_bytes();
    let parameters = request.model.weights_bytes(request.weights, request.tensor_parallel);
    let weights_bytes = parameters + kernel_copies::extra_bytes(request);
    let gpus = request.tensor_parallel;
    let draft_weights_bytes = request.drafter.map_or(0, |drafter| drafter.weights_bytes(gpus));
    let (requested_bytes, activations_bytes, overhead_bytes) = match request.start_up.sizing {
        CacheSizing::Profiled => (
            (total_bytes as f64 * request.utilization).ceil() as u64,
            // A draft pass runs when the model's own is over and is smaller: it needs no memory that is not there
            // already.
            profile_run::activations_bytes(request),
            overhead_bytes(request),
        ),
        CacheSizing::StaticFraction(share) => {
            let before = taken_before_weights(request).min(total_bytes);
            let kept = (total_bytes - before) as f64 * (1.0 - share);
            let overhead = before + request.model.rotary_table_bytes();
            (total_bytes - kept as u64, 0, overhead)
        }
    };
    let taken = weights_bytes + draft_weights_bytes + activations_bytes + overhead_bytes;
    let kv_bytes = requested_bytes.saturating_sub(taken);
    let mut kv_footprint = request.model.kv_footprint(request.kv, gpus);
    if let Some(drafter) = request.drafter {
        kv_footprint = kv_footprint.plus(drafter.kv_footprint(request.kv, gpus));
    }
    let kv_pool = pool(request, kv_bytes)?;
    let (kv_blocks, kv_bytes_per_token) = as_one_group(request, &kv_footprint, &kv_pool, kv_bytes);
    Ok(MemoryBudget {
        total_bytes,
        requested_bytes,
        weights_bytes,
        draft_weights_bytes,
        activations_bytes,
        overhead_bytes,
        kv_bytes,
        kv_bytes_per_token,
        block_tokens: request.block_tokens,
        kv_blocks,
        kv_pool,
        kv_footprint,
    })
}

/// The pool that an engine makes of so many bytes. Heads that draft beside chunks switch groups off.
fn pool(request: &MemoryRequest, kv_bytes: u64) -> Result<KvPool, BadFigure> {
    let mut layers = kv_layers(request.model, request.drafter, request.kv, request.tensor_parallel);
    if !request.start_up.scheduling.states_in_blocks {
        layers.retain(|like| !matches!(like.layer, KvLayer::State { .. }));
    }
    let has_chunks = layers
        .iter()
        .any(|like| matches!(like.layer.reach(), Some(Reach::Chunked(_))));
    let has_head = request.drafter.is_some_and(Drafter::is_head);
    let is_hybrid = request.start_up.scheduling.is_hybrid && !(has_chunks && has_head);
    let rules = request.start_up.groups;
    let block_tokens = block_that_holds_states(&layers, request.block_tokens);
    let layout = KvLayout::of(&layers, (block_tokens, request.max_model_len), rules, is_hybrid)?;
    let limits = KvLimits {
        max_model_len: request.max_model_len,
        max_num_batched_tokens: request.max_num_batched_tokens,
        steps_in_flight: request.start_up.scheduling.steps_in_flight,
    };
    Ok(KvPool::new(layout, kv_bytes, limits, rules))
}

/// The blocks that there would be if all layers shared one table, and what each of their tokens is charged. A server
/// that starts holds a request of `max_model_len`, so if that is more than such blocks would hold they are those of as
/// many such requests as the pool has room for.
fn as_one_group(request: &MemoryRequest, footprint: &KvFootprint, pool: &KvPool, kv_bytes: u64) -> (u32, u64) {
    let block = u64::from(request.block_tokens);
    let charged = charged_per_token(request, footprint);
    let blocks = kv_bytes / (charged * block);
    let of_longest = u64::from(request.max_model_len).div_ceil(block);
    let narrow = |blocks: u64| u32::try_from(blocks).unwrap_or(u32::MAX);
    if blocks > of_longest || !pool.starts() {
        return (narrow(blocks), charged);
    }
    let blocks = 1 + ((pool.concurrency() * of_longest as f64) as u64).max(of_longest);
    (narrow(blocks), (kv_bytes / (blocks * block)).max(1))
}

/// The states of as many requests as may run, where they are kept back for good and do not lie in blocks [bytes].
fn states_bytes(request: &MemoryRequest) -> u64 {
    if request.start_up.scheduling.states_in_blocks {
        return 0;
    }
    let one = request.model.state_bytes_per_request(request.tensor_parallel);
    one.saturating_mul(request.max_num_seqs.into()).min(1 << 60)
}

fn overhead_bytes(request: &MemoryRequest) -> u64 {
    let start_up = &request.start_up;
    let mut bytes = (start_up.libraries_gib * GIB) as u64 + loaded_beside_weights(request);
    bytes += states_bytes(request);
    if request.tensor_parallel > 1 {
        bytes += SHARING_BYTES;
        if start_up.fuses_all_reduce && fuses_all_reduce(request) {
            bytes += FUSED_ALL_REDUCE_BYTES;
        }
    }
    if request.model.vision().is_some() {
        bytes += (start_up.sight_gib * GIB) as u64;
    }
    if start_up.subtracts_graphs {
        bytes += profile_run::graphs_bytes(request);
    }
    bytes
}

/// What "model loading took" counts in the logs of vLLM beside the weights: rotary tables, and the workspace of latent
/// attention [bytes].
pub fn loaded_beside_weights(request: &MemoryRequest) -> u64 {
    let is_rocm = request.gpu.chip().is_some_and(|chip| chip.architecture.is_rocm());
    let workspace = if request.model.has_latent_attention() && !is_rocm {
        LATENT_WORKSPACE_BYTES
    } else {
        0
    };
    request.model.rotary_table_bytes() + workspace
}

/// vLLM fuses on these chips only.
fn fuses_all_reduce(request: &MemoryRequest) -> bool {
    let architecture = request.gpu.chip().map(|chip| chip.architecture);
    matches!(architecture, Some(Architecture::Hopper | Architecture::Blackwell))
}

fn charged_per_token(request: &MemoryRequest, footprint: &KvFootprint) -> u64 {
    let block_tokens = u64::from(request.block_tokens);
    let longest = u64::from(request.max_model_len);
    let most = footprint.most_bytes(longest, u64::from(request.max_num_batched_tokens), block_tokens);
    most.div_ceil(longest.next_multiple_of(block_tokens))
}

impl MemoryBudget {
    /// The back-of-envelope number of users: (memory - weights) / (KV of one user). Total memory, nothing kept back,
    /// whole contexts. All of it is per GPU, and every GPU of a replica holds its share of every user, so the quotient
    /// is the users of a replica.
    pub fn closed_form_users(&self, mean_context_tokens: f64) -> f64 {
        let weights_bytes = self.weights_bytes + self.draft_weights_bytes;
        let left = self.total_bytes as f64 - weights_bytes as f64;
        left.max(0.0) / self.kv_bytes_of_user(mean_context_tokens)
    }

    /// What a user with a context of so many tokens takes of each GPU's KV cache [bytes].
    pub fn kv_bytes_of_user(&self, context_tokens: f64) -> f64 {
        let tokens = context_tokens.max(1.0);
        self.kv_footprint.bytes_for_context(tokens, WindowedLayers::Bounded)
    }
}
