//! What SGLang's scheduler is told at its start, and the new-token ratio that follows from it.

use super::order::SchedulePolicy;

/// Where the ratio starts, falls to and in how many decode steps (`SGLANG_INIT_NEW_TOKEN_RATIO`,
/// `SGLANG_MIN_NEW_TOKEN_RATIO_FACTOR`, `SGLANG_NEW_TOKEN_RATIO_DECAY_STEPS`).
const INIT_RATIO: f64 = 0.7;
const MIN_RATIO_FACTOR: f64 = 0.14;
const RATIO_DECAY_STEPS: f64 = 600.0;

/// Settings of SGLang's scheduler, with its names.
#[derive(Clone, Debug, PartialEq)]
pub struct SglangSettings {
    /// The most requests running at once; at least 1.
    pub max_running_requests: u32,
    /// The most prompt tokens in a step, unless a single prompt is longer.
    pub max_prefill_tokens: u32,
    /// Where prompts are cut, a multiple of the page size; `None` if they never are.
    pub chunked_prefill_size: Option<u32>,
    /// Whether the decodes join the steps with prompts.
    pub enable_mixed_chunk: bool,
    /// Scales the new-token ratio: larger expects longer outputs and retracts less.
    pub schedule_conservativeness: f64,
    /// In which order the waiting are asked in.
    pub schedule_policy: SchedulePolicy,
    /// Whether what prompts share is found in the cache (`disable_radix_cache` says the contrary).
    pub prefix_caching: bool,
    /// Tokens that are handed out, found and cached together; at least 1.
    pub page_size: u32,
}

impl SglangSettings {
    /// The ratio on an idle server.
    pub(super) fn init_ratio(&self) -> f64 {
        (INIT_RATIO * self.schedule_conservativeness).min(1.0)
    }

    /// The ratio after one more decode step.
    pub(super) fn decayed(&self, ratio: f64) -> f64 {
        let least = self.init_ratio() * MIN_RATIO_FACTOR;
        let decay = (self.init_ratio() - least) / RATIO_DECAY_STEPS;
        (ratio - decay).max(least)
    }
}
