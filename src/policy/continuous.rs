//! Continuous batching as vLLM V1 does it (0.33.0, `vllm/v1/core/sched/scheduler.py`, `Scheduler.schedule`): there are no prefill and
//! decode phases; each step gives every running request the tokens that bring its computed tokens up to all its tokens, oldest first,
//! within a token budget, then admits from the head of the queue. When blocks run out the youngest is preempted and computes again.
//!
//! Not modelled here: prefix caching, priorities, aborts, asynchronous scheduling, speculative decoding.

use super::queue::{Decision, Kind, Queue, StepPlan};
use super::{ContinuousSettings, Policy};
use crate::units::Time;
use crate::workload::Request;

/// Fills every step anew.
pub struct ContinuousBatching {
    settings: ContinuousSettings,
}

impl ContinuousBatching {
    /// The policy with these settings.
    pub const fn new(settings: ContinuousSettings) -> Self {
        Self { settings }
    }

    /// Running requests first, in the order of admission.
    fn plan_running(&self, queue: &mut Queue, plan: &mut StepPlan, threshold: u32) -> u32 {
        let mut budget = self.settings.max_num_batched_tokens;
        let mut index = 0;
        while index < queue.running.len() && budget > 0 {
            let live = &queue.running[index];
            let room = queue.memory.max_model_len - live.computed - 1;
            let wanted = live.num_tokens() - live.computed;
            let tokens = chunk(wanted, threshold, budget).min(room);
            if tokens == 0 {
                index += 1;
                continue;
            }
            while index < queue.running.len() && !queue.allocate(index, tokens) {
                plan.preempted.push(queue.preempt_youngest());
            }
            if index == queue.running.len() {
                break; // It was itself the youngest.
            }
            plan.schedule(&queue.running[index], Kind::Running, tokens);
            budget -= tokens;
            index += 1;
        }
        budget
    }

    /// Then the head of the queue, as long as it may come in.
    fn plan_waiting(
        &self,
        queue: &mut Queue,
        plan: &mut StepPlan,
        threshold: u32,
        mut budget: u32,
        now: Time,
    ) {
        while budget > 0 && queue.running.len() < self.settings.max_num_seqs as usize {
            let Some(head) = queue.waiting.front() else {
                break;
            };
            let all = head.num_tokens();
            let memory = AdmissionMemory {
                free_blocks: queue.free_blocks(),
                usable_blocks: queue.memory.usable_blocks,
                block_tokens: queue.memory.block_tokens,
                others_run: !queue.running.is_empty(),
            };
            let Some(tokens) = self.settings.admission(all, threshold, budget, &memory) else {
                break; // Nobody behind the head may pass it.
            };
            let kind = queue.admit(now);
            let index = queue.running.len() - 1;
            let fits = queue.allocate(index, tokens);
            assert!(fits, "an admission checks that its blocks are free");
            plan.schedule(&queue.running[index], kind, tokens);
            budget -= tokens;
        }
    }
}

impl Policy for ContinuousBatching {
    fn plan(&mut self, queue: &mut Queue, now: Time) -> Decision {
        let in_system = queue.running.len() + queue.waiting.len();
        let threshold = self.settings.threshold(in_system);
        let mut plan = StepPlan::default();
        let budget = self.plan_running(queue, &mut plan, threshold);
        if plan.preempted.is_empty() {
            self.plan_waiting(queue, &mut plan, threshold, budget, now);
        }
        plan.used_blocks = queue.used_blocks();
        if plan.scheduled.is_empty() && plan.preempted.is_empty() {
            return Decision::Idle;
        }
        Decision::Step(plan)
    }

    fn can_ever_serve(&self, _request: &Request, _queue: &Queue) -> bool {
        // vLLM does not know how long an output will be: it refuses to start if one request of the maximum length does not fit, and
        // takes every request that is not too long for the model.
        true
    }
}

/// What an admission sees of the memory.
#[derive(Clone, Copy, Debug)]
pub struct AdmissionMemory {
    /// Blocks nobody holds.
    pub free_blocks: u32,
    /// Blocks that can hold tokens.
    pub usable_blocks: u32,
    /// Tokens in a block.
    pub block_tokens: u32,
    /// Whether any request runs.
    pub others_run: bool,
}

/// How many of the `wanted` tokens a request gets, within the budget and, unless it is 0, the long-prefill threshold.
pub fn chunk(wanted: u32, threshold: u32, budget: u32) -> u32 {
    let tokens = if threshold > 0 {
        wanted.min(threshold)
    } else {
        wanted
    };
    tokens.min(budget)
}

impl ContinuousSettings {
    /// The long-prefill threshold in force: none for a request that is alone (since vLLM 0.31).
    pub const fn threshold(&self, in_system: usize) -> u32 {
        if in_system <= 1 {
            0
        } else {
            self.long_prefill_token_threshold
        }
    }

    /// How many tokens the head of the queue, which has `all` tokens to compute, gets in its first step; `None` if it must wait.
    /// (`KVCacheManager.allocate_slots`, with `scheduler_reserve_full_isl` and the watermark.)
    pub fn admission(
        &self,
        all: u32,
        threshold: u32,
        budget: u32,
        memory: &AdmissionMemory,
    ) -> Option<u32> {
        let capped = if threshold > 0 {
            all.min(threshold)
        } else {
            all
        };
        if !self.chunked_prefill && capped > budget {
            return None;
        }
        let tokens = chunk(all, threshold, budget);
        let must_fit = if self.full_sequence_gate { all } else { tokens };
        let needed = must_fit.div_ceil(memory.block_tokens);
        let kept_free = if memory.others_run {
            // `int(watermark * num_gpu_blocks)`, which counts the null block.
            (self.watermark * f64::from(memory.usable_blocks + 1)) as u32
        } else {
            0
        };
        (u64::from(needed) + u64::from(kept_free) <= u64::from(memory.free_blocks))
            .then_some(tokens)
    }
}
