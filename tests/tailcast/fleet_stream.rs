//! What is heard of a fleet, for tests that compare fleets.

use std::collections::{BTreeMap, BTreeSet};

use tailcast::engine::{Event, FleetSize, Observer, ServerChange, ServerId, StepRun, Streamed};
use tailcast::units::{Span, Time};
use tailcast::workload::{Request, RequestId};

use crate::worlds::{Heard, Stream};

/// Everything that is heard of a fleet.
#[derive(Default)]
pub struct FleetStream {
    pub sent: Vec<RequestId>,
    pub events: Vec<(Time, RequestId, Event)>,
    /// Start and length of each step, and how many got a token one step after the one before.
    pub streamed: Vec<(Time, Span, u32)>,
    pub changes: Vec<(Time, ServerId, ServerChange, FleetSize)>,
    pub wanted: Vec<(Time, u32)>,
    pub servers: Vec<Stream>,
}

impl FleetStream {
    /// Each request ends exactly once, and each attempt: but for those that wait for a server that never comes back, or
    /// for a place in one that is never free.
    pub fn assert_conserved(&self, place: &str, initial: u32) {
        let mut requests: BTreeMap<RequestId, (i64, i64)> = BTreeMap::new();
        for (_, id, event) in &self.events {
            let (attempts, ends) = requests.entry(*id).or_default();
            match event {
                Event::Arrived { .. } | Event::SentAgain { .. } => *attempts += 1,
                Event::Rejected => *ends += 1,
                Event::Finished(_) | Event::Aborted { .. } => {
                    *attempts -= 1;
                    *ends += 1;
                }
                Event::Lost { for_good, .. } => {
                    *attempts -= 1;
                    *ends += i64::from(*for_good);
                }
                _ => {}
            }
            assert!(*attempts >= 0 && *ends <= 1, "{place}: {id:?}, {event:?}");
        }
        // Some servers never admit a prompt that is longer than their budget, and some never come back.
        let stuck = self.stuck_in_servers();
        let none_is_left = self.changes.last().map_or(initial, |(.., size)| size.ready) == 0;
        // Whom a router sends only where a place is free waits behind those that never leave theirs.
        let waits_in_vain = none_is_left || !stuck.is_empty();
        for (id, (attempts, ends)) in requests {
            let in_servers = stuck.get(&id).copied().unwrap_or(0);
            let at_router = i64::from(waits_in_vain && ends == 0 && attempts > in_servers);
            assert!(
                attempts == in_servers + at_router && (ends == 1 || attempts > 0),
                "{place}: {id:?} has {attempts} attempts left, and ended {ends} times: {:?}",
                self.events
                    .iter()
                    .filter(|(_, other, _)| *other == id)
                    .collect::<Vec<_>>()
            );
        }
        assert_eq!(
            self.sent.len(),
            self.sent.iter().collect::<BTreeSet<_>>().len(),
            "{place}"
        );
    }

    /// How many attempts of each request have come to a server, and wait there to the end.
    pub fn stuck_in_servers(&self) -> BTreeMap<RequestId, i64> {
        let mut stuck = BTreeMap::new();
        for server in &self.servers {
            let mut waiting = BTreeSet::new();
            for (_, id, event) in server.heard.iter().filter_map(as_event) {
                match event {
                    Event::Arrived { .. } | Event::Preempted => drop(waiting.insert(id)),
                    Event::FirstToken | Event::Token { .. } => {}
                    _ => drop(waiting.remove(&id)),
                }
            }
            for attempt in waiting {
                *stuck
                    .entry(RequestId(attempt.number()).in_class(attempt.class()))
                    .or_default() += 1;
            }
        }
        stuck
    }

    /// The servers that a request was sent to, and whether it was refused for good.
    pub fn of(&self, request: RequestId) -> (Vec<ServerId>, bool) {
        let mut servers = Vec::new();
        for (place, server) in (0..).map(ServerId).zip(&self.servers) {
            let events = server.heard.iter().filter_map(as_event);
            let mut came = events.filter(|(.., event)| matches!(event, Event::Arrived { .. }));
            if came.any(|(_, id, _)| id.0 & 0xff_ffff_ffff == request.0) {
                servers.push(place);
            }
        }
        let is_refused = |(_, id, event): &(Time, RequestId, Event)| *id == request && *event == Event::Rejected;
        (servers, self.events.iter().any(is_refused))
    }

    pub fn servers_used(&self) -> usize {
        self.servers.iter().filter(|server| !server.heard.is_empty()).count()
    }

    fn in_order(&self, at: Time) {
        if let Some(&(latest, ..)) = self.events.last() {
            assert!(latest <= at, "events are told in the order of time");
        }
    }
}

impl Observer for FleetStream {
    fn sent(&mut self, request: &Request) {
        self.in_order(request.arrival);
        self.sent.push(request.id);
    }

    fn on(&mut self, at: Time, id: RequestId, event: &Event) {
        self.in_order(at);
        self.events.push((at, id, *event));
    }

    fn ran(&mut self, _run: &StepRun<'_>) {
        panic!("steps are those of a server");
    }

    fn streamed(&mut self, tokens: &Streamed) {
        let mut start = tokens.start;
        for step in 0..tokens.steps {
            let gap = tokens.gaps.step(step);
            self.streamed.push((start, gap, tokens.clients));
            start += gap;
        }
    }

    fn server_changed(&mut self, at: Time, server: ServerId, change: ServerChange, size: FleetSize) {
        self.in_order(at);
        self.changes.push((at, server, change, size));
    }

    fn scaled(&mut self, at: Time, wanted: u32) {
        self.in_order(at);
        self.wanted.push((at, wanted));
    }

    fn on_server(&mut self, server: ServerId, at: Time, id: RequestId, event: &Event) {
        self.servers[server.place()].on(at, id, event);
    }

    fn ran_on(&mut self, server: ServerId, run: &StepRun<'_>) {
        self.servers[server.place()].ran(run);
    }
}

/// What happened to a request, if that is what was heard.
pub fn as_event(heard: &Heard) -> Option<(Time, RequestId, Event)> {
    match *heard {
        Heard::Event { at, id, event } => Some((at, id, event)),
        Heard::Step { .. } => None,
    }
}
