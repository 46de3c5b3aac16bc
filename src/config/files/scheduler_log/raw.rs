//! An experiment as its JSON has it.

use serde::Deserialize;

/// What tells which engine an experiment is with.
#[derive(Default, Deserialize)]
pub(super) struct RawSchema {
    #[serde(default)]
    pub schema: String,
}

#[derive(Deserialize)]
#[serde(expecting = "an object with config, timing, requests and actions")]
pub(super) struct RawExperiment {
    #[serde(default)]
    pub schema: String,
    pub config: RawConfig,
    pub timing: Option<RawTiming>,
    pub requests: Vec<RawRequest>,
    #[serde(default)]
    pub actions: Vec<RawAction>,
    pub spec_accept: Option<Vec<u32>>,
    pub engine: Option<RawEngine>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object with vllm, the release")]
pub(super) struct RawEngine {
    pub vllm: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with step, do and id")]
pub(super) struct RawAction {
    pub step: u64,
    #[serde(rename = "do")]
    pub what: String,
    pub id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with the scheduler's settings")]
#[expect(clippy::struct_excessive_bools, reason = "the schema has them")]
pub(super) struct RawConfig {
    pub num_blocks: u32,
    pub block_size: u32,
    pub max_num_seqs: u32,
    pub max_num_batched_tokens: u32,
    pub max_model_len: u32,
    pub enable_prefix_caching: bool,
    pub policy: String,
    pub async_scheduling: bool,
    pub enable_chunked_prefill: bool,
    pub long_prefill_token_threshold: u32,
    pub scheduler_reserve_full_isl: bool,
    pub watermark: f64,
    #[serde(default)]
    pub num_speculative_tokens: u32,
    pub lookahead_tokens: Option<u32>,
    /// Of schema 2, as are all that follow.
    pub kv_groups: Option<Vec<RawGroup>>,
    #[serde(default = "sparse")]
    pub prefix_cache_retention_interval: Option<u32>,
    pub spec_method: Option<String>,
    /// As in the release if it is left out.
    pub eagle_lookahead_hash: Option<bool>,
    /// In schema 1 no admission is padded with drafts of which it would matter.
    #[serde(default)]
    pub padded_drafts_rejected: bool,
    pub spec_propose: Option<Vec<u32>>,
    pub offload: Option<RawOffload>,
}

#[derive(Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "null, or an object with cpu_blocks, prompt_only, load_steps and store_steps"
)]
pub(super) struct RawOffload {
    pub cpu_blocks: u32,
    pub prompt_only: bool,
    pub load_steps: u32,
    pub store_steps: u32,
}

/// vLLM's default: of a window's blocks those that the ends of prompts and their junctions need.
#[expect(clippy::unnecessary_wraps, reason = "null means another thing than a number")]
const fn sparse() -> Option<u32> {
    Some(0)
}

#[derive(Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "an object with kind, window or chunk, and block_size"
)]
pub(super) struct RawGroup {
    pub kind: String,
    pub window: Option<u32>,
    pub chunk: Option<u32>,
    pub block_size: Option<u32>,
    /// That it holds the layers of a draft model changes nothing.
    #[serde(rename = "draft", default)]
    pub _draft: bool,
}

#[derive(Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "null, or an object with base_us, per_token_us and per_seq_us"
)]
pub(super) struct RawTiming {
    #[serde(rename = "base_us")]
    pub base: u32,
    #[serde(rename = "per_token_us")]
    pub per_token: u32,
    #[serde(rename = "per_seq_us")]
    pub per_sequence: u32,
}

#[derive(Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "an object with id, arrival_step or arrival_us, prompt and max_tokens"
)]
pub(super) struct RawRequest {
    pub id: String,
    pub arrival_step: Option<u64>,
    pub arrival_us: Option<u64>,
    pub prompt: Vec<(u64, u32)>,
    pub max_tokens: u32,
    pub stop_after: Option<u32>,
    #[serde(default)]
    pub priority: i32,
}
