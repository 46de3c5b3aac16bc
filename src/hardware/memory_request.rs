//! What is to be loaded on a GPU, and how.

use super::{CudaGraphs, Drafter, Gpu, KvPrecision, Model, StartUp, WeightPrecision};

/// What is to be loaded on what, with the limits an engine is started with.
#[derive(Clone, Copy, Debug)]
pub struct MemoryRequest<'a> {
    /// The GPU, one of `tensor_parallel`.
    pub gpu: &'a Gpu,
    /// The model that is to be loaded.
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
    /// The CUDA graphs that are captured.
    pub graphs: CudaGraphs,
    /// What the engine's release does when it starts.
    pub start_up: StartUp,
}
