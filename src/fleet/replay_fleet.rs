//! The run of one client population against many servers behind a router.
//!
//! Servers are looked at only when something can come of it: when a request is sent there, when its router asks, or
//! when somebody may finish there ([`Engine::next_turn`]). Of what happens at one instant, steps end first, then
//! clients hear so, then others give up, then requests arrive, and then steps are decided.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use rustc_hash::FxHashSet;

use super::clients::Clients;
use super::hearing::{Hearing, Left};
use super::memory::RequestSizes;
use super::replay::{Rejections, next_arrival};
use super::replay_error::ReplayError;
use super::router::{Router, RouterKind, RouterStart};
use super::servers::{FleetServers, Looking};
use super::telling::{Location, Telling};
use super::watch::Watch;
use crate::engine::{Engine, Event, Observer, ServerId, TurnKind};
use crate::units::{Span, Time};
use crate::workload::{Request, RequestId, Segment, Source};

/// How servers are put together to a fleet.
pub struct FleetSettings<'a> {
    /// Who decides where requests go.
    pub router: &'a RouterKind,
    /// How old what the router knows of the servers is.
    pub state_delay: Span,
    /// What all that is drawn at random grows from.
    pub seed: u64,
    /// How much that happened is held back before all servers are looked at, so that it can be told in order: it
    /// changes nothing but time and memory.
    pub held_back: usize,
}

/// How much is usually held back of a fleet of so many servers: a few megabytes, and so much a server that looking at
/// it costs little beside it.
pub fn usually_held_back(servers: u32) -> usize {
    (1 << 14).max(64 * servers as usize)
}

/// A server of a fleet.
pub struct FleetMember<E> {
    /// The server.
    pub engine: E,
    /// How many requests it can run at once.
    pub places: u32,
    /// How much it takes beside the others; above 0.
    pub weight: f64,
}

/// Sends all requests of `source` to a router with at least one server behind it, and runs these until nothing more
/// will happen, or until `watch` wants no more.
pub fn replay_fleet<E: Engine>(
    members: Vec<FleetMember<E>>,
    settings: &FleetSettings<'_>,
    source: &mut dyn Source,
    observer: &mut (impl Observer + ?Sized),
    watch: &mut impl Watch,
) -> Result<(), ReplayError> {
    let weights: Vec<f64> = members.iter().map(|member| member.weight).collect();
    let start = RouterStart {
        seed: settings.seed,
        weights: &weights,
    };
    let places = members.iter().map(|member| member.places).collect();
    let telling = Telling::new(observer, settings.held_back);
    let engines: Vec<E> = members.into_iter().map(|member| member.engine).collect();
    let run = FleetRun {
        router: (settings.router.new)(&start),
        bytes_a_request: engines.iter().map(Engine::bytes_a_request).max().unwrap_or(0),
        servers: FleetServers::new(engines, places, &weights, settings.state_delay),
        queue: VecDeque::new(),
        given_up_in_queue: FxHashSet::default(),
        clients: Clients::new(source.timeout()),
        left: BinaryHeap::new(),
        heard: Vec::new(),
        departures: 0,
        now: Time::ZERO,
        arrival: None,
        arrival_is_known: false,
        in_fleet: 0,
        sizes: RequestSizes::default(),
        rejections: Rejections::default(),
        source,
        telling,
        watch,
    };
    run.run()
}

/// A run as far as it has gone.
struct FleetRun<'a, 'b, E, O: ?Sized, W> {
    router: Box<dyn Router>,
    servers: FleetServers<E>,
    /// Requests that wait at the router, next first.
    queue: VecDeque<Request>,
    /// Those of them whose clients have given up.
    given_up_in_queue: FxHashSet<RequestId>,
    clients: Clients,
    /// Requests that have left their servers, which nobody has heard yet.
    left: BinaryHeap<Reverse<Departure>>,
    /// Those that a server has told of just now; memory to work with.
    heard: Vec<Left>,
    /// How many have left so far.
    departures: u64,
    /// The latest instant at which something happened.
    now: Time,
    /// When the next request is due, if there is one.
    arrival: Option<Time>,
    /// Whether its source was asked since anything changed there.
    arrival_is_known: bool,
    /// Requests that were sent and have not ended.
    in_fleet: u64,
    bytes_a_request: u64,
    sizes: RequestSizes,
    rejections: Rejections,
    source: &'a mut dyn Source,
    telling: Telling<'b, O>,
    watch: &'a mut W,
}

/// What happens next, in the order in which it happens at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    StepEnds(ServerId),
    Departure,
    News,
    Deadline,
    Arrival,
    Decision(ServerId),
}

/// A request that has left its server. Of those at one instant, servers go in the order of their numbers, and requests
/// of one server in the order in which it told.
struct Departure {
    number: u64,
    left: Left,
}

impl Departure {
    fn order(&self) -> (Time, ServerId, u64) {
        (self.left.at, self.left.server, self.number)
    }
}

impl PartialEq for Departure {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl Eq for Departure {}

impl PartialOrd for Departure {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Departure {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

impl<E: Engine, O: Observer + ?Sized, W: Watch> FleetRun<'_, '_, E, O, W> {
    fn run(mut self) -> Result<(), ReplayError> {
        let ended = self.go_on();
        if ended.is_err() {
            // Whoever stopped it wants to know what has happened until then.
            self.servers.look_at_all(self.now, &mut self.telling);
        }
        self.telling.tell_all();
        ended
    }

    fn go_on(&mut self) -> Result<(), ReplayError> {
        while let Some((now, next)) = self.next()? {
            if now >= Time::LIMIT {
                return Err(ReplayError::TooLong);
            }
            self.now = now;
            // Of those whose steps end now it is not known yet who finishes.
            if self.telling.is_full() && !matches!(next, Next::StepEnds(_)) {
                self.servers.look_at_all(now, &mut self.telling);
                self.telling.tell_before(now);
            }
            match next {
                Next::StepEnds(server) => self.take_turn(server, now),
                // The decision at an instant is taken on the way to a later one.
                Next::Decision(server) => self.take_turn(server, Time::from_picos(now.picos() + 1)),
                Next::Departure => self.depart(),
                Next::News => self.send_waiting(now),
                Next::Deadline => self.give_up(now),
                Next::Arrival => self.arrive()?,
            }
        }
        Ok(())
    }

    /// What happens next, and when.
    fn next(&mut self) -> Result<Option<(Time, Next)>, ReplayError> {
        if !self.arrival_is_known {
            self.arrival = next_arrival(self.source, self.watch)?;
            self.arrival_is_known = true;
        }
        let turn = self.servers.next_turn().map(|(turn, server)| match turn.kind {
            TurnKind::End => (turn.at, Next::StepEnds(server)),
            TurnKind::Decision => (turn.at, Next::Decision(server)),
        });
        Ok(turn.into_iter().chain(self.next_beside_servers()).min())
    }

    /// What happens next apart from what servers do by themselves.
    fn next_beside_servers(&mut self) -> Option<(Time, Next)> {
        let arrival = self.arrival.map(|at| (at, Next::Arrival));
        let departure = self.left.peek().map(|left| (left.0.left.at, Next::Departure));
        // What a router learns matters at once only to those who wait for it.
        let news = self.servers.books.next_news().filter(|_| !self.queue.is_empty());
        let news = news.map(|at| (at.max(self.now), Next::News));
        let deadline = self.clients.next_deadline().map(|at| (at, Next::Deadline));
        [arrival, departure, news, deadline].into_iter().flatten().min()
    }

    /// Lets a server have its turn, and go on up to `until` at least: further if nothing else happens before.
    fn take_turn(&mut self, server: ServerId, until: Time) {
        let beside = self.next_beside_servers().map(|(at, _)| at);
        let others = self.servers.next_turn_beside(server);
        let next = beside.into_iter().chain(others).min();
        let until = until.max(next.unwrap_or(Time::LIMIT));
        let mut hearing = Hearing::of(server, &mut self.telling, &mut self.heard);
        self.servers.take_turn(server, until, &mut hearing);
        for left in self.heard.drain(..) {
            self.departures += 1;
            let number = self.departures;
            self.left.push(Reverse(Departure { number, left }));
        }
    }

    /// A request has left its server with an answer, and whoever counts it hears so.
    fn depart(&mut self) {
        let Reverse(Departure { left, .. }) = self.left.pop().expect("a request has left");
        self.servers.books.ended(left.at, left.server);
        self.clients.ended(left.id);
        self.in_fleet -= 1;
        self.source.finished(left.id, left.answered);
        self.arrival_is_known = false;
        self.send_waiting(left.at);
    }

    /// The next client gives up.
    fn give_up(&mut self, now: Time) {
        let (id, place) = self.clients.give_up();
        self.in_fleet -= 1;
        match place {
            Location::Router => {
                self.given_up_in_queue.insert(id);
                let event = Event::Aborted { waiting: true };
                self.telling.event(now, Location::Router, id, event);
            }
            Location::Server(server) => {
                self.telling.given_up.insert(id);
                self.telling.waited.remove(&id);
                self.servers.abort(server, id, now, &mut self.telling);
                self.servers.books.ended(now, server);
            }
        }
        self.source.rejected(id, now);
        self.arrival_is_known = false;
        self.send_waiting(now);
    }

    /// A client sends a request.
    fn arrive(&mut self) -> Result<(), ReplayError> {
        let request = self.source.take();
        self.arrival_is_known = false;
        self.watch.sent();
        self.sizes.add(request.prompt.segments().map(<[Segment]>::len));
        // Before it is taken in: the queue that has no room for it must not grow first.
        let bytes = self.sizes.bytes_of(self.in_fleet + 1, self.bytes_a_request);
        self.watch.may_hold(bytes)?;
        let (id, now) = (request.id, request.arrival);
        if !self.servers.can_serve(&request) {
            self.telling.sent(request, Event::Rejected);
            self.source.rejected(id, now);
            return self.rejections.one_more(now, self.source);
        }
        self.in_fleet += 1;
        self.clients.sent(id, now, Location::Router);
        let input_tokens = request.prompt.tokens();
        self.telling.sent(request.clone(), Event::Arrived { input_tokens });
        self.queue.push_back(request);
        // Whoever came before goes before.
        if self.queue.len() == 1 {
            self.send_waiting(now);
        }
        Ok(())
    }

    /// Sends the requests that wait at the router to servers, as far as it finds one for them.
    fn send_waiting(&mut self, now: Time) {
        while let Some(request) = self.queue.front() {
            if self.given_up_in_queue.remove(&request.id) {
                self.queue.pop_front();
                continue;
            }
            self.servers.books.learn(now);
            let mut looking = Looking {
                servers: &mut self.servers,
                telling: &mut self.telling,
                now,
            };
            let Some(server) = self.router.choose(request, &mut looking) else {
                return;
            };
            let request = self.queue.pop_front().expect("it was looked at");
            self.send(request, server, now);
        }
    }

    fn send(&mut self, request: Request, server: ServerId, now: Time) {
        let id = request.id;
        if request.arrival < now {
            self.telling.waited.insert(id, request.arrival);
        }
        self.clients.moved(id, Location::Server(server));
        self.servers.books.sent(now, server);
        let arrives = Request {
            arrival: now,
            ..request
        };
        self.servers.submit(server, arrives, &mut self.telling);
    }
}
