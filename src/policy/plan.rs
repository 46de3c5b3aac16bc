//! A batching policy: it says in plain words, over plain queues, what the next step holds.

use super::queue::{Decision, Queue};
use crate::units::Time;
use crate::workload::Request;

/// Decides, step by step, what a server does.
pub trait Policy {
    /// Decides what happens at `now`, when no step is running, and moves requests between the queues accordingly.
    fn plan(&mut self, queue: &mut Queue, now: Time) -> Decision;

    /// Whether a running request whose client has given up can leave.
    fn can_abort_running(&self) -> bool {
        true
    }

    /// Blocks that requests hold.
    fn used_blocks(&self, queue: &Queue) -> u32 {
        queue.used_blocks()
    }

    /// Whether a request, alone on an empty server, could be served.
    fn can_ever_serve(&self, request: &Request, queue: &Queue) -> bool;
}
