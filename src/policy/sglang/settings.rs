//! What SGLang's scheduler is told at its start, and what follows from it at once.

use crate::policy::live::Memory;
use crate::workload::Segment;

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
    /// The most prompt tokens in a step of whole prompts, unless a single prompt is longer.
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
    /// Whether a step is decided while the one before runs (`disable_overlap_schedule` says the contrary).
    pub overlap_schedule: bool,
    /// How priorities are heeded; `None` if they are not. Only with `fcfs` and `lof`.
    pub priorities: Option<SglangPriorities>,
    /// Tokens that mean the same in every request, where tokens have numbers.
    pub special_tokens: Option<SpecialTokens>,
}

/// In which order the waiting are asked in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchedulePolicy {
    /// First come, first served.
    Fcfs,
    /// The longest cached prefix first.
    Lpm,
    /// The largest `max_tokens` first.
    Lof,
    /// Depth first through the tree, the subtree that most of the waiting share first.
    DfsWeight,
}

/// How priorities are heeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SglangPriorities {
    /// Whether lower numbers go first (`schedule_low_priority_values_first`).
    pub low_first: bool,
    /// By how much more a priority must be better than that of whoever it drives out; `None` if nobody is driven out
    /// (`priority_scheduling_preemption_threshold`, `disable_priority_preemption`).
    pub preemption_threshold: Option<u32>,
}

/// Tokens that mean the same in every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpecialTokens {
    /// The stop token.
    pub stop: Segment,
    /// What stands in for a prompt that is too long.
    pub filler: Segment,
}

impl SglangPriorities {
    /// A rank that grows as the priority gets worse.
    pub(crate) const fn rank(self, priority: i32) -> i64 {
        if self.low_first {
            priority as i64
        } else {
            -(priority as i64)
        }
    }
}

impl SglangSettings {
    /// Slots for tokens, in whole pages.
    pub(super) fn capacity(&self, memory: &Memory) -> u64 {
        let slots = u64::from(memory.usable_blocks) * u64::from(memory.block_tokens);
        slots - slots % u64::from(self.page_size)
    }

    /// Decodes that join steps with prompts do so where prompts are cut.
    pub(crate) const fn mixes(&self) -> bool {
        self.enable_mixed_chunk && self.chunked_prefill_size.is_some()
    }

    /// Whether a waiting request may drive running ones out.
    pub(crate) fn preempts(&self) -> Option<(SglangPriorities, u32)> {
        let priorities = self.priorities?;
        Some((priorities, priorities.preemption_threshold?))
    }

    /// The ratio on an idle server.
    pub(crate) fn init_ratio(&self) -> f64 {
        (INIT_RATIO * self.schedule_conservativeness).min(1.0)
    }

    /// The ratio after one more decode step.
    pub(crate) fn decayed(&self, ratio: f64) -> f64 {
        let least = self.init_ratio() * MIN_RATIO_FACTOR;
        let decay = (self.init_ratio() - least) / RATIO_DECAY_STEPS;
        (ratio - decay).max(least)
    }
}
