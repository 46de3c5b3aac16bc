//! Continuous batching as vLLM's V0 engine did it (0.6.6, `vllm/core/scheduler.py`, `Scheduler._schedule_default`;
//! `vllm/core/block_manager.py`): prompts first. If any waiting prompt can come in, the step holds whole prompts only
//! and every decode stalls; otherwise all running requests decode. A prompt gets all its blocks at once and must leave
//! 1 % of all blocks free. A decode wants a free block even if its last block has room
//! (`get_num_blocks_touched_by_append_slots`); without one the youngest request is preempted, goes to the head of the
//! queue and computes again.
//!
//! With `chunked_prefill` (`_schedule_chunked_prefill`) decodes and prompts under way come first, in the order of
//! admission, and new prompts are cut to what is left of the budget. A step that preempts still admits from the queue,
//! which the preempted join only afterwards.
//!
//! Not modelled: the prefix cache, swapping to the CPU (V0 swaps only requests with several sequences), priorities, the
//! delay factor, steps of several tokens.

use super::live::{Live, Memory};
use super::plain_queue::PlainQueue;
use super::plan::{HoldsFor, Policy};
use super::queue::{OrderMatters, Queue, UnderWay};
use super::rules::{FRACTION, Host, Limits, REQUESTS, Rules, TOKENS, refuse_tokens_below, refuse_uncut_prompts};
use super::step_plan::{Decision, ScheduledAs, StepPlan};
use crate::settings::{Kind, Setting, Written};
use crate::units::Time;
use crate::workload::Request;

/// Settings of vLLM V0's scheduler, with its names.
#[derive(Clone, Debug, PartialEq)]
pub struct VllmV0Settings {
    /// The most requests running at once; at least 1.
    pub max_num_seqs: u32,
    /// The most tokens in a step; at least `max_num_seqs`.
    pub max_num_batched_tokens: u32,
    /// Whether decodes come first and prompts are cut to what they leave.
    pub chunked_prefill: bool,
    /// The fraction of all blocks that an admission leaves free.
    pub watermark: f64,
}

static CHUNKED_PREFILL: Setting = Setting::new(
    "chunked_prefill",
    Kind::Boolean,
    "Whether decodes come first and prompts are cut to what they leave",
)
.or(&["enable_chunked_prefill"])
.default("false", THEIRS);

static MAX_NUM_BATCHED_TOKENS: Setting = Setting::new("max_num_batched_tokens", TOKENS, "The most tokens in a step")
    .unit("tokens")
    .depends("2048, or the longest request if that is more and prompts are not cut");

static MAX_NUM_SEQS: Setting = Setting::new("max_num_seqs", REQUESTS, "The most requests running at once")
    .unit("requests")
    .depends("256, but no more than max_num_batched_tokens");

static WATERMARK: Setting = Setting::new(
    "watermark",
    FRACTION,
    "The part of all blocks that an admission leaves free",
)
.default("0.01", THEIRS);

const THEIRS: &str = "vLLM 0.6.6's default";

impl Rules for VllmV0Settings {
    const NAME: &'static str = "vllm-v0";
    const TITLE: &'static str = "vLLM V0's batching";
    const ENGINE: &'static str = "vLLM 0.6.6 (V0)";
    const SUMMARY: &'static str =
        "vLLM 0.6: steps of prompts only come first and stall the decodes; chunked prefill as a switch";
    const SETTINGS: &'static [&'static Setting] =
        &[&CHUNKED_PREFILL, &MAX_NUM_BATCHED_TOKENS, &MAX_NUM_SEQS, &WATERMARK];

    fn read<W: Written>(written: &W, host: &Host<'_>) -> Result<Self, W::Error> {
        let chunked_prefill = written.declared_boolean(&CHUNKED_PREFILL)?;
        let longest = host.max_model_len;
        let default_tokens = if chunked_prefill { 2048 } else { longest.max(2048) };
        let tokens = written.count(&MAX_NUM_BATCHED_TOKENS, default_tokens, THEIRS)?;
        let max_num_seqs = written.count(&MAX_NUM_SEQS, tokens.min(256), THEIRS)?;
        let watermark = written.declared_number(&WATERMARK)?;
        refuse_tokens_below((&MAX_NUM_BATCHED_TOKENS, tokens), (&MAX_NUM_SEQS, max_num_seqs))?;
        if !chunked_prefill {
            refuse_uncut_prompts(&MAX_NUM_BATCHED_TOKENS, tokens, longest)?;
        }
        Ok(Self {
            max_num_seqs,
            max_num_batched_tokens: tokens,
            chunked_prefill,
            watermark,
        })
    }

    fn policy(&self, _memory: Memory) -> Option<Box<dyn Policy>> {
        Some(Box::new(VllmV0::new(self.clone())))
    }

    fn limits(&self) -> Limits {
        Limits {
            whole_prompts: !self.chunked_prefill,
            ..Limits::new(self.max_num_seqs, self.max_num_batched_tokens.into())
        }
    }
}

/// Prompts first, or decodes first with prompts in chunks.
pub(super) struct VllmV0 {
    settings: VllmV0Settings,
}

impl VllmV0 {
    pub(super) const fn new(settings: VllmV0Settings) -> Self {
        Self { settings }
    }

    /// Waiting prompts, in the order of the queue (`_schedule_prefills`).
    fn plan_prefills(&self, queue: &mut dyn Queue, plan: &mut StepPlan, mut budget: u32, now: Time) {
        while queue.running() < self.settings.max_num_seqs {
            let Some(head) = queue.waiting(0) else {
                break;
            };
            let all = head.num_tokens();
            let needed = queue.memory().blocks_for(all) + self.kept_free(queue.memory());
            if needed > queue.free_blocks() {
                break; // Nobody behind the head may pass it.
            }
            let tokens = if self.settings.chunked_prefill {
                all.min(budget)
            } else {
                all
            };
            if tokens == 0 || tokens > budget {
                break;
            }
            queue.admit(now, all, tokens, plan);
            budget -= tokens;
        }
    }

    /// Running requests; returns those that lost their blocks, youngest first, and what is left of the budget
    /// (`_schedule_running`).
    fn plan_running(&self, queue: &mut dyn Queue, plan: &mut StepPlan) -> Result<(Vec<Live>, u32), OrderMatters> {
        if let Ok(queue) = queue.one_by_one() {
            return Ok(self.plan_one_by_one(queue, plan));
        }
        let mut budget = self.settings.max_num_batched_tokens;
        // A prompt that is cut has used up its step's budget, so nobody has come in behind it: it comes last.
        let prompt = queue.under_way(0);
        let wanted = queue.lacking_blocks() + u32::from(queue.running() > 0);
        if wanted > queue.free_blocks() || queue.under_way(1).is_some() {
            return Err(OrderMatters);
        }
        queue.give_lacking_blocks();
        queue.decode(plan);
        // There are no more of them than `max_num_seqs`, which is no more than the budget.
        budget -= queue.decoding();
        if let Some(UnderWay { member, lacking }) = prompt
            && budget > 0
        {
            let tokens = lacking.min(budget);
            queue.go_on(member, tokens, plan);
            budget -= tokens;
        }
        Ok((Vec::new(), budget))
    }

    /// Running requests, oldest first.
    fn plan_one_by_one(&self, queue: &mut PlainQueue, plan: &mut StepPlan) -> (Vec<Live>, u32) {
        let mut budget = self.settings.max_num_batched_tokens;
        let mut preempted = Vec::new();
        let mut free = queue.free_blocks();
        let mut index = 0;
        while let Some(live) = queue.running.get(index) {
            let tokens = (live.num_tokens() - live.computed).min(budget);
            if tokens == 0 {
                break;
            }
            let wanted = blocks_touched(live, &queue.memory);
            while index < queue.running.len() && free < wanted {
                preempted.push(queue.release(queue.running.len() - 1));
                free = queue.free_blocks();
            }
            if index == queue.running.len() {
                break; // It was itself the youngest.
            }
            free -= queue.allocate_next(index);
            plan.schedule(&queue.running[index], ScheduledAs::Running, tokens);
            budget -= tokens;
            index += 1;
        }
        plan.preempted.extend(preempted.iter().map(|live| live.request.id));
        (preempted, budget)
    }

    fn kept_free(&self, memory: &Memory) -> u32 {
        (self.settings.watermark * f64::from(memory.usable_blocks)) as u32
    }
}

impl Policy for VllmV0 {
    fn plan(&mut self, queue: &mut dyn Queue, now: Time) -> Result<Decision, OrderMatters> {
        let mut plan = StepPlan::default();
        if !self.settings.chunked_prefill {
            let budget = self.settings.max_num_batched_tokens;
            self.plan_prefills(queue, &mut plan, budget, now);
        }
        if plan.is_empty() {
            let (preempted, budget) = self.plan_running(queue, &mut plan)?;
            if self.settings.chunked_prefill {
                self.plan_prefills(queue, &mut plan, budget, now);
            }
            if !preempted.is_empty() {
                let waiting = &mut queue.one_by_one()?.waiting;
                for live in preempted {
                    waiting.push_front(live);
                }
            }
        }
        if plan.is_empty() && plan.preempted.is_empty() {
            return Ok(Decision::Idle);
        }
        plan.used_blocks = queue.used_blocks();
        Ok(Decision::Step(plan))
    }

    fn holds_for(&self, _queue: &dyn Queue) -> HoldsFor {
        HoldsFor::while_free(1)
    }

    fn can_ever_serve(&self, request: &Request, memory: &Memory) -> bool {
        // Preempted at its last token it must still be admitted again.
        let most = request.most_computed();
        let blocks = memory.blocks_for(most);
        let kept_free = self.kept_free(memory);
        if self.settings.chunked_prefill {
            // Alone with half of its prompt computed it must still see the free block that it wants.
            blocks + kept_free.max(1) <= memory.usable_blocks
        } else {
            blocks + kept_free <= memory.usable_blocks && most <= self.settings.max_num_batched_tokens
        }
    }
}

/// Free blocks that a running request wants to see, whether or not it takes one. A prompt under way holds all its
/// blocks, and yet counts a half-filled last one.
const fn blocks_touched(live: &Live, memory: &Memory) -> u32 {
    if live.is_decoding() {
        1
    } else {
        !live.num_tokens().is_multiple_of(memory.block_tokens) as u32
    }
}
