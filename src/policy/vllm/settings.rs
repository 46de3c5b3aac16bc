//! What vLLM's scheduler is told at its start.

use super::profile::Profile;
use super::transfers::OffloadRules;
use crate::policy::speculative::Speculative;

/// Settings of continuous batching: what vLLM's scheduler is told at its start, with vLLM's names, and the points in
/// which its releases differ.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "switches of the scheduler")]
pub struct ContinuousSettings {
    /// The most requests running at once; at least 1.
    pub max_num_seqs: u32,
    /// The most tokens in a step; at least 1.
    pub max_num_batched_tokens: u32,
    /// Whether a prompt may be spread over several steps.
    pub chunked_prefill: bool,
    /// The largest chunk while other requests are in the system; 0 for no limit.
    pub long_prefill_token_threshold: u32,
    /// The fraction of all blocks that an admission must leave free while others run.
    pub watermark: f64,
    /// Whether blocks with the same content are shared.
    pub prefix_caching: bool,
    /// Whether all layers share one table of blocks, even if some need less of a context than others.
    pub has_one_table: bool,
    /// Which blocks of a window's layers the prefix cache keeps (`prefix_cache_retention_interval`): 0 for those that a
    /// prompt's end and a junction of prompts need, a number for those before each of its multiples too, none for all.
    pub retention_interval: Option<u32>,
    /// Whether requests with a lower priority number go first.
    pub priority: bool,
    /// Whether a step is decided while the one before still runs.
    pub async_scheduling: bool,
    /// Draft tokens, if any.
    pub speculative: Option<Speculative>,
    /// KV cache in the memory of the CPU, if any: each step is then decided when the one before has ended, all layers
    /// share one table and nothing is drafted.
    pub offload: Option<OffloadRules>,
    /// Whether a request is admitted only if all its tokens fit now (`scheduler_reserve_full_isl`; since 0.19).
    pub full_sequence_gate: bool,
    /// Whether freed blocks without content are taken first (since 0.25).
    pub keyless_first: bool,
    /// Whether the long-prefill threshold does not hold for a request that is alone (since 0.31).
    pub threshold_spares_alone: bool,
    /// Whether, under priorities, others are still scheduled after a request has preempted itself (since 0.33).
    pub goes_on_after_self_preemption: bool,
}

impl ContinuousSettings {
    /// The defaults of vLLM 0.33, but that each step is decided when the one before has ended, for these limits.
    pub const fn new(max_num_seqs: u32, max_num_batched_tokens: u32) -> Self {
        let newest = Profile::NEWEST;
        Self {
            max_num_seqs,
            max_num_batched_tokens,
            chunked_prefill: true,
            long_prefill_token_threshold: 0,
            watermark: 0.0,
            prefix_caching: true,
            has_one_table: false,
            retention_interval: Some(0),
            priority: false,
            async_scheduling: false,
            speculative: None,
            offload: None,
            full_sequence_gate: newest.full_sequence_gate,
            keyless_first: newest.keyless_first,
            threshold_spares_alone: newest.threshold_spares_alone,
            goes_on_after_self_preemption: newest.goes_on_after_self_preemption,
        }
    }
}
