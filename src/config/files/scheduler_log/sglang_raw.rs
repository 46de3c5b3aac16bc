//! An experiment with SGLang as its JSON has it.

use serde::Deserialize;

use super::raw::RawTiming;

#[derive(Deserialize)]
#[serde(expecting = "an object with config, timing, requests and actions")]
pub(super) struct RawSglangExperiment {
    pub engine: Option<RawSglangEngine>,
    pub config: RawSglangConfig,
    pub timing: RawTiming,
    pub requests: Vec<RawSglangRequest>,
    #[serde(default)]
    pub actions: Vec<RawAbort>,
    pub detail: Option<String>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object with sglang, the release")]
pub(super) struct RawSglangEngine {
    pub sglang: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with the scheduler's settings")]
#[expect(clippy::struct_excessive_bools, reason = "the schema has them")]
pub(super) struct RawSglangConfig {
    pub kv_tokens: u32,
    pub page_size: u32,
    pub max_running_requests: u32,
    pub max_prefill_tokens: u32,
    pub chunked_prefill_size: Option<u32>,
    pub enable_mixed_chunk: bool,
    pub schedule_policy: String,
    pub schedule_conservativeness: f64,
    pub disable_radix_cache: bool,
    pub overlap: bool,
    #[serde(default)]
    pub enable_priority_scheduling: bool,
    #[serde(default)]
    pub schedule_low_priority_values_first: bool,
    #[serde(default = "threshold")]
    pub priority_scheduling_preemption_threshold: u32,
    #[serde(default)]
    pub disable_priority_preemption: bool,
    pub retraction_policy: Option<String>,
    pub radix_eviction_policy: Option<String>,
    pub prefill_max_requests: Option<u32>,
    pub context_length: u32,
    pub radix_core: Option<String>,
}

/// SGLang's default.
const fn threshold() -> u32 {
    10
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with at_us, do and id")]
pub(super) struct RawAbort {
    pub at_us: u64,
    #[serde(rename = "do")]
    pub what: String,
    pub id: String,
}

#[derive(Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "an object with id, arrival_us, prompt and max_tokens"
)]
pub(super) struct RawSglangRequest {
    pub id: String,
    pub arrival_us: u64,
    pub prompt: Vec<(u64, u32)>,
    pub max_tokens: u32,
    pub stop_after: Option<u32>,
    #[serde(default)]
    pub ignore_eos: bool,
    #[serde(default)]
    pub priority: i32,
}
