//! No batching: one request at a time, first come, first served. An M/G/1 queue.

use super::Policy;
use super::queue::{Decision, Kind, Queue, StepPlan};
use crate::units::Time;
use crate::workload::Request;

/// Serves one request from its prompt to its last token, then the next.
pub struct NoBatching;

impl Policy for NoBatching {
    fn plan(&mut self, queue: &mut Queue, now: Time) -> Decision {
        let mut kind = Kind::Running;
        if queue.running.is_empty() {
            if queue.waiting.is_empty() {
                return Decision::Idle;
            }
            kind = queue.admit(now);
        }
        let live = &queue.running[0];
        let tokens = live.num_tokens() - live.computed;
        let fits = queue.allocate(0, tokens);
        assert!(fits, "a request that does not fit is rejected when it arrives");
        let mut plan = StepPlan::default();
        plan.schedule(&queue.running[0], kind, tokens);
        plan.used_blocks = queue.used_blocks();
        Decision::Step(plan)
    }

    fn can_ever_serve(&self, request: &Request, queue: &Queue) -> bool {
        // The last output token is never fed back, so it needs no KV.
        let tokens = request.prompt.tokens() + request.output_tokens - 1;
        queue.memory.blocks_for(tokens) <= queue.memory.usable_blocks
    }
}
