//! No batching: one request at a time, first come, first served. An M/G/1 queue.

use super::live::Memory;
use super::plan::Policy;
use super::queue::{OrderMatters, Queue};
use super::rules::{Change, Host, Limits, Rules};
use super::step_plan::{Decision, ScheduledAs, StepPlan};
use crate::settings::{Setting, Written};
use crate::units::Time;
use crate::workload::Request;

/// Serves one request from its prompt to its last token, then the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoBatching;

impl Rules for NoBatching {
    const NAME: &'static str = "none";
    const TITLE: &'static str = "no batching";
    const ENGINE: &'static str = "plain generate()";
    const SUMMARY: &'static str = "one request at a time, in the order of arrival";
    const SETTINGS: &'static [&'static Setting] = &[];

    fn read<W: Written>(_written: &W, _host: &Host<'_>) -> Result<Self, W::Error> {
        Ok(Self)
    }

    fn policy(&self, _memory: Memory) -> Option<Box<dyn Policy>> {
        Some(Box::new(*self))
    }

    fn limits(&self) -> Limits {
        Limits::new(1, u64::MAX)
    }

    fn remedies(&self) -> Vec<Change> {
        vec![Change::to_continuous()]
    }
}

impl Policy for NoBatching {
    fn plan(&mut self, queue: &mut dyn Queue, now: Time) -> Result<Decision, OrderMatters> {
        let queue = queue.one_by_one()?;
        let mut kind = ScheduledAs::Running;
        if queue.running.is_empty() {
            if queue.waiting.is_empty() {
                return Ok(Decision::Idle);
            }
            kind = queue.admit_head(now);
        }
        let live = &queue.running[0];
        let tokens = live.num_tokens() - live.computed;
        let fits = queue.allocate(0, tokens);
        assert!(fits, "a request that does not fit is rejected when it arrives");
        let mut plan = StepPlan::default();
        plan.schedule(&queue.running[0], kind, tokens);
        plan.used_blocks = queue.used_blocks();
        Ok(Decision::Step(plan))
    }

    fn can_ever_serve(&self, request: &Request, memory: &Memory) -> bool {
        // The last output token is never fed back, so it needs no KV.
        let tokens = request.prompt.tokens() + request.output_tokens - 1;
        memory.blocks_for(tokens) <= memory.usable_blocks
    }
}
