//! The readable fleet: from one instant to the next at which anything happens, with a look at every server each time,
//! nothing kept that can be counted again, and all that happened put in order at the end. It is the law for
//! [`super::replay_fleet`], which must tell its observer exactly the same.

use std::collections::{BTreeMap, VecDeque};

use super::hearing::Left;
use super::replay::next_arrival;
use super::replay_error::ReplayError;
use super::replay_fleet::{FleetMember, FleetSettings};
use super::router::{Router, RouterStart, View};
use super::telling::Location;
use super::watch::Unwatched;
use crate::engine::{Engine, Event, Finished, Observer, ServerId, ServerLoad, StepRun, Streamed};
use crate::units::{Span, Time};
use crate::workload::{Request, RequestId, Source};

/// Does what [`super::replay_fleet`] does, slowly.
pub fn replay_fleet_readable<E: Engine>(
    members: Vec<FleetMember<E>>,
    settings: &FleetSettings<'_>,
    source: &mut dyn Source,
    observer: &mut dyn Observer,
) -> Result<(), ReplayError> {
    let weights: Vec<f64> = members.iter().map(|member| member.weight).collect();
    let start = RouterStart {
        seed: settings.seed,
        weights: &weights,
    };
    let mut fleet = ReadableFleet {
        router: (settings.router.new)(&start),
        servers: members.into_iter().map(Server::new).collect(),
        delay: settings.state_delay,
        timeout: source.timeout(),
        queue: VecDeque::new(),
        requests: BTreeMap::new(),
        left: Vec::new(),
        news_until: Time::ZERO,
        chosen: 0,
        told: Vec::new(),
        source,
        observer,
    };
    while let Some(now) = fleet.next_instant()? {
        if now >= Time::LIMIT {
            return Err(ReplayError::TooLong);
        }
        fleet.run_servers(now);
        if fleet.somebody_left(now) {
            fleet.hear_answers(now);
        } else if fleet.next_news() == Some(now) {
            fleet.send_waiting(now);
        } else if let Some(id) = fleet.out_of_patience(now) {
            fleet.give_up(id, now);
        } else if next_arrival(fleet.source, &mut Unwatched)? == Some(now) {
            fleet.arrive(now);
        } else {
            // Nothing but decisions are left at this instant.
            fleet.run_servers(Time::from_picos(now.picos() + 1));
        }
    }
    fleet.tell();
    Ok(())
}

struct ReadableFleet<'a, E> {
    router: Box<dyn Router>,
    servers: Vec<Server<E>>,
    delay: Span,
    timeout: Option<Span>,
    /// Requests that wait at the router, next first.
    queue: VecDeque<Request>,
    /// All that were sent and have not ended, nor were given up.
    requests: BTreeMap<RequestId, Sent>,
    left: Vec<Left>,
    /// Up to when the router has looked at its queue because it learned something.
    news_until: Time,
    chosen: u64,
    told: Vec<(Time, Location, Told)>,
    source: &'a mut dyn Source,
    observer: &'a mut dyn Observer,
}

struct Server<E> {
    engine: E,
    places: u32,
    weight: f64,
    last_chosen: u64,
    /// When requests came.
    came: Vec<Time>,
    /// When they ended or were given up.
    ended: Vec<Time>,
    given_up: Vec<RequestId>,
}

struct Sent {
    at: Time,
    server: Option<ServerId>,
}

enum Told {
    Sent(Request),
    Event(RequestId, Event),
    Streamed(Streamed),
}

impl<E> Server<E> {
    fn new(member: FleetMember<E>) -> Self {
        Self {
            engine: member.engine,
            places: member.places,
            weight: member.weight,
            last_chosen: 0,
            came: Vec::new(),
            ended: Vec::new(),
            given_up: Vec::new(),
        }
    }
}

impl<E: Engine> ReadableFleet<'_, E> {
    fn next_instant(&mut self) -> Result<Option<Time>, ReplayError> {
        let arrival = next_arrival(self.source, &mut Unwatched)?;
        let left = self.left.iter().map(|left| left.at).min();
        let sent = self.requests.values().map(|sent| sent.at).min();
        let deadline = self.timeout.and_then(|timeout| Some(sent? + timeout));
        let servers = self.servers.iter().filter_map(|server| server.engine.next_event());
        let others = [arrival, left, self.next_news(), deadline].into_iter().flatten();
        Ok(others.chain(servers).min())
    }

    /// When the router next learns something that those who wait at it may be waiting for.
    fn next_news(&self) -> Option<Time> {
        if self.queue.is_empty() || self.delay == Span::ZERO {
            return None;
        }
        let changes = self
            .servers
            .iter()
            .flat_map(|server| server.came.iter().chain(&server.ended));
        let news = changes.map(|at| *at + self.delay);
        news.filter(|at| *at > self.news_until).min()
    }

    /// Runs every step that starts before `until`.
    fn run_servers(&mut self, until: Time) {
        for place in 0..self.servers.len() {
            self.with_server(place, |engine, ears| engine.advance(until, ears));
        }
    }

    fn with_server(&mut self, place: usize, act: impl FnOnce(&mut E, &mut Ears<'_>)) {
        let server = &mut self.servers[place];
        let mut ears = Ears {
            server: ServerId(place as u32),
            given_up: &server.given_up,
            requests: &self.requests,
            left: &mut self.left,
            told: &mut self.told,
            observer: self.observer,
        };
        act(&mut server.engine, &mut ears);
    }

    fn somebody_left(&self, now: Time) -> bool {
        self.left.iter().any(|left| left.at <= now)
    }

    /// Everybody hears of who has left by now.
    fn hear_answers(&mut self, now: Time) {
        self.left.sort_by_key(|left| (left.at, left.server));
        let first = self.left.remove(0);
        assert_eq!(first.at, now, "whoever leaves is heard at once");
        self.requests.remove(&first.id).expect("it was sent");
        self.servers[first.server.place()].ended.push(now);
        self.source.finished(first.id, first.answered);
        self.send_waiting(now);
    }

    /// The client that has waited longest, if it waits no longer.
    fn out_of_patience(&self, now: Time) -> Option<RequestId> {
        let timeout = self.timeout?;
        let late = |(id, sent): (&RequestId, &Sent)| (sent.at + timeout <= now).then_some((sent.at, *id));
        self.requests.iter().filter_map(late).min().map(|(_, id)| id)
    }

    fn give_up(&mut self, id: RequestId, now: Time) {
        let sent = self.requests.remove(&id).expect("it waits");
        match sent.server {
            None => {
                self.queue.retain(|request| request.id != id);
                let event = Event::Aborted { waiting: true };
                self.told.push((now, Location::Router, Told::Event(id, event)));
            }
            Some(server) => {
                let server = &mut self.servers[server.place()];
                server.given_up.push(id);
                server.ended.push(now);
                server.engine.abort(id, now);
            }
        }
        self.source.rejected(id, now);
        self.send_waiting(now);
    }

    fn arrive(&mut self, now: Time) {
        let request = self.source.take();
        let id = request.id;
        self.told.push((now, Location::Router, Told::Sent(request.clone())));
        let mut servers = self.servers.iter();
        if !servers.any(|server| server.engine.can_serve(&request)) {
            self.told
                .push((now, Location::Router, Told::Event(id, Event::Rejected)));
            return self.source.rejected(id, now);
        }
        let input_tokens = request.prompt.tokens();
        let event = Event::Arrived { input_tokens };
        self.told.push((now, Location::Router, Told::Event(id, event)));
        self.requests.insert(id, Sent { at: now, server: None });
        self.queue.push_back(request);
        self.send_waiting(now);
    }

    fn send_waiting(&mut self, now: Time) {
        self.news_until = now;
        while let Some(request) = self.queue.pop_front() {
            let ready = (0..self.servers.len() as u32).map(ServerId).collect();
            let mut view = PlainView {
                servers: &self.servers,
                ready,
                known_until: |at: Time| at + self.delay <= now,
            };
            let Some(server) = self.router.choose(&request, &mut view) else {
                return self.queue.push_front(request);
            };
            self.chosen += 1;
            let entry = &mut self.servers[server.place()];
            entry.last_chosen = self.chosen;
            entry.came.push(now);
            let sent = self.requests.get_mut(&request.id).expect("it was sent");
            sent.server = Some(server);
            let request = Request {
                arrival: now,
                ..request
            };
            self.with_server(server.place(), |engine, ears| engine.submit(request, ears));
        }
    }

    /// Tells what happened in the order of time; of one instant, what the router did first, then each server.
    fn tell(&mut self) {
        self.told.sort_by_key(|(at, place, _)| (*at, *place));
        for (at, _, told) in self.told.drain(..) {
            match told {
                Told::Sent(request) => self.observer.sent(&request),
                Told::Event(id, event) => self.observer.on(at, id, &event),
                Told::Streamed(tokens) => self.observer.streamed(&tokens),
            }
        }
    }
}

/// What the router sees: all servers are at this instant.
struct PlainView<'a, E, Known> {
    servers: &'a [Server<E>],
    ready: Vec<ServerId>,
    /// Whether the router knows of what happened then.
    known_until: Known,
}

impl<E: Engine, Known: Fn(Time) -> bool> PlainView<'_, E, Known> {
    fn of(&self, server: ServerId) -> &Server<E> {
        &self.servers[server.place()]
    }

    /// The server with the least of something; among equals the one that was chosen least recently.
    fn least(&self, measure: impl Fn(ServerId) -> f64) -> Option<ServerId> {
        let rank = |server: &ServerId| (measure(*server), self.last_chosen(*server));
        let by_rank = |one: &ServerId, other: &ServerId| rank(one).partial_cmp(&rank(other)).expect("numbers");
        self.ready.iter().copied().min_by(by_rank)
    }
}

impl<E: Engine, Known: Fn(Time) -> bool> View for PlainView<'_, E, Known> {
    fn ready(&self) -> &[ServerId] {
        &self.ready
    }

    fn outstanding(&self, server: ServerId) -> u32 {
        let server = self.of(server);
        let known = |times: &[Time]| times.iter().filter(|at| (self.known_until)(**at)).count() as u32;
        known(&server.came) - known(&server.ended)
    }

    fn places(&self, server: ServerId) -> u32 {
        self.of(server).places
    }

    fn last_chosen(&self, server: ServerId) -> u64 {
        self.of(server).last_chosen
    }

    fn weight(&self, server: ServerId) -> f64 {
        self.of(server).weight
    }

    fn least_outstanding(&mut self) -> Option<ServerId> {
        self.least(|server| f64::from(self.outstanding(server)) / self.weight(server))
    }

    fn least_kv(&mut self) -> Option<ServerId> {
        self.least(|server| self.of(server).engine.load().kv_demand() / self.weight(server))
    }

    fn load(&mut self, server: ServerId) -> ServerLoad {
        self.of(server).engine.load()
    }

    fn cached_tokens(&mut self, server: ServerId, request: &Request) -> u32 {
        self.of(server).engine.cached_tokens(request)
    }
}

/// Hears one server.
struct Ears<'a> {
    server: ServerId,
    given_up: &'a [RequestId],
    requests: &'a BTreeMap<RequestId, Sent>,
    left: &'a mut Vec<Left>,
    told: &'a mut Vec<(Time, Location, Told)>,
    observer: &'a mut dyn Observer,
}

impl Observer for Ears<'_> {
    fn on(&mut self, at: Time, id: RequestId, event: &Event) {
        self.observer.on_server(self.server, at, id, event);
        let was_given_up = self.given_up.contains(&id);
        let event = match *event {
            Event::Arrived { .. } => return,
            Event::Finished(history) if was_given_up => Event::Aborted {
                waiting: history.was_waiting,
            },
            Event::Finished(history) => {
                self.left.push(Left {
                    at,
                    server: self.server,
                    id,
                    answered: history.finished,
                });
                Event::Finished(Finished {
                    arrival: self.requests[&id].at,
                    ..history
                })
            }
            event => event,
        };
        self.told
            .push((at, Location::Server(self.server), Told::Event(id, event)));
    }

    fn ran(&mut self, run: &StepRun<'_>) {
        self.observer.ran_on(self.server, run);
        if run.streaming > 0 {
            let streamed = Told::Streamed(Streamed::of(run));
            self.told.push((run.end(), Location::Server(self.server), streamed));
        }
    }
}
