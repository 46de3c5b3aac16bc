//! Decisions that need no more than numbers, shared with the fast engine.

use super::settings::ContinuousSettings;

/// What an admission sees of the memory.
#[derive(Clone, Copy, Debug)]
pub struct AdmissionMemory {
    /// Blocks nobody uses.
    pub free_blocks: u32,
    /// Blocks that can hold tokens.
    pub usable_blocks: u32,
    /// Whether any request runs.
    pub others_run: bool,
}

/// Limits `tokens` to the threshold, unless that is 0.
pub fn cut_to_threshold(tokens: u32, threshold: u32) -> u32 {
    if threshold > 0 { tokens.min(threshold) } else { tokens }
}

impl ContinuousSettings {
    /// How many steps may be decided that have not ended (`step_with_batch_queue` in `vllm/v1/engine/core.py` keeps two
    /// batches in flight).
    pub const fn steps_in_flight(&self) -> u64 {
        if self.async_scheduling { 2 } else { 1 }
    }

    /// Tokens that a step may hold if each request that may run takes so many places of it beside its own.
    pub const fn tokens_beside_slots(&self, slots: u32) -> u32 {
        self.max_num_batched_tokens
            .saturating_sub(slots.saturating_mul(self.max_num_seqs))
    }

    /// The long-prefill threshold in force with so many requests waiting and running.
    pub const fn threshold(&self, in_system: usize) -> u32 {
        if in_system <= 1 && self.threshold_spares_alone {
            0
        } else {
            self.long_prefill_token_threshold
        }
    }

    /// How many of the `lacking` tokens of the queue's head its first step computes; `None` if it does not fit into the
    /// budget as it must.
    pub fn first_chunk(&self, lacking: u32, threshold: u32, budget: u32) -> Option<u32> {
        let wanted = cut_to_threshold(lacking, threshold);
        (self.chunked_prefill || wanted <= budget).then(|| wanted.min(budget))
    }

    /// Whether the memory lets the queue's head in, which leaves so many blocks fewer free
    /// (`KVCacheManager.allocate_slots`).
    pub fn leaves_enough_free(&self, taken_blocks: u32, memory: &AdmissionMemory) -> bool {
        let kept_free = if memory.others_run {
            // `int(watermark * num_gpu_blocks)`, which counts the null block.
            (self.watermark * f64::from(memory.usable_blocks + 1)) as u32
        } else {
            0
        };
        u64::from(taken_blocks) + u64::from(kept_free) <= u64::from(memory.free_blocks)
    }
}
