//! What is left for the KV cache when a model is loaded: the arithmetic an engine does when it starts.

use super::{
    BadFigure, DoesNotFit, Drafter, Gpu, KvFootprint, KvPrecision, MemoryShortage, Model, WeightPrecision,
    WindowedLayers, profile_run,
};

/// Bytes in a GiB.
pub(super) const GIB: f64 = (1u64 << 30) as f64;

/// What is to be loaded on what, with the limits an engine is started with.
#[derive(Clone, Copy, Debug)]
pub struct MemoryRequest<'a> {
    /// The GPU, one of `tensor_parallel`.
    pub gpu: &'a Gpu,
    /// The model.
    pub model: &'a Model,
    /// How its weights are stored.
    pub weights: WeightPrecision,
    /// How keys and values are stored.
    pub kv: KvPrecision,
    /// GPUs that share each layer.
    pub tensor_parallel: u32,
    /// Share of the memory that the engine may use, more than 0 and at most 1.
    pub utilization: f64,
    /// Tokens in a block of the KV cache.
    pub block_tokens: u32,
    /// The longest context a request may have [tokens].
    pub max_model_len: u32,
    /// The most tokens in one step.
    pub max_num_batched_tokens: u32,
    /// The most requests in one step.
    pub max_num_seqs: u32,
    /// What proposes drafts on the same GPUs, if anything does.
    pub drafter: Option<&'a Drafter>,
}

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
    /// The peak of what a step needs besides weights and keys and values [bytes].
    pub activations_bytes: u64,
    /// The table of rotary embeddings, libraries and communication buffers [bytes].
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

/// Libraries, communication buffers, and what allocators round up [bytes]. Eight runs of vLLM 0.15.1 on H100 (dense
/// models of 7 to 70 billion parameters, TP 1 to 4) leave 0.2 to 0.8 GiB beside what is counted; the middle puts all
/// eight block counts within 0.8 %.
const OVERHEAD_BYTES: u64 = (0.55 * GIB) as u64;
/// The same of models with experts on top [bytes]. Not derived: it is what the one logged mixture of experts,
/// Llama-4-Scout in fp8 on two H100, kept back beside all that is counted here. vLLM's code shows no cause, so it may
/// as well come from fp8 or from images as from experts; for other models it is a guess.
const EXPERT_OVERHEAD_BYTES: u64 = (1.7 * GIB) as u64;

/// The memory budget of one GPU, or why the model cannot be served so.
///
/// As vLLM does at its start (`v1/worker/gpu_worker.py`, `determine_available_memory`): total times utilisation, minus
/// weights, minus the peak of a step at its limits, minus what libraries take. It must hold one request of
/// `max_model_len`.
pub fn budget(request: &MemoryRequest) -> Result<MemoryBudget, Box<DoesNotFit>> {
    check(request)?;
    let budget = divide(request);
    let needed_bytes = needed_bytes(request, &budget);
    if fits(request, &budget) {
        return Ok(budget);
    }
    let shortage = MemoryShortage::new(request, budget, needed_bytes);
    Err(Box::new(DoesNotFit::Memory(Box::new(shortage))))
}

fn check(request: &MemoryRequest) -> Result<(), DoesNotFit> {
    let utilization = request.utilization;
    if !(utilization > 0.0 && utilization <= 1.0) {
        let expected = "more than 0 and at most 1";
        let bad = BadFigure::new("gpu_memory_utilization", utilization, expected);
        return Err(DoesNotFit::Setting(bad));
    }
    let whole = [
        ("block_size", request.block_tokens),
        ("max_model_len", request.max_model_len),
        ("max_num_batched_tokens", request.max_num_batched_tokens),
        ("max_num_seqs", request.max_num_seqs),
    ];
    for (field, value) in whole {
        if value == 0 || value > 1 << 30 {
            let bad = BadFigure::new(field, value, "a whole number from 1 to 1073741824");
            return Err(DoesNotFit::Setting(bad));
        }
    }
    let divides = request.model.check_tensor_parallel(request.tensor_parallel);
    divides.map_err(DoesNotFit::Setting)?;
    let divides = request
        .drafter
        .map_or(Ok(()), |drafter| drafter.check_tensor_parallel(request.tensor_parallel));
    divides.map_err(DoesNotFit::Setting)
}

/// The budget without the question whether anything fits into it.
pub(super) fn divide(request: &MemoryRequest) -> MemoryBudget {
    let total_bytes = request.gpu.memory_bytes();
    let requested_bytes = (total_bytes as f64 * request.utilization).ceil() as u64;
    let weights_bytes = request.model.weights_bytes(request.weights, request.tensor_parallel);
    let gpus = request.tensor_parallel;
    let draft_weights_bytes = request.drafter.map_or(0, |drafter| drafter.weights_bytes(gpus));
    // A draft pass runs when the model's own is over and is smaller: it needs no memory that is not there already.
    let activations_bytes = profile_run::activations_bytes(request);
    let overhead_bytes = overhead_bytes(request.model);
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

fn overhead_bytes(model: &Model) -> u64 {
    let experts = u64::from(model.has_experts()) * EXPERT_OVERHEAD_BYTES;
    OVERHEAD_BYTES + experts + model.rotary_table_bytes()
}

fn charged_per_token(request: &MemoryRequest, footprint: &KvFootprint) -> u64 {
    let block_tokens = u64::from(request.block_tokens);
    let longest = u64::from(request.max_model_len);
    let most = footprint.most_bytes(longest, u64::from(request.max_num_batched_tokens), block_tokens);
    most.div_ceil(longest.next_multiple_of(block_tokens))
}

/// What one request of `max_model_len` takes, the null block of the pool added [bytes].
fn needed_bytes(request: &MemoryRequest, budget: &MemoryBudget) -> u64 {
    let blocks = u64::from(request.max_model_len.div_ceil(request.block_tokens)) + 1;
    blocks * u64::from(request.block_tokens) * budget.kv_bytes_per_token
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
