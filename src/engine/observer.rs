//! What an engine tells about a run as it happens.

use crate::kv::KvGrowth;
use crate::policy::{DraftCounts, Live, Moved};
use crate::step_time::{Ramp, StepShape};
use crate::units::{Span, Time};
use crate::workload::{Request, RequestId};

/// Listens to a run. Calls come in the order of simulated time.
pub trait Observer {
    /// A client sends a request: heard from whoever drives the server, just before the request arrives or is rejected.
    fn sent(&mut self, _request: &Request) {}

    /// Something happened to a request.
    fn on(&mut self, at: Time, id: RequestId, event: &Event);

    /// So many requests, in this order, have got a token each after one and the same gap: [`Event::Token`] of each.
    /// Whoever does not ask who they are is told faster.
    fn on_tokens(&mut self, at: Time, gap: Span, _count: u32, ids: &mut dyn Iterator<Item = RequestId>) {
        for id in ids {
            self.on(at, id, &Event::Token { gap });
        }
    }

    /// Steps with the same members have ended, the last one just now.
    fn ran(&mut self, run: &StepRun<'_>);

    /// Clients have got tokens. Heard from whoever drives several servers, in the place of [`Observer::ran`], which is
    /// of a single server; in no order, but once all was heard that happened before the first of these steps started.
    fn streamed(&mut self, _tokens: &Streamed) {}

    /// So many more tokens came with a request's latest: drafts that were accepted. Heard in the order of its server's
    /// time, behind what is told of that token; the number of a server alone is 0.
    fn drafted(&mut self, _server: ServerId, _at: Time, _id: RequestId, _more: u32) {}

    /// Blocks have begun to move between the memories of GPU and CPU. Heard in the order of its server's time; the
    /// number of a server alone is 0.
    fn moved(&mut self, _server: ServerId, _at: Time, _moved: &Moved) {}

    /// Something happened in one of several servers, heard in the order of that server's time; what it means for the
    /// request's client is told by [`Observer::on`] in its own time.
    fn on_server(&mut self, _server: ServerId, _at: Time, _id: RequestId, _event: &Event) {}

    /// Steps of one of several servers have ended, heard in the order of that server's time.
    fn ran_on(&mut self, _server: ServerId, _run: &StepRun<'_>) {}

    /// Something has become of one of several servers, of which there are so many now; heard in the order of time, with
    /// what is of clients.
    fn server_changed(&mut self, _at: Time, _server: ServerId, _change: ServerChange, _size: FleetSize) {}

    /// An autoscaler has looked at several servers, and what it saw asks for so many, whatever it does about it; heard
    /// in the order of time, with what is of clients.
    fn scaled(&mut self, _at: Time, _wanted: u32) {}
}

/// How many servers there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FleetSize {
    /// Those that take requests, as far as their router knows.
    pub ready: u32,
    /// Those that are there: all but those that an autoscaler has not started, or has stopped.
    pub provisioned: u32,
}

impl FleetSize {
    /// So many servers, all of which take requests.
    pub const fn all_ready(servers: u32) -> Self {
        Self {
            ready: servers,
            provisioned: servers,
        }
    }

    /// The less of each.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Self {
            ready: self.ready.min(other.ready),
            provisioned: self.provisioned.min(other.provisioned),
        }
    }

    /// The greater of each.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self {
            ready: self.ready.max(other.ready),
            provisioned: self.provisioned.max(other.provisioned),
        }
    }
}

impl Event {
    /// Whether a request that had arrived has ended with it, answered or not.
    #[inline(always)]
    pub const fn ends_request(&self) -> bool {
        matches!(
            self,
            Self::Finished(_) | Self::Aborted { .. } | Self::Lost { for_good: true, .. }
        )
    }
}

/// What becomes of one of several servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServerChange {
    /// It fails: what is in it is lost, and its cache with it.
    Crashed,
    /// It is told that it will be taken away, and takes nothing more.
    Reclaimed,
    /// It is taken away, with what is still in it.
    Gone,
    /// Nobody reaches it any more, while it goes on.
    CutOff,
    /// It is reached again.
    Reached,
    /// Its steps take longer from now on.
    Slowed,
    /// Its steps take as long as they should again.
    AsFastAgain,
    /// It runs out of memory: what runs in it is lost, and a circuit breaker stands before it.
    OutOfMemory,
    /// A circuit breaker before it lets in as many as before.
    BreakerClosed,
    /// The router knows that it takes nothing.
    FoundMissing,
    /// It is back, with an empty cache.
    Back,
    /// An autoscaler has it loaded, to stand by.
    Warming,
    /// It is loaded and stands by: it takes nothing until an autoscaler starts it, which is soon done.
    Warm,
    /// An autoscaler starts it.
    Starting,
    /// It was started, and takes requests.
    Started,
    /// It takes nothing more, and is stopped once it is empty.
    Draining,
    /// It was stopped.
    Stopped,
}

/// The number of a server among several, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerId(pub u32);

impl ServerId {
    /// Its place in lists of servers.
    pub const fn place(self) -> usize {
        self.0 as usize
    }
}

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It arrived and waits.
    Arrived {
        /// Length of its prompt.
        input_tokens: u32,
    },
    /// It arrived and can never be served: too long for the model or for the whole KV cache.
    Rejected,
    /// It left the queue and is part of the step that is decided now.
    Admitted {
        /// True if it had been preempted before.
        resumed: bool,
        /// Prompt tokens (and, resumed, output tokens) it has to compute.
        tokens: u32,
    },
    /// It lost its blocks and waits, under most policies at the head of the queue, to compute them again.
    Preempted,
    /// Its first output token was produced.
    FirstToken,
    /// A later output token was produced whose gap to the one before is not just the time of one step.
    Token {
        /// The time since the token before.
        gap: Span,
    },
    /// It has all its tokens.
    Finished(Finished),
    /// It left the server without an answer, because its client had given up.
    Aborted {
        /// Whether it waited; otherwise it ran.
        waiting: bool,
    },
    /// Another attempt was sent, and waits: after one that came to nothing, or beside one that takes long.
    SentAgain {
        /// Whether it is sent beside another attempt.
        hedges: bool,
    },
    /// One of its attempts has left without an answer.
    Lost {
        /// Whether the attempt waited; otherwise it ran.
        waiting: bool,
        /// Why.
        why: Loss,
        /// Whether the request has ended with it: nobody tries again.
        for_good: bool,
    },
}

/// Why an attempt has come to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Loss {
    /// Its server failed, or could not be reached.
    Failure,
    /// It was refused, as too many waited.
    Refused,
    /// Its client had waited long enough.
    TimedOut,
    /// Another attempt was answered first.
    Unneeded,
}

/// Why a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It produced a stop token.
    Stop,
    /// It reached its `max_tokens` or the model's length.
    Length,
}

/// The history of a finished request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished {
    /// When it reached the server.
    pub arrival: Time,
    /// When it was first part of a step.
    pub scheduled: Time,
    /// When the client got its first token. Equal to `finished` if the response is sent as a whole, or has none.
    pub first_token: Time,
    /// When the client got its last token.
    pub finished: Time,
    /// How many requests ran when its first token was produced, itself included unless it was preempted meanwhile; 0 if
    /// the response is sent as a whole.
    pub running_at_first_token: u32,
    /// Whether tokens were streamed one by one; otherwise the response came as a whole, and has no time between tokens.
    pub streamed: bool,
    /// Lower numbers go first where the server heeds it.
    pub priority: i32,
    /// Length of the prompt [tokens].
    pub input_tokens: u32,
    /// Length of the response, as far as it was produced; 0 if only the prompt was asked about [tokens].
    pub output_tokens: u32,
    /// Prompt tokens found in the prefix cache.
    pub cached_tokens: u32,
    /// How often it was preempted.
    pub preemptions: u32,
    /// Tokens it computed more than once because of preemptions.
    pub recomputed_tokens: u64,
    /// What its drafts came to.
    pub drafts: DraftCounts,
    /// Whether it waited when its last token came: it was preempted while the step that produced this token ran.
    pub was_waiting: bool,
    /// Why it ended.
    pub end: End,
}

/// A run of one or more consecutive steps with the same members.
#[derive(Clone, Copy, Debug)]
pub struct StepRun<'a> {
    /// When the first step started.
    pub start: Time,
    /// How many steps; more than one only if all of them are pure decode steps.
    pub steps: u64,
    /// The steps' times; its own `len` has no meaning here.
    pub ramp: Ramp,
    /// How long the steps take together: `ramp.total(steps)`.
    pub takes: Span,
    /// The first step's batch. Step `j` has the shape `shape.later(j)`.
    pub shape: &'a StepShape,
    /// How many requests stream, in every step of this run, a token whose gap to the one before is the step's time.
    pub streaming: u32,
    /// Blocks in use during the steps.
    pub kv: KvGrowth<'a>,
}

/// Tokens that clients get, each one step after the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streamed {
    /// When the first step started.
    pub start: Time,
    /// The gaps before the tokens, which are the steps' times; its own `len` has no meaning here.
    pub gaps: Ramp,
    /// How many steps.
    pub steps: u64,
    /// How many clients get a token in each.
    pub clients: u32,
}

impl Streamed {
    /// Those of a run of steps.
    #[inline(always)]
    pub const fn of(run: &StepRun<'_>) -> Self {
        Self {
            start: run.start,
            gaps: run.ramp,
            steps: run.steps,
            clients: run.streaming,
        }
    }

    /// Takes out those of the steps that start before `at`, which the first one does.
    #[must_use]
    pub fn split_off_before(&mut self, at: Time) -> Self {
        let before_last = Span::from_picos(at.since(self.start).picos() - 1);
        let (others, _) = self.gaps.within(before_last, self.steps - 1);
        let steps = others + 1;
        let first = Self { steps, ..*self };
        self.start += self.gaps.total(steps);
        self.gaps.first = self.gaps.step(steps);
        self.steps -= steps;
        first
    }
}

impl Finished {
    /// The history of `live`, which has all its tokens at `now`. If they were not `streamed`, the client gets all of
    /// them now.
    pub fn of(live: &Live, now: Time, streamed: bool) -> Self {
        let input_tokens = live.request.prompt.tokens();
        let needed = input_tokens + live.request.output_tokens - 1;
        assert!(
            live.computed == needed || live.request.stops && live.computed == needed + 1,
            "every token but the last output is computed once, and the last one if a step was decided before it was \
             known to be the last"
        );
        // What a prompt comes to is one answer, which comes as a whole.
        let has_tokens = !live.request.is_prompt_only;
        Self {
            arrival: live.request.arrival,
            scheduled: live.scheduled.expect("it was part of a step"),
            first_token: live.first_token.filter(|_| has_tokens).unwrap_or(now),
            finished: now,
            running_at_first_token: if has_tokens { live.running_at_first_token } else { 0 },
            streamed: streamed && has_tokens,
            priority: live.request.priority,
            input_tokens,
            output_tokens: if has_tokens { live.generated } else { 0 },
            cached_tokens: live.cached,
            preemptions: live.preemptions,
            recomputed_tokens: live.recomputed,
            drafts: live.drafts,
            was_waiting: live.is_preempted,
            end: if live.request.stops { End::Stop } else { End::Length },
        }
    }
}

impl Finished {
    /// Whether its client got tokens; otherwise what its prompt came to.
    pub const fn has_tokens(&self) -> bool {
        self.output_tokens > 0
    }

    /// Tokens that have passed through the model when it has its answer, once each: all but the last of the output.
    pub const fn computed_tokens(&self) -> u32 {
        self.input_tokens + self.output_tokens.saturating_sub(1)
    }
}

impl StepRun<'_> {
    /// When the last step ended.
    pub fn end(&self) -> Time {
        self.start + self.takes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_split_by_when_their_steps_start() {
        let all = Streamed {
            start: Time::from_picos(100),
            gaps: Ramp {
                first: Span::from_picos(10),
                growth: Span::from_picos(1),
                len: 5,
            },
            steps: 5,
            clients: 3,
        };
        // They start at 100, 110, 121, 133 and 146.
        for (at, expected) in [(101, 1), (110, 1), (111, 2), (133, 3), (134, 4), (147, 5), (1_000, 5)] {
            let mut left = all;
            let first = left.split_off_before(Time::from_picos(at));
            assert_eq!(
                (first.start, first.steps, left.steps),
                (all.start, expected, 5 - expected)
            );
            if left.steps > 0 {
                assert!(left.start >= Time::from_picos(at), "{at}");
                assert_eq!(left.gaps.first, all.gaps.step(expected));
            }
        }
    }
}
