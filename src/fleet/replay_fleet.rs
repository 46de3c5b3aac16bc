//! The run of one client population against many servers behind a router.
//!
//! Servers are looked at only when something can come of it: when a request is sent there, when its router asks, or
//! when somebody may finish there ([`Engine::next_turn`]). Of what happens at one instant, steps end first, then
//! clients hear so, then others give up, then happens what was planned, then requests arrive, and then steps are
//! decided.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rustc_hash::FxHashSet;

use super::agenda::{Agenda, Due};
use super::autoscale::{Autoscale, ScaleSignal, Scaler};
use super::gauges::Gauges;
use super::hearing::{Hearing, Left};
use super::journeys::Journeys;
use super::member::FleetMember;
use super::memory::RequestSizes;
use super::replay::{Rejections, next_arrival};
use super::replay_error::ReplayError;
use super::retry::Retrying;
use super::router::{Router, RouterChoice, RouterStart};
use super::router_queue::RouterQueue;
use super::rules::Hardships;
use super::servers::FleetServers;
use super::telling::Telling;
use super::watch::Watch;
use crate::engine::{Engine, Observer, ServerId, Turn, TurnKind};
use crate::units::{Span, Time};
use crate::workload::{RequestId, Source};

/// How servers are put together to a fleet.
pub struct FleetSettings<'a> {
    /// Who decides where requests go.
    pub router: RouterChoice,
    /// How old what the router knows of the servers is.
    pub state_delay: Span,
    /// What clients do beside waiting, what is let in, and what fails.
    pub hardships: &'a Hardships,
    /// Who starts and stops servers; `None` if all are there all the time.
    pub autoscale: Option<Autoscale>,
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

/// Sends all requests of `source` to a router with at least one server behind it, and runs these until nothing more
/// will happen, or until `watch` wants no more. `new_engine` makes an empty server: at the start, and whenever one that
/// has failed is back.
pub fn replay_fleet<E: Engine>(
    members: &[FleetMember],
    new_engine: &dyn Fn(ServerId) -> E,
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
    let hardships = settings.hardships;
    let mut telling = Telling::new(observer, settings.held_back);
    if !hardships.faults.is_empty() || settings.autoscale.is_some() {
        telling.attempts.note_inside(members.len());
    }
    let signal = settings.autoscale.map(|rules| rules.signal);
    if signal.is_some_and(ScaleSignal::is_of_interval) {
        telling.gauges = Some(Gauges::default());
    }
    let servers = FleetServers::new(members, new_engine, settings.state_delay);
    let run = FleetRun {
        router: settings.router.router(&start),
        is_custom: settings.router.is_custom(),
        bytes_a_request: servers.bytes_a_request(),
        servers,
        hardships,
        queue: RouterQueue::default(),
        given_up_in_queue: FxHashSet::default(),
        journeys: Journeys::of(source, hardships.may_lose()),
        retrying: Retrying::new(hardships.retries(), settings.seed),
        agenda: Agenda::new(&hardships.faults, settings.autoscale, members.len(), settings.seed),
        scaler: settings.autoscale.map(Scaler::new),
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
pub(super) struct FleetRun<'a, 'b, E, O: ?Sized, W> {
    pub(super) router: Box<dyn Router>,
    /// Whether nobody knows what it does.
    is_custom: bool,
    pub(super) servers: FleetServers<'a, E>,
    pub(super) hardships: &'a Hardships,
    /// Attempts that wait at the router.
    pub(super) queue: RouterQueue,
    /// Those of them for which nobody waits any more.
    pub(super) given_up_in_queue: FxHashSet<RequestId>,
    pub(super) journeys: Journeys,
    pub(super) retrying: Retrying,
    pub(super) agenda: Agenda,
    pub(super) scaler: Option<Scaler>,
    /// Attempts that have left their servers, which nobody has heard yet.
    pub(super) left: BinaryHeap<Reverse<Departure>>,
    /// Those that a server has told of just now; memory to work with.
    heard: Vec<Left>,
    /// How many have left so far.
    departures: u64,
    /// The latest instant at which something happened.
    now: Time,
    /// When the next request is due, if there is one.
    pub(super) arrival: Option<Time>,
    /// Whether its source was asked since anything changed there.
    pub(super) arrival_is_known: bool,
    /// Requests that were sent and have not ended.
    pub(super) in_fleet: u64,
    pub(super) bytes_a_request: u64,
    pub(super) sizes: RequestSizes,
    pub(super) rejections: Rejections,
    pub(super) source: &'a mut dyn Source,
    pub(super) telling: Telling<'b, O>,
    pub(super) watch: &'a mut W,
}

/// Later than anything that happens.
const NEVER: Time = Time::from_picos(u64::MAX);

/// What happens next, in the order in which it happens at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    StepEnds(ServerId),
    Departure,
    News,
    Deadline,
    Planned,
    Arrival,
    Decision(ServerId),
}

/// An attempt that has left its server. Of those at one instant, servers go in the order of their numbers, and attempts
/// of one server in the order in which it told.
pub(super) struct Departure {
    number: u64,
    pub(super) left: Left,
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
        self.start_servers();
        let ended = self.go_on();
        if ended.is_err() {
            // Whoever stopped it wants to know what has happened until then.
            self.servers.look_at_all(self.now, &mut self.telling);
        }
        self.telling.tell_all();
        ended
    }

    fn go_on(&mut self) -> Result<(), ReplayError> {
        while let Some((now, next, beside)) = self.next()? {
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
                Next::StepEnds(server) => self.take_turn(server, now, beside),
                // The decision at an instant is taken on the way to a later one.
                Next::Decision(server) => self.take_turn(server, Time::from_picos(now.picos() + 1), beside),
                Next::Departure => self.depart(),
                Next::News => self.send_waiting(now),
                Next::Deadline => self.give_up(now),
                Next::Planned => {
                    self.watch.may_go_on()?;
                    self.act(now);
                }
                Next::Arrival => self.arrive()?,
            }
        }
        match self.kept_for_ever() {
            requests if requests > 0 && self.is_custom => Err(ReplayError::KeptAtRouter { requests }),
            _ => Ok(()),
        }
    }

    /// When something happens next, what, and when something happens beside servers.
    #[inline]
    fn next(&mut self) -> Result<Option<(Time, Next, Time)>, ReplayError> {
        if !self.arrival_is_known {
            self.arrival = next_arrival(self.source, self.watch)?;
            self.arrival_is_known = true;
        }
        let (beside, next) = self.next_beside_servers();
        Ok(match self.servers.next_turn() {
            Some((
                Turn {
                    at,
                    kind: TurnKind::End,
                },
                server,
            )) if at <= beside => Some((at, Next::StepEnds(server), beside)),
            Some((
                Turn {
                    at,
                    kind: TurnKind::Decision,
                },
                server,
            )) if at < beside => Some((at, Next::Decision(server), beside)),
            _ => (beside < NEVER).then_some((beside, next, beside)),
        })
    }

    /// When something happens next apart from what servers do by themselves, and what; [`NEVER`] if nothing does.
    #[inline]
    fn next_beside_servers(&mut self) -> (Time, Next) {
        let mut next = (self.arrival.unwrap_or(NEVER), Next::Arrival);
        // What happens first at one instant comes last here.
        let mut may_be = |at: Option<Time>, what| {
            if let Some(at) = at
                && at <= next.0
            {
                next = (at, what);
            }
        };
        // When the last request has ended, nothing matters that may fail.
        if self.in_fleet > 0 || self.arrival.is_some() {
            may_be(self.agenda.next(), Next::Planned);
        }
        may_be(self.journeys.next_deadline(), Next::Deadline);
        // What a router learns matters at once only to those who wait for it.
        if !self.queue.is_empty() {
            may_be(self.servers.books.next_news().map(|at| at.max(self.now)), Next::News);
        }
        may_be(self.left.peek().map(|left| left.0.left.at), Next::Departure);
        next
    }

    /// What was planned for now happens.
    fn act(&mut self, now: Time) {
        match self.agenda.take() {
            Due::SendAgain(request) => self.send_again(request, now),
            Due::Hedge(request) => self.hedge(request, now),
            Due::Look => self.scale(now),
            due => self.change_server(due, now),
        }
    }

    /// Lets a server have its turn, and go on up to `until` at least: further if nothing else happens before, be it on
    /// another server or `beside` them.
    fn take_turn(&mut self, server: ServerId, until: Time, beside: Time) {
        let others = self.servers.next_turn_beside(server);
        let next = others.map_or(beside, |at| at.min(beside)).min(Time::LIMIT);
        let mut hearing = Hearing::of(server, &mut self.telling, &mut self.heard);
        self.servers.take_turn(server, until.max(next), &mut hearing);
        for left in self.heard.drain(..) {
            self.departures += 1;
            let number = self.departures;
            self.left.push(Reverse(Departure { number, left }));
        }
    }
}
