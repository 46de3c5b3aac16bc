//! What the gateway before the servers exposes: what clients do and see, and which servers are there.

use super::buckets::{FIRST_TOKEN_S, REQUEST_S};
use super::families as of;
use super::instrument::Instrument;
use crate::engine::{Event, Finished, FleetSize, Loss, ServerChange, ServerId};
use crate::metrics::population::Counts;
use crate::workload::RequestId;

/// The metrics that are of no server.
#[derive(Clone)]
pub(super) struct GatewayMetrics {
    counts: Counts,
    ready: Instrument,
    provisioned: Instrument,
    wanted: Instrument,
    outstanding: Instrument,
    in_all: u64,
    attempts: Instrument,
    retries: Instrument,
    hedges: Instrument,
    /// By why they came to nothing.
    lost: [Instrument; 4],
    classes: Vec<ClassMetrics>,
    /// Whether each server can be scraped.
    up: Vec<Instrument>,
    states: Vec<ServerState>,
    /// How many wait, at the router and in servers, as the last of its numbers.
    waiting: Instrument,
}

/// What clients of a class see.
#[derive(Clone)]
struct ClassMetrics {
    /// By how they ended.
    ended: [Instrument; 4],
    first_token: Instrument,
    e2e: Instrument,
}

/// Whether a server answers.
#[derive(Clone, Copy, Debug)]
struct ServerState {
    runs: bool,
    is_reached: bool,
}

const FINISHED: usize = 0;
const REJECTED: usize = 1;
const TIMED_OUT: usize = 2;
const FAILED: usize = 3;

impl GatewayMetrics {
    /// Of classes with these names, or of requests that are not told apart; `instances` names the servers, of which so
    /// many are there at the start.
    pub(super) fn new(classes: &[String], instances: &[String], size: FleetSize) -> Self {
        let number = Instrument::number;
        let lost = ["failure", "refused", "timed_out", "unneeded"];
        let states = (0..instances.len()).map(|place| ServerState {
            runs: (place as u64) < u64::from(size.provisioned),
            is_reached: true,
        });
        let of_server = |name: &String| number(&of::UP).with("job", "vllm").with("instance", name);
        let all = [None];
        let named: Vec<Option<&String>> = classes.iter().map(Some).collect();
        let classes = if named.is_empty() { &all[..] } else { &named };
        let mut gateway = Self {
            counts: Counts::default(),
            ready: number(&of::READY),
            provisioned: number(&of::PROVISIONED),
            wanted: number(&of::WANTED),
            outstanding: number(&of::OUTSTANDING),
            in_all: 0,
            attempts: number(&of::ATTEMPTS),
            retries: number(&of::RETRIES),
            hedges: number(&of::HEDGES),
            lost: lost.map(|reason| number(&of::LOST).with("reason", reason)),
            classes: classes.iter().map(|name| ClassMetrics::new(*name)).collect(),
            up: instances.iter().map(of_server).collect(),
            states: states.collect(),
            waiting: number(&of::ROUTER_QUEUE),
        };
        gateway.wanted.set(size.provisioned.into());
        gateway.set_size(size);
        for place in 0..gateway.up.len() {
            gateway.note_state(place);
        }
        gateway
    }

    /// All, how many wait at the end.
    pub(super) fn instruments(&self) -> Vec<&Instrument> {
        let numbers = [
            &self.ready,
            &self.provisioned,
            &self.wanted,
            &self.outstanding,
            &self.attempts,
            &self.retries,
            &self.hedges,
        ];
        let ended = self.classes.iter().flat_map(|class| &class.ended);
        let first = self.classes.iter().map(|class| &class.first_token);
        let whole = self.classes.iter().map(|class| &class.e2e);
        let all = self.up.iter().chain(numbers).chain(&self.lost);
        all.chain(ended)
            .chain(first)
            .chain(whole)
            .chain([&self.waiting])
            .collect()
    }

    pub(super) fn hear(&mut self, id: RequestId, event: &Event) {
        self.counts.hear(event);
        self.waiting.set(self.counts.waiting.into());
        let place = id.class().place_among(self.classes.len());
        let class = &mut self.classes[place];
        match *event {
            Event::Arrived { .. } => {
                self.in_all += 1;
                self.attempts.add(1);
            }
            Event::Rejected => class.ended[REJECTED].add(1),
            Event::SentAgain { hedges } => {
                self.attempts.add(1);
                let which = if hedges { &mut self.hedges } else { &mut self.retries };
                which.add(1);
            }
            Event::Lost { why, for_good, .. } => {
                self.lost[place_of(why)].add(1);
                if for_good {
                    class.ended[FAILED].add(1);
                }
            }
            Event::Aborted { .. } => {
                self.lost[place_of(Loss::TimedOut)].add(1);
                class.ended[TIMED_OUT].add(1);
            }
            Event::Finished(history) => class.finished(&history),
            Event::Admitted { .. } | Event::Preempted | Event::FirstToken | Event::Token { .. } => {}
        }
        if event.ends_request() {
            self.in_all -= 1;
        }
        self.outstanding.set(self.in_all as f64);
    }

    pub(super) fn server_changed(&mut self, server: ServerId, change: ServerChange, size: FleetSize) {
        self.set_size(size);
        let Some(state) = self.states.get_mut(server.place()) else {
            return;
        };
        match change {
            ServerChange::Crashed | ServerChange::Gone | ServerChange::Stopped => state.runs = false,
            ServerChange::Back | ServerChange::Started | ServerChange::Warm => state.runs = true,
            ServerChange::CutOff => state.is_reached = false,
            ServerChange::Reached => state.is_reached = true,
            _ => return,
        }
        self.note_state(server.place());
    }

    pub(super) fn scaled(&mut self, wanted: u32) {
        self.wanted.set(wanted.into());
    }

    fn set_size(&mut self, size: FleetSize) {
        self.ready.set(size.ready.into());
        self.provisioned.set(size.provisioned.into());
    }

    fn note_state(&mut self, place: usize) {
        let state = self.states[place];
        self.up[place].set(f64::from(u8::from(state.runs && state.is_reached)));
    }
}

impl ClassMetrics {
    fn new(name: Option<&String>) -> Self {
        let labelled = |instrument: Instrument| match name {
            Some(name) => instrument.with("class", name),
            None => instrument,
        };
        let outcomes = ["finished", "rejected", "timed_out", "failed"];
        Self {
            ended: outcomes.map(|outcome| labelled(Instrument::number(&of::ENDED)).with("outcome", outcome)),
            first_token: labelled(Instrument::times(&of::CLIENT_FIRST_TOKEN, &FIRST_TOKEN_S)),
            e2e: labelled(Instrument::times(&of::CLIENT_E2E, &REQUEST_S)),
        }
    }

    fn finished(&mut self, history: &Finished) {
        self.ended[FINISHED].add(1);
        self.first_token.observe_time(history.first_token - history.arrival);
        self.e2e.observe_time(history.finished - history.arrival);
    }
}

const fn place_of(why: Loss) -> usize {
    match why {
        Loss::Failure => 0,
        Loss::Refused => 1,
        Loss::TimedOut => 2,
        Loss::Unneeded => 3,
    }
}
