//! What each policy's shortcut is to the clock that drives it.

use crate::engine::engine_trait::ServerLoad;
use crate::engine::observer::{Event, Observer, StepRun};
use crate::kv::KvGrowth;
use crate::step_time::{Ramp, StepShape};
use crate::units::{Span, Time};
use crate::workload::{Request, RequestId};

/// Measured as the peak of a million requests that arrive at once: 249 under continuous batching, 251 one by one, 84 in
/// static batches.
const BYTES_A_REQUEST: u64 = 256;

/// The queues of one policy, kept so that a leap needs no look at each request.
pub(in crate::engine) trait Scheduler {
    /// Whether a request, alone on an empty server, could be served.
    fn can_ever_serve(&self, request: &Request) -> bool;

    /// Takes a request that arrives.
    fn submit(&mut self, request: Request);

    /// A client has given up: its request leaves, unless it has left or takes part in a batch that cannot do without
    /// it.
    fn abort(&mut self, id: RequestId, at: Moment, observer: &mut (impl Observer + ?Sized));

    /// Decides what happens next; if steps, the first one's batch is left in `shape`, which holds an older one.
    fn decide(&mut self, at: Moment, shape: &mut StepShape, observer: &mut (impl Observer + ?Sized)) -> NextSteps;

    /// How many requests have been taken and have not ended.
    fn in_server(&self) -> usize;

    /// The memory that a request in the server takes at most, if its prompt says nothing of its content [bytes].
    fn bytes_a_request(&self) -> u64 {
        BYTES_A_REQUEST
    }

    /// What is in the server; `under_way` if a step is.
    fn load(&self, under_way: bool) -> ServerLoad;

    /// How much of its prompt a request would find in the prefix cache if it were admitted now [tokens].
    fn cached_tokens(&self, _request: &Request) -> u32 {
        0
    }

    /// Whether somebody may finish with the steps that were decided before the latest, and have not ended.
    fn may_finish_before_latest(&self) -> bool {
        true
    }

    /// What was just decided to run does so for so many steps.
    fn commit(&mut self, _steps: u64) {}

    /// Hands out the tokens of steps that have ended; true if a request finished. The steps are those decided first,
    /// all of one decision or its beginning.
    fn complete(&mut self, steps: &Steps, observer: &mut (impl Observer + ?Sized)) -> bool;
}

/// When a decision is taken.
#[derive(Clone, Copy)]
pub(in crate::engine) struct Moment {
    pub(super) now: Time,
    /// When the steps decided so far will have ended.
    pub(super) decided_until: Time,
}

/// What happens next on a server with room for another step in flight.
pub(in crate::engine) enum NextSteps {
    /// Nothing, until another request arrives or a step ends.
    Idle,
    /// Nothing, until this time or another arrival.
    WaitUntil(Time),
    /// Nothing that this scheduler knows: the order of blocks matters, and it has not told anything of it.
    Stop,
    /// Decide again, after the step in flight if there is one: someone was preempted and nobody is left to run.
    Again,
    /// Steps of the same members, each context one token longer than the step before: for so many steps if nobody
    /// arrives, at least 1.
    Run(u64),
}

/// Steps of one decision.
#[derive(Clone, Copy, Default)]
pub(in crate::engine) struct Steps {
    pub(super) start: Time,
    pub(super) end: Time,
    pub(super) shape: StepShape,
    pub(super) ramp: Ramp,
    pub(super) count: u64,
    /// How many steps of the same members there are from the first on if nobody arrives, those that are not in flight
    /// yet included: nobody finishes before the end of the last.
    pub(super) uneventful: u64,
}

impl Steps {
    /// What observers hear of them.
    #[inline(always)]
    pub(super) fn told<'a>(&'a self, streaming: u32, kv: KvGrowth<'a>) -> StepRun<'a> {
        StepRun {
            start: self.start,
            steps: self.count,
            ramp: self.ramp,
            takes: self.end - self.start,
            shape: &self.shape,
            streaming,
            kv,
        }
    }

    /// Tells of a token that they bring to a request, whose one before came then: of the first, and of those that do
    /// not come a step after it.
    #[inline]
    pub(super) fn tell_token(&self, id: RequestId, previous: Option<Time>, observer: &mut (impl Observer + ?Sized)) {
        match previous {
            None => observer.on(self.end, id, &Event::FirstToken),
            Some(previous) if previous != self.start => {
                let gap = self.end - previous;
                observer.on(self.end, id, &Event::Token { gap });
            }
            Some(_) => {}
        }
    }

    /// Whether all steps are in flight that were to run if nobody arrived, so that somebody may finish with the last.
    pub(super) const fn are_all(&self) -> bool {
        self.count == self.uneventful
    }

    /// When the last of them ends, those that are not in flight yet included.
    pub(super) fn uneventful_until(&self) -> Time {
        if self.are_all() {
            return self.end;
        }
        self.start + self.ramp.total(self.uneventful)
    }

    /// Takes out the first `count` steps, which are not all and take `takes` together.
    pub(super) fn split_off(&mut self, count: u64, takes: Span) -> Self {
        let first = Self {
            start: self.start,
            end: self.start + takes,
            shape: self.shape,
            ramp: self.ramp,
            count,
            uneventful: count,
        };
        self.start = first.end;
        self.shape = self.shape.later(count);
        self.ramp = Ramp {
            first: self.ramp.step(count),
            ..self.ramp
        };
        self.count -= count;
        self.uneventful -= count;
        first
    }
}
