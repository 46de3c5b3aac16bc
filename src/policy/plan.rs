//! A batching policy: it says in plain words, over plain queues, what the next step holds.

use super::queue::{Decision, Live, Queue, StepPlan};
use crate::units::Time;
use crate::workload::Request;

/// Decides, step by step, what a server does.
pub trait Policy {
    /// Decides what happens at `now`, when no step is running, and moves requests between the queues accordingly.
    fn plan(&mut self, queue: &mut Queue, now: Time) -> Decision;

    /// Slots that hold a token while the step runs: of what was computed before and of what it computes.
    fn filled_slots(&self, queue: &Queue, plan: &StepPlan) -> u64 {
        let computed = queue.running.iter().map(|live| u64::from(live.computed));
        let scheduled = plan.scheduled.iter().map(|part| u64::from(part.tokens));
        computed.chain(scheduled).sum()
    }

    /// The step has ended, and these requests have left: a policy that keeps more than the queues do takes note of it.
    fn completed(&mut self, _queue: &Queue, _plan: &StepPlan, _finished: &[Live]) {}

    /// Whether a running request whose client has given up can leave.
    fn can_abort_running(&self) -> bool {
        true
    }

    /// A request whose client has given up has left the queue: a policy that keeps more than the queues do takes note
    /// of it.
    fn aborted(&mut self, _live: &Live, _ran: bool) {}

    /// Blocks that requests hold.
    fn used_blocks(&self, queue: &Queue) -> u32 {
        queue.used_blocks()
    }

    /// How much of its prompt a request would find in the policy's prefix cache if it were admitted now [tokens].
    fn cached_tokens(&self, _request: &Request) -> u32 {
        0
    }

    /// Whether a request, alone on an empty server, could be served.
    fn can_ever_serve(&self, request: &Request, queue: &Queue) -> bool;
}
