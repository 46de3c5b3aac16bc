//! Requests of the plain path: a cache line each.

use crate::engine::observer::{End, Finished};
use crate::policy::DraftCounts;
use crate::units::Time;
use crate::workload::{Request, RequestId};

/// A request whose prompt is its own and that ends when its length is reached.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(in crate::engine::fast) struct Slot {
    pub id: RequestId,
    pub arrival: Time,
    /// When it was admitted; means nothing while it waits.
    pub scheduled: Time,
    /// When its first token was handed out; means nothing before.
    pub first_token: Time,
    /// The number of its admission: the place in the order of the running requests. 0 while it waits, and of a vacant
    /// slot.
    pub order: u64,
    pub input: u32,
    pub output: u32,
    /// Of its prompt, and all in all once it has ended; a decoder's are counted by the clock.
    pub computed: u32,
    pub blocks: u32,
    /// How many requests ran when its first token was handed out; 0 before.
    pub running_at_first_token: u32,
    pub priority: i32,
}

impl Slot {
    pub const fn of(request: &Request) -> Self {
        Self {
            id: request.id,
            arrival: request.arrival,
            scheduled: Time::ZERO,
            first_token: Time::ZERO,
            order: 0,
            input: request.prompt.tokens(),
            output: request.output_tokens,
            computed: 0,
            blocks: 0,
            running_at_first_token: 0,
            priority: request.priority,
        }
    }

    /// As [`Request::rank`].
    pub const fn rank(&self) -> (i32, Time, RequestId) {
        (self.priority, self.arrival, self.id)
    }

    /// The history of a request that has all its tokens.
    pub fn finished(&self, now: Time) -> Finished {
        Finished {
            arrival: self.arrival,
            scheduled: self.scheduled,
            first_token: self.first_token,
            finished: now,
            running_at_first_token: self.running_at_first_token,
            streamed: true,
            priority: self.priority,
            input_tokens: self.input,
            output_tokens: self.output,
            cached_tokens: 0,
            preemptions: 0,
            recomputed_tokens: 0,
            drafts: DraftCounts::default(),
            was_waiting: false,
            end: End::Length,
        }
    }
}
