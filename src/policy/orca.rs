//! Iteration-level scheduling as Orca introduced it (Yu et al., "Orca: A Distributed Serving System for
//! Transformer-Based Generative Models", OSDI 2022, Algorithm 1): every step takes the requests in the order of
//! arrival, new ones with their whole prompt beside those that decode. KV memory is a number of slots, one a token. A
//! request is let in only if slots for its prompt and all the output it allows are free; they stay reserved until it
//! finishes. Nobody passes a request that waits for slots, nobody is ever preempted, and no prompt is cut.
//!
//! Orca's requests say how many tokens they may come to in total; here that is the prompt plus `max_tokens`. Not
//! modelled: pipelining of several batches over the stages of a model.

use super::live::Memory;
use super::plan::{HoldsFor, Policy};
use super::queue::{OrderMatters, Queue};
use super::rules::{Host, Limits, REQUESTS, Rules};
use super::step_plan::{Decision, StepPlan};
use crate::settings::{Setting, Written};
use crate::units::Time;
use crate::workload::Request;

/// Settings of Orca's scheduler.
#[derive(Clone, Debug, PartialEq)]
pub struct OrcaSettings {
    /// The most requests in a step; at least 1.
    pub max_batch_size: u32,
}

static MAX_BATCH_SIZE: Setting = Setting::new("max_batch_size", REQUESTS, "The most requests in a step")
    .unit("requests")
    .default("32", "tailcast's default");

impl Rules for OrcaSettings {
    const NAME: &'static str = "orca";
    const TITLE: &'static str = "Orca's batching";
    const ENGINE: &'static str = "Orca (OSDI 2022)";
    const SUMMARY: &'static str =
        "Orca: whole prompts beside decodes, memory for all the output allowed reserved at admission";
    const SETTINGS: &'static [&'static Setting] = &[&MAX_BATCH_SIZE];

    fn read<W: Written>(written: &W, _host: &Host<'_>) -> Result<Self, W::Error> {
        Ok(Self {
            max_batch_size: written.declared_count(&MAX_BATCH_SIZE)?,
        })
    }

    fn policy(&self, _memory: Memory) -> Option<Box<dyn Policy>> {
        Some(Box::new(Orca::new(self.clone())))
    }

    fn limits(&self) -> Limits {
        Limits::new(self.max_batch_size, u64::MAX)
    }
}

/// Reserves slots for all a request may produce.
pub(super) struct Orca {
    settings: OrcaSettings,
}

impl Orca {
    pub(super) const fn new(settings: OrcaSettings) -> Self {
        Self { settings }
    }
}

impl Policy for Orca {
    fn plan(&mut self, queue: &mut dyn Queue, now: Time) -> Result<Decision, OrderMatters> {
        let mut plan = StepPlan::default();
        queue.decode(&mut plan);
        let mut reserved = queue.most_tokens();
        while queue.running() < self.settings.max_batch_size {
            let Some(head) = queue.waiting(0) else {
                break;
            };
            let (wanted, all) = (u64::from(head.most_tokens()), head.num_tokens());
            if reserved + wanted > slots(queue.memory()) {
                break; // Nobody behind the head may pass it.
            }
            reserved += wanted;
            queue.admit(now, 0, all, &mut plan);
        }
        if plan.is_empty() {
            return Ok(Decision::Idle);
        }
        plan.used_blocks = self.used_blocks(queue);
        Ok(Decision::Step(plan))
    }

    fn holds_for(&self, _queue: &dyn Queue) -> HoldsFor {
        HoldsFor::while_free(0) // Slots come free only when somebody finishes.
    }

    fn reserves(&self) -> bool {
        true
    }

    fn used_blocks(&self, queue: &dyn Queue) -> u32 {
        let block_tokens = u64::from(queue.memory().block_tokens);
        queue.most_tokens().div_ceil(block_tokens) as u32
    }

    fn can_ever_serve(&self, request: &Request, memory: &Memory) -> bool {
        u64::from(request.most_tokens()) <= slots(memory)
    }
}

/// Tokens that the memory holds. Orca knows no blocks, so that none is lost to a half-filled one.
fn slots(memory: &Memory) -> u64 {
    u64::from(memory.usable_blocks) * u64::from(memory.block_tokens)
}
