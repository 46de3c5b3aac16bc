//! Where the memory of one GPU goes when a model is loaded.

use super::{Architecture, KvFootprint, MemoryRequest, WindowedLayers, profile_run};

/// Bytes in a GiB.
pub(super) const GIB: f64 = (1u64 << 30) as f64;

/// Where the memory of one GPU goes.
#[derive(Clone, Debug, PartialEq)]
pub struct MemoryBudget {
    /// What the runtime reports [bytes].
    pub total_bytes: u64,
    /// What the engine may use: total times utilisation [bytes].
    pub requested_bytes: u64,
    /// Weights, those of a vision tower included [bytes].
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
    /// Blocks of the KV cache as an engine logs them, the null block included.
    pub kv_blocks: u32,
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
/// What a model with experts keeps back on top, where they take tokens in chunks [bytes]. Not derived: it is what
/// Llama-4-Scout in fp8 on two H100 with vLLM 0.15.1 kept back beside all that is counted here. vLLM's code shows no
/// cause, so it may as well come from fp8 or from images; for others it is a guess. With vLLM 0.19.0 three mixtures
/// logged nothing of the kind, nor did gpt-oss (mxfp4) with 0.11.
const EXPERT_OVERHEAD_BYTES: u64 = (1.58 * GIB) as u64;

/// How the memory is divided, whether or not a request fits into what is left.
pub(super) fn divide(request: &MemoryRequest) -> MemoryBudget {
    let total_bytes = request.gpu.memory_bytes();
    let requested_bytes = (total_bytes as f64 * request.utilization).ceil() as u64;
    let weights_bytes = request.model.weights_bytes(request.weights, request.tensor_parallel);
    let gpus = request.tensor_parallel;
    let draft_weights_bytes = request.drafter.map_or(0, |drafter| drafter.weights_bytes(gpus));
    // A draft pass runs when the model's own is over and is smaller: it needs no memory that is not there already.
    let activations_bytes = profile_run::activations_bytes(request);
    let overhead_bytes = overhead_bytes(request);
    let taken = weights_bytes + draft_weights_bytes + activations_bytes + overhead_bytes;
    let kv_bytes = requested_bytes.saturating_sub(taken);
    let mut kv_footprint = request.model.kv_footprint(request.kv, gpus);
    if let Some(drafter) = request.drafter {
        kv_footprint = kv_footprint.plus(drafter.kv_footprint(request.kv, gpus));
    }
    let kv_bytes_per_token = charged_per_token(request, &kv_footprint);
    let blocks = kv_bytes / (kv_bytes_per_token * u64::from(request.block_tokens));
    MemoryBudget {
        total_bytes,
        requested_bytes,
        weights_bytes,
        draft_weights_bytes,
        activations_bytes,
        overhead_bytes,
        kv_bytes,
        kv_bytes_per_token,
        kv_blocks: u32::try_from(blocks).unwrap_or(u32::MAX),
        kv_footprint,
    }
}

/// The states of as many requests as may run. An engine takes them from the pool of blocks as requests come; here they
/// are kept back for good, so that no more requests find room than on a server [bytes].
pub(super) fn states_bytes(request: &MemoryRequest) -> u64 {
    let one = request.model.state_bytes_per_request(request.tensor_parallel);
    one.saturating_mul(request.max_num_seqs.into()).min(1 << 60)
}

fn overhead_bytes(request: &MemoryRequest) -> u64 {
    let start_up = &request.start_up;
    let mut bytes = (start_up.libraries_gib * GIB) as u64 + request.model.rotary_table_bytes();
    bytes += states_bytes(request);
    if request.tensor_parallel > 1 {
        bytes += SHARING_BYTES;
        if start_up.fuses_all_reduce && fuses_all_reduce(request) {
            bytes += FUSED_ALL_REDUCE_BYTES;
        }
    }
    if start_up.chunks_experts && profile_run::has_expert_buffers(request) {
        bytes += EXPERT_OVERHEAD_BYTES;
    }
    if start_up.subtracts_graphs {
        bytes += profile_run::graphs_bytes(request);
    }
    bytes
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

pub(super) fn fits(request: &MemoryRequest, budget: &MemoryBudget) -> bool {
    budget.kv_blocks > request.max_model_len.div_ceil(request.block_tokens)
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
