//! What meters need to know of servers that are alike, in a fleet in which others are not.

use serde::Serialize;

use super::server::GpuWork;
use crate::engine::ServerSettings;

/// Servers of a fleet that are alike.
pub struct PoolSettings<'a> {
    /// What results say that they are.
    pub about: PoolAbout,
    /// Each of them.
    pub server: &'a ServerSettings,
    /// Whether they look prompts up in a prefix cache.
    pub prefix_caching: bool,
    /// What their GPUs do and could do.
    pub gpu_work: GpuWork,
}

/// What results say of the servers of a pool before they have done anything.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PoolAbout {
    /// What it is called.
    pub name: String,
    /// How many servers it has.
    pub servers: u32,
    /// How much each takes beside those of other pools.
    pub weight: f64,
    /// The model that they serve.
    pub model: String,
    /// Their GPU, one of `tensor_parallel`.
    pub gpu: String,
    /// GPUs of each that share the model.
    pub tensor_parallel: u32,
    /// The engine that is simulated, with its release.
    pub engine: String,
    /// Blocks of the KV cache of each, the null block included.
    pub kv_blocks: u32,
    /// Tokens in a block.
    pub block_tokens: u32,
    /// The most tokens of a request.
    pub max_model_len: u32,
}
