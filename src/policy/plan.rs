//! A batching policy: it says in plain words, over a server's queues, what the next step holds.

use super::live::Memory;
use super::queue::{OrderMatters, Queue};
use super::step_plan::Decision;
use crate::units::Time;
use crate::workload::Request;

/// Decides, step by step, what a server does.
pub trait Policy {
    /// Decides what happens at `now`, when no step is running, and moves requests between the queues accordingly.
    ///
    /// # Errors
    /// If the order of the running requests decides, and the queues do not know it ([`Queue::one_by_one`]).
    fn plan(&mut self, queue: &mut dyn Queue, now: Time) -> Result<Decision, OrderMatters>;

    /// For how many steps the plan just made holds, if all who run decode and nobody has come in.
    fn holds_for(&self, _queue: &dyn Queue) -> HoldsFor {
        HoldsFor {
            steps: 1,
            spare_blocks: 0,
        }
    }

    /// The plan just made is carried out so many times more.
    fn repeat(&mut self, _times: u64) {}

    /// Whether who comes in gets the blocks for all that it may come to, and takes none later.
    fn reserves(&self) -> bool {
        false
    }

    /// Whether a running request whose client has given up can leave.
    fn can_abort_running(&self) -> bool {
        true
    }

    /// Blocks that requests hold.
    fn used_blocks(&self, queue: &dyn Queue) -> u32 {
        queue.used_blocks()
    }

    /// Whether a request, alone on an empty server with this memory, could be served.
    fn can_ever_serve(&self, request: &Request, memory: &Memory) -> bool;
}

/// For how long a plan holds in which all who run decode, as long as nobody arrives, leaves or finishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldsFor {
    /// The most steps, the one planned included; at least 1.
    pub steps: u64,
    /// Blocks that have to be free in each step beside those that it takes.
    pub spare_blocks: u32,
}

impl HoldsFor {
    /// Until a step lacks a block.
    pub const fn while_free(spare_blocks: u32) -> Self {
        Self {
            steps: u64::MAX,
            spare_blocks,
        }
    }
}
