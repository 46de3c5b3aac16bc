//! Iteration-level scheduling as Orca introduced it (Yu et al., "Orca: A Distributed Serving System for
//! Transformer-Based Generative Models", OSDI 2022, Algorithm 1): every step takes the requests in the order of
//! arrival, new ones with their whole prompt beside those that decode. KV memory is a number of slots, one a token. A
//! request is let in only if slots for its prompt and all the output it allows are free; they stay reserved until it
//! finishes. Nobody passes a request that waits for slots, nobody is ever preempted, and no prompt is cut.
//!
//! Orca's requests say how many tokens they may come to in total; here that is the prompt plus `max_tokens`. Not
//! modelled: pipelining of several batches over the stages of a model.

use super::plan::Policy;
use super::queue::{Decision, Memory, Queue, ScheduledAs, StepPlan};
use super::rules::{Host, Limits, REQUESTS, Rules};
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
    fn plan(&mut self, queue: &mut Queue, now: Time) -> Decision {
        let mut plan = StepPlan::default();
        for live in &queue.running {
            plan.schedule(live, ScheduledAs::Running, 1);
        }
        let running = queue.running.iter();
        let mut reserved: u64 = running.map(|live| u64::from(live.most_tokens())).sum();
        while queue.running.len() < self.settings.max_batch_size as usize {
            let Some(head) = queue.waiting.front() else {
                break;
            };
            let wanted = u64::from(head.most_tokens());
            if reserved + wanted > slots(&queue.memory) {
                break; // Nobody behind the head may pass it.
            }
            reserved += wanted;
            let kind = queue.admit(now);
            let live = &queue.running[queue.running.len() - 1];
            plan.schedule(live, kind, live.num_tokens());
        }
        if plan.scheduled.is_empty() {
            return Decision::Idle;
        }
        plan.used_blocks = reserved.div_ceil(u64::from(queue.memory.block_tokens)) as u32;
        Decision::Step(plan)
    }

    fn can_ever_serve(&self, request: &Request, queue: &Queue) -> bool {
        u64::from(request.most_tokens()) <= slots(&queue.memory)
    }
}

/// Tokens that the memory holds. Orca knows no blocks, so that none is lost to a half-filled one.
fn slots(memory: &Memory) -> u64 {
    u64::from(memory.usable_blocks) * u64::from(memory.block_tokens)
}
