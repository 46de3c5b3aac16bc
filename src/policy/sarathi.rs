//! Stall-free batching as in Sarathi-Serve (Agrawal et al., "Taming Throughput-Latency Tradeoff in LLM Inference with
//! Sarathi-Serve", OSDI 2024, Algorithm 3; `sarathi/core/scheduler/sarathi_scheduler.py`,
//! `sarathi/core/block_space_manager`): a step holds a fixed number of tokens. First come all decodes, then the prompts
//! that are under way, then new prompts cut to what is left, so that no prompt ever delays a decode by more than the
//! budget.
//!
//! A prompt gets all its blocks when its first chunk is admitted, and must leave 1 % of all blocks free. A decode wants
//! a free block even if its last block has room; without one the youngest request not yet looked at is preempted, goes
//! to the head of the queue and computes again.
//!
//! Not modelled: the dynamic chunk sizes, pipeline stages.

use super::live::Memory;
use super::plain_queue::PlainQueue;
use super::plan::{HoldsFor, Policy};
use super::queue::{OrderMatters, Queue, UnderWay};
use super::rules::{Host, Limits, REQUESTS, Rules, TOKENS, refuse_tokens_below};
use super::step_plan::{Decision, ScheduledAs, StepPlan};
use crate::settings::{Setting, Written};
use crate::units::Time;
use crate::workload::Request;

/// The fraction of all blocks that an admission leaves free (`VLLMBlockSpaceManager`, `watermark`).
const WATERMARK: f64 = 0.01;

/// Settings of Sarathi-Serve's scheduler, with its names.
#[derive(Clone, Debug, PartialEq)]
pub struct SarathiSettings {
    /// Tokens in a step; at least `max_num_seqs`, so that all decodes find room.
    pub chunk_size: u32,
    /// The most requests running at once; at least 1.
    pub max_num_seqs: u32,
}

static CHUNK_SIZE: Setting = Setting::new(
    "chunk_size",
    TOKENS,
    "The most tokens in a step, decodes and prompts together",
)
.unit("tokens")
.default("512", THEIRS);

static MAX_NUM_SEQS: Setting = Setting::new("max_num_seqs", REQUESTS, "The most requests running at once")
    .unit("requests")
    .depends("128, as Sarathi-Serve, but no more than chunk_size");

const THEIRS: &str = "Sarathi-Serve's default";

impl Rules for SarathiSettings {
    const NAME: &'static str = "sarathi";
    const TITLE: &'static str = "Sarathi-Serve's batching";
    const ENGINE: &'static str = "Sarathi-Serve (OSDI 2024)";
    const SUMMARY: &'static str = "Sarathi-Serve: a fixed token budget, all decodes first, prompts cut to what is left";
    const SETTINGS: &'static [&'static Setting] = &[&CHUNK_SIZE, &MAX_NUM_SEQS];

    fn read<W: Written>(written: &W, _host: &Host<'_>) -> Result<Self, W::Error> {
        let chunk_size = written.declared_count(&CHUNK_SIZE)?;
        let max_num_seqs = written.count(&MAX_NUM_SEQS, chunk_size.min(128), THEIRS)?;
        refuse_tokens_below((&CHUNK_SIZE, chunk_size), (&MAX_NUM_SEQS, max_num_seqs))?;
        Ok(Self {
            chunk_size,
            max_num_seqs,
        })
    }

    fn policy(&self, _memory: Memory) -> Option<Box<dyn Policy>> {
        Some(Box::new(Sarathi::new(self.clone())))
    }

    fn limits(&self) -> Limits {
        Limits::new(self.max_num_seqs, self.chunk_size.into())
    }
}

/// Decodes first, then prompts cut to what is left of the budget.
pub(super) struct Sarathi {
    settings: SarathiSettings,
}

impl Sarathi {
    pub(super) const fn new(settings: SarathiSettings) -> Self {
        Self { settings }
    }

    /// All decodes; returns what they leave of the budget.
    fn plan_decodes(&self, queue: &mut dyn Queue, plan: &mut StepPlan) -> Result<u32, OrderMatters> {
        if let Ok(queue) = queue.one_by_one() {
            return Ok(self.decode_one_by_one(queue, plan));
        }
        // While a block stays free each of them finds one, whoever comes first.
        if queue.decoding() > 0 && queue.lacking_blocks() >= queue.free_blocks() {
            return Err(OrderMatters);
        }
        queue.give_lacking_blocks();
        queue.decode(plan);
        Ok(self.settings.chunk_size - queue.decoding())
    }

    /// All decodes, oldest first; returns what they leave of the budget.
    fn decode_one_by_one(&self, queue: &mut PlainQueue, plan: &mut StepPlan) -> u32 {
        let mut budget = self.settings.chunk_size;
        let mut free = queue.free_blocks();
        let mut index = 0;
        while index < queue.running.len() {
            if !queue.running[index].is_decoding() {
                index += 1;
                continue;
            }
            while index < queue.running.len() && free == 0 {
                plan.preempted.push(queue.preempt(queue.running.len() - 1));
                free = queue.free_blocks();
            }
            if index == queue.running.len() {
                break; // It was itself the youngest.
            }
            free -= queue.allocate_next(index);
            plan.schedule(&queue.running[index], ScheduledAs::Running, 1);
            budget -= 1;
            index += 1;
        }
        budget
    }

    /// Then the prompts under way, whose blocks they hold.
    fn plan_chunks(queue: &mut dyn Queue, plan: &mut StepPlan, budget: &mut u32) {
        let mut place = 0;
        while *budget > 0
            && let Some(UnderWay { member, lacking }) = queue.under_way(place)
        {
            let tokens = lacking.min(*budget);
            queue.go_on(member, tokens, plan);
            *budget -= tokens;
            place += 1;
        }
    }

    /// Then new prompts, in the order of the queue.
    fn plan_waiting(&self, queue: &mut dyn Queue, plan: &mut StepPlan, mut budget: u32, now: Time) {
        while budget > 0 && queue.running() < self.settings.max_num_seqs {
            let Some(head) = queue.waiting(0) else {
                break;
            };
            let all = head.num_tokens();
            let needed = queue.memory().blocks_for(all) + kept_free(queue.memory());
            if needed > queue.free_blocks() {
                break;
            }
            let tokens = all.min(budget);
            queue.admit(now, all, tokens, plan);
            budget -= tokens;
        }
    }
}

impl Policy for Sarathi {
    fn plan(&mut self, queue: &mut dyn Queue, now: Time) -> Result<Decision, OrderMatters> {
        let mut plan = StepPlan::default();
        let mut budget = self.plan_decodes(queue, &mut plan)?;
        Self::plan_chunks(queue, &mut plan, &mut budget);
        self.plan_waiting(queue, &mut plan, budget, now);
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
        let most = memory.blocks_for(request.most_computed());
        most + kept_free(memory) <= memory.usable_blocks
    }
}

fn kept_free(memory: &Memory) -> u32 {
    (WATERMARK * f64::from(memory.usable_blocks)) as u32
}
