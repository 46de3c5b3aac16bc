//! The requests in the server, each on a lane of its own from its arrival to its end.

use std::io::Write;

use rustc_hash::FxHashMap;

use super::events::{Arg, Events, Track};
use super::lanes::Lanes;
use super::tracks::REJECTED;
use crate::engine::{Event, Finished, ServerSettings};
use crate::metrics::RequestOutcome;
use crate::policy::{PolicySettings, Response};
use crate::units::Time;
use crate::workload::{Request, RequestId};

/// Viewers show the thread that has its process's number first, and tell threads apart by their numbers alone: lane 0
/// is the number that the process has, and no thread of the server comes near.
const REQUESTS: u64 = 10;

/// The requests in the server.
pub(super) struct RequestTracks {
    inside: FxHashMap<RequestId, Inside>,
    lanes: Lanes,
    /// Lanes that have a name.
    named_lanes: u64,
    /// Prompt length of the request that was sent last.
    sent_tokens: u32,
    is_rejected_named: bool,
    /// What a request does first when it runs.
    first_phase: Phase,
}

/// A request in the server.
#[derive(Debug)]
struct Inside {
    lane: Track,
    phase: Phase,
    since: Time,
    /// Tokens it had to compute when it was admitted last.
    lacked: u32,
    has_first_token: bool,
    preemptions: u32,
}

/// What a request does at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Waiting,
    /// Until its first token.
    Prefill,
    /// Until its next token, after a preemption.
    Recompute,
    Decode,
    /// Nobody hears when it has its first token, because responses are sent as a whole.
    Run,
}

impl RequestTracks {
    pub(super) fn new<Output: Write>(server: &ServerSettings, events: &mut Events<Output>) -> Self {
        events.name_process(REQUESTS, "requests");
        let responds_together = matches!(
            &server.policy,
            PolicySettings::Static(settings) if settings.response == Response::BatchEnd
        );
        Self {
            inside: FxHashMap::default(),
            lanes: Lanes::default(),
            named_lanes: 0,
            sent_tokens: 0,
            is_rejected_named: false,
            first_phase: if responds_together { Phase::Run } else { Phase::Prefill },
        }
    }

    /// Whether a request is in the server, and has a lane.
    pub(super) fn has(&self, id: RequestId) -> bool {
        self.inside.contains_key(&id)
    }

    /// Whether none is.
    pub(super) fn is_empty(&self) -> bool {
        self.inside.is_empty()
    }

    pub(super) fn sent(&mut self, request: &Request) {
        self.sent_tokens = request.prompt.tokens();
    }

    pub(super) fn hear<Output: Write>(&mut self, at: Time, id: RequestId, event: &Event, events: &mut Events<Output>) {
        match *event {
            Event::Arrived { input_tokens } => self.arrive(at, id, input_tokens, events),
            Event::Rejected => self.reject(at, id, events),
            Event::Admitted { tokens, .. } => {
                let first_phase = self.first_phase;
                let request = self.get(id);
                request.enter(request.running_phase(first_phase), at, events);
                request.lacked = tokens;
            }
            Event::Preempted => {
                let request = self.get(id);
                request.preemptions += 1;
                request.enter(Phase::Waiting, at, events);
            }
            Event::FirstToken => {
                let request = self.get(id);
                request.has_first_token = true;
                request.produce(at, events);
            }
            Event::Token { .. } => self.get(id).produce(at, events),
            Event::Aborted { .. } => {
                let request = self.get(id);
                request.write_phase(at, events);
                events.instant(request.lane, format_args!("client gives up"), at, &[]);
                let args = request.ended_without_answer(RequestOutcome::TimedOut);
                self.leave(at, id, &args, events);
            }
            Event::Finished(request) => self.leave(at, id, &args_of(&request), events),
            Event::SentAgain { .. } | Event::Lost { .. } => {
                unreachable!("a single server knows nothing of other attempts")
            }
        }
    }

    /// Ends the slices of those that are still in the server, and says where they are.
    pub(super) fn finish<Output: Write>(mut self, end: Time, events: &mut Events<Output>) {
        // The map has no order of its own.
        let mut left: Vec<RequestId> = self.inside.keys().copied().collect();
        left.sort_unstable();
        for id in left {
            let request = self.get(id);
            let outcome = if request.phase == Phase::Waiting {
                RequestOutcome::Waiting
            } else {
                RequestOutcome::Running
            };
            let args = request.ended_without_answer(outcome);
            self.leave(end, id, &args, events);
        }
    }

    fn arrive<Output: Write>(&mut self, at: Time, id: RequestId, input_tokens: u32, events: &mut Events<Output>) {
        let number = self.lanes.take();
        let lane = Track {
            process: REQUESTS,
            thread: REQUESTS + number,
        };
        if number == self.named_lanes {
            self.named_lanes += 1;
            events.name_thread(lane, "lane");
        }
        let args = [("input_tokens", Arg::Number(input_tokens.into()))];
        events.begin(lane, format_args!("request {id}"), at, &args);
        let request = Inside {
            lane,
            phase: Phase::Waiting,
            since: at,
            lacked: 0,
            has_first_token: false,
            preemptions: 0,
        };
        self.inside.insert(id, request);
    }

    fn reject<Output: Write>(&mut self, at: Time, id: RequestId, events: &mut Events<Output>) {
        if !self.is_rejected_named {
            self.is_rejected_named = true;
            events.name_thread(REJECTED, "rejected");
        }
        let args = [
            ("input_tokens", Arg::Number(self.sent_tokens.into())),
            ("outcome", Arg::Word(RequestOutcome::Rejected.name())),
        ];
        events.instant(REJECTED, format_args!("request {id}"), at, &args);
    }

    fn get(&mut self, id: RequestId) -> &mut Inside {
        self.inside
            .get_mut(&id)
            .expect("a request arrives before anything else happens to it")
    }

    fn leave<Output: Write>(
        &mut self,
        at: Time,
        id: RequestId,
        args: &[(&'static str, Arg)],
        events: &mut Events<Output>,
    ) {
        let request = self.inside.remove(&id);
        let mut request = request.expect("a request leaves once");
        request.write_phase(at, events);
        events.end(request.lane, at, args);
        self.lanes.give_back(request.lane.thread - REQUESTS);
    }
}

impl Inside {
    /// What it does when it is admitted.
    fn running_phase(&self, first_phase: Phase) -> Phase {
        if self.has_first_token {
            Phase::Recompute
        } else {
            first_phase
        }
    }

    /// It gets a token. One that it gets while it waits was on its way when it was preempted.
    fn produce<Output: Write>(&mut self, at: Time, events: &mut Events<Output>) {
        if matches!(self.phase, Phase::Prefill | Phase::Recompute) {
            self.enter(Phase::Decode, at, events);
        }
    }

    fn enter<Output: Write>(&mut self, phase: Phase, at: Time, events: &mut Events<Output>) {
        self.write_phase(at, events);
        self.phase = phase;
    }

    /// The phase up to now; nothing is to be seen of one that took no time.
    fn write_phase<Output: Write>(&mut self, at: Time, events: &mut Events<Output>) {
        if at == self.since {
            return;
        }
        let name = self.phase.name();
        let lacked = [("tokens", Arg::Number(self.lacked.into()))];
        let args = match self.phase {
            Phase::Prefill | Phase::Recompute => &lacked[..],
            Phase::Waiting | Phase::Decode | Phase::Run => &[],
        };
        let takes = at - self.since;
        events.slice(self.lane, format_args!("{name}"), self.since, takes, args);
        self.since = at;
    }

    fn ended_without_answer(&self, outcome: RequestOutcome) -> [(&'static str, Arg); 2] {
        [
            ("outcome", Arg::Word(outcome.name())),
            ("preemptions", Arg::Number(self.preemptions.into())),
        ]
    }
}

impl Phase {
    const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Prefill => "prefill",
            Self::Recompute => "recompute",
            Self::Decode => "decode",
            Self::Run => "run",
        }
    }
}

fn args_of(request: &Finished) -> [(&'static str, Arg); 4] {
    [
        ("outcome", Arg::Word(RequestOutcome::Finished.name())),
        ("output_tokens", Arg::Number(request.output_tokens.into())),
        ("cached_tokens", Arg::Number(request.cached_tokens.into())),
        ("preemptions", Arg::Number(request.preemptions.into())),
    ]
}
