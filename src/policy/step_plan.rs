//! What happens next on a server, and what a step holds and brings.

use super::live::Live;
use crate::step_time::StepShape;
use crate::units::{Span, Time};
use crate::workload::RequestId;

/// What happens next on an idle server.
#[derive(Clone, Debug)]
pub enum Decision {
    /// Nothing, until another request arrives.
    Idle,
    /// Nothing, until this time or another arrival.
    WaitUntil(Time),
    /// A step begins now, and this is what it holds.
    Step(StepPlan),
}

/// What one step holds.
#[derive(Clone, Debug, Default)]
pub struct StepPlan {
    /// The requests that compute, in order.
    pub scheduled: Vec<Scheduled>,
    /// Requests that lost their blocks, in order.
    pub preempted: Vec<RequestId>,
    /// What the step costs.
    pub shape: StepShape,
    /// Blocks taken while the step runs.
    pub used_blocks: u32,
    /// Their slots without a token while the step runs, those that it computes counted as tokens.
    pub empty_slots: u64,
    /// For how long the step waits before it runs.
    pub held: Span,
    /// Whether the members of the batch get their responses together, once all have finished.
    pub respond_together: bool,
}

/// One request's part in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scheduled {
    /// The request that computes.
    pub id: RequestId,
    /// How it came into the step.
    pub kind: ScheduledAs,
    /// Tokens it computes.
    pub tokens: u32,
    /// Tokens whose KV existed before.
    pub computed_before: u32,
    /// Tokens it lacked before, these included.
    pub lacking: u32,
}

/// How a request came into a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScheduledAs {
    /// Admitted for the first time.
    New,
    /// Admitted again after a preemption.
    Resumed,
    /// It was running already.
    Running,
}

/// A token that a step has produced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Produced {
    /// The request that the token belongs to.
    pub id: RequestId,
    /// When the request's token before this one was produced, if there was one.
    pub previous: Option<Time>,
    /// How many more came with it: drafts that were accepted.
    pub more: u32,
}

/// What a step has brought.
#[derive(Clone, Debug, Default)]
pub struct StepOutcome {
    /// The tokens that were produced, in the order of the requests.
    pub produced: Vec<Produced>,
    /// The requests that have all their tokens, in order.
    pub finished: Vec<Live>,
}

impl ScheduledAs {
    /// How a request that has just been admitted comes into a step.
    pub const fn admitted(live: &Live) -> Self {
        if live.preemptions == 0 {
            Self::New
        } else {
            Self::Resumed
        }
    }
}

impl StepPlan {
    /// Whether nobody computes.
    pub const fn is_empty(&self) -> bool {
        self.shape.sequences == 0
    }

    /// Adds `tokens` tokens of `live` to the step, and to its shape.
    pub fn schedule(&mut self, live: &Live, kind: ScheduledAs, tokens: u32) {
        self.scheduled.push(Scheduled {
            id: live.request.id,
            kind,
            tokens,
            computed_before: live.computed,
            lacking: live.num_tokens() - live.computed,
        });
        self.shape.add(live.computed, tokens, live.num_tokens());
    }
}
