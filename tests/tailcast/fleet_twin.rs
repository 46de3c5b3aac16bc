//! Many servers behind a router: the fast fleet tells exactly what the readable fleet over readable engines tells, and
//! a fleet of one is a server.

use std::collections::{BTreeMap, BTreeSet};

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use tailcast::engine::{self, Event, FleetSize, Loss, Observer, Server, ServerChange, ServerId, StepRun, Streamed};
use tailcast::fleet::{
    Admission, Autoscale, ClientRules, Fault, FaultKind, FaultTime, FleetMember, FleetSettings, Hardships, ROUTERS,
    Retry, RouterKind, ScaleSignal, Unwatched, replay, replay_fleet, replay_fleet_readable,
};
use tailcast::units::{Span, Time};
use tailcast::workload::{Request, RequestId, SessionId, Source};

use crate::worlds::{Clients, Heard, Listed, Stream, World, policy_names, world, worlds_per_policy};

#[test]
fn both_fleets_tell_the_same() {
    let mut served = vec![0; ROUTERS.len()];
    for policy in policy_names() {
        for seed in 0..worlds_per_policy() {
            let Some(fleet) = fleet_world(policy, seed) else {
                continue;
            };
            let slow = fleet.run(Speed::Readable);
            let fast = fleet.run(Speed::Fast);
            fleet.assert_same(&slow, &fast);
            served[fleet.router] += slow.servers_used();
        }
    }
    for (kind, servers) in ROUTERS.iter().zip(served) {
        assert!(
            servers > 200,
            "{}: only {servers} servers were sent anything",
            kind.name
        );
    }
}

#[test]
fn both_fleets_tell_the_same_of_hard_times() {
    let mut seen: BTreeMap<&str, u64> = BTreeMap::new();
    for policy in policy_names() {
        // Everything is recounted at every instant of the readable fleet, and there are many.
        for seed in 0..worlds_per_policy() / 10 {
            let Some(fleet) = hard_world(policy, seed) else {
                continue;
            };
            let slow = fleet.run(Speed::Readable);
            let fast = fleet.run(Speed::Fast);
            fleet.assert_same(&slow, &fast);
            let initial = fleet.autoscale.map_or(fleet.servers as u32, |rules| rules.initial);
            fast.assert_conserved(&fleet.place, initial);
            let events = fast.events.iter().filter_map(|(.., event)| name_of_hardship(event));
            let changes = fast.changes.iter().map(|(.., change, _)| name_of_change(*change));
            for name in events.chain(changes) {
                *seen.entry(name).or_default() += 1;
            }
        }
    }
    assert_eq!(seen.len(), 7 + 13, "{seen:?}");
    for (name, count) in seen {
        assert!(count > 20, "{name}: only {count} times");
    }
}

fn name_of_hardship(event: &Event) -> Option<&'static str> {
    Some(match event {
        Event::SentAgain { hedges: false } => "sent again",
        Event::SentAgain { hedges: true } => "hedged",
        Event::Aborted { .. } => "given up",
        Event::Lost { why, .. } => match why {
            Loss::Failure => "lost",
            Loss::Refused => "refused",
            Loss::TimedOut => "timed out",
            Loss::Unneeded => "unneeded",
        },
        _ => return None,
    })
}

const fn name_of_change(change: ServerChange) -> &'static str {
    match change {
        ServerChange::Crashed => "crashed",
        ServerChange::Reclaimed => "reclaimed",
        ServerChange::Gone => "gone",
        ServerChange::CutOff => "cut off",
        ServerChange::Reached => "reached",
        ServerChange::Slowed => "slowed",
        ServerChange::AsFastAgain => "as fast again",
        ServerChange::FoundMissing => "found missing",
        ServerChange::Back => "back",
        ServerChange::Starting => "starting",
        ServerChange::Started => "started",
        ServerChange::Draining => "draining",
        ServerChange::Stopped => "stopped",
    }
}

#[test]
fn a_fleet_of_one_is_a_server() {
    for policy in policy_names() {
        for seed in 0..worlds_per_policy() {
            let Some(mut fleet) = fleet_world(policy, seed) else {
                continue;
            };
            fleet.servers = 1;
            // Here requests wait at the router and not at the server.
            if fleet.kind().name == "central_queue" {
                continue;
            }
            let heard = fleet.run(Speed::Fast);
            let mut alone = Stream::default();
            let mut server = fleet.server(Speed::Fast);
            replay(&mut server, &mut *fleet.source(), &mut alone).unwrap();
            let mut alone: Vec<_> = alone.heard.iter().filter_map(as_event).collect();
            // Of what happens at an instant, what the router does is told first.
            alone.sort_by_key(|(at, _, event)| (*at, !matches!(event, Event::Arrived { .. } | Event::Rejected)));
            assert_eq!(alone, heard.events, "{policy}, seed {seed}, {}", fleet.kind().name);
        }
    }
}

/// What a server does depends on what it is sent, and on nothing else of the fleet.
#[test]
fn each_server_does_what_it_would_do_alone() {
    for policy in policy_names() {
        for seed in 0..worlds_per_policy() {
            let Some(mut fleet) = fleet_world(policy, seed) else {
                continue;
            };
            // Where requests wait at the router they come later, and who gives up leaves with its router's consent.
            if fleet.kind().name == "central_queue" || fleet.world.timeout.is_some() {
                continue;
            }
            fleet.is_closed = false;
            let together = fleet.run(Speed::Fast);
            for server in &together.servers {
                let came = server.heard.iter().filter_map(as_event);
                let came: Vec<_> = came
                    .filter(|(.., event)| matches!(event, Event::Arrived { .. }))
                    .map(|(_, id, _)| id)
                    .collect();
                let requests = fleet.world.requests.iter();
                let mut alone = Listed {
                    requests: requests.filter(|request| came.contains(&request.id)).cloned().collect(),
                    timeout: None,
                };
                let mut stream = Stream::default();
                replay(&mut fleet.server(Speed::Fast), &mut alone, &mut stream).unwrap();
                assert_eq!(stream.heard, server.heard, "{}", fleet.place);
            }
        }
    }
}

fn as_event(heard: &Heard) -> Option<(Time, RequestId, Event)> {
    match *heard {
        Heard::Event { at, id, event } => Some((at, id, event)),
        Heard::Step { .. } => None,
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Speed {
    Readable,
    Fast,
}

/// A world with several servers.
struct FleetWorld {
    world: World,
    servers: usize,
    router: usize,
    weights: Vec<f64>,
    state_delay: Span,
    hardships: Hardships,
    autoscale: Option<Autoscale>,
    held_back: usize,
    is_closed: bool,
    place: String,
}

/// `None` if steps may take no time, as whoever finishes in one could be followed by a request between two steps of one
/// instant.
fn fleet_world(policy: &str, seed: u64) -> Option<FleetWorld> {
    let mut world = world(policy, seed);
    if world.step_time.may_take_no_time() {
        return None;
    }
    let servers = world.random.random_range(1..6);
    let router = world.random.random_range(0..ROUTERS.len());
    let weights = (0..servers)
        .map(|_| f64::from(world.random.random_range(1..4_u8)))
        .collect();
    let state_delay = if world.random.random_bool(0.5) {
        0
    } else {
        world.random.random_range(0..20)
    };
    for request in &mut world.requests {
        request.session = SessionId(world.random.random_range(0..6));
    }
    // Late arrivals are no news once many servers share them.
    for request in &mut world.requests {
        request.arrival = Time::from_picos(request.arrival.picos() / servers as u64);
    }
    Some(FleetWorld {
        held_back: world.random.random_range(1..200),
        is_closed: world.random.random_bool(0.5),
        place: format!("{policy}, seed {seed}, {} servers, {}", servers, ROUTERS[router].name),
        world,
        servers,
        router,
        weights,
        state_delay: Span::from_picos(state_delay),
        hardships: Hardships::default(),
        autoscale: None,
    })
}

/// A world in which clients try again, servers refuse and fail.
fn hard_world(policy: &str, seed: u64) -> Option<FleetWorld> {
    let mut fleet = fleet_world(policy, seed)?;
    let horizon = fleet.world.requests.last().map_or(1, |last| last.arrival.picos()) + 50;
    let servers = fleet.servers as u32;
    let random = &mut fleet.world.random;
    let faults = (0..random.random_range(0..4))
        .map(|_| fault(servers, horizon, random))
        .collect();
    let up_to = |most: u64, random: &mut Xoshiro256PlusPlus| Span::from_picos(random.random_range(0..=most));
    let retry = random.random_bool(0.6).then(|| Retry {
        max: random.random_range(1..5),
        backoff: up_to(horizon / 8, random),
        factor: random.random_range(1.0..3.0),
        longest: up_to(horizon, random),
        jitter: random.random_range(0.0..=1.0),
        budget: random.random_bool(0.5).then(|| random.random_range(0.0..1.0)),
    });
    fleet.hardships = Hardships {
        clients: ClientRules {
            retry,
            hedge_after: random.random_bool(0.4).then(|| up_to(horizon / 4, random)),
            cancel: random.random_bool(0.6),
        },
        admission: Admission {
            max_queue: random.random_bool(0.4).then(|| random.random_range(1..6)),
            retry_after: random.random_bool(0.3).then(|| up_to(horizon / 8, random)),
            max_prompt: random.random_bool(0.2).then(|| random.random_range(1..60)),
            max_tokens: random.random_bool(0.2).then(|| random.random_range(1..60)),
        },
        faults,
    };
    let autoscale = random.random_bool(0.5).then(|| autoscale(servers, horizon, random));
    fleet.autoscale = autoscale;
    Some(fleet)
}

fn autoscale(servers: u32, horizon: u64, random: &mut Xoshiro256PlusPlus) -> Autoscale {
    let min = random.random_range(0..=servers);
    let up_to = |most: u64, random: &mut Xoshiro256PlusPlus| Span::from_picos(random.random_range(0..=most));
    let signals = [ScaleSignal::Concurrency, ScaleSignal::Queue, ScaleSignal::Kv];
    let signal = signals[random.random_range(0..3)];
    Autoscale {
        signal,
        target: random.random_range(0.1..4.0) * if signal == ScaleSignal::Kv { 0.2 } else { 1.0 },
        initial: random.random_range(min..=servers),
        min,
        max: servers,
        interval: Span::from_picos(random.random_range(horizon / 8..=horizon / 2) + 1),
        up_delay: up_to(horizon / 8, random),
        down_delay: up_to(horizon / 8, random),
        start: up_to(horizon / 4, random),
    }
}

fn fault(servers: u32, horizon: u64, random: &mut Xoshiro256PlusPlus) -> Fault {
    let up_to = |most: u64, random: &mut Xoshiro256PlusPlus| Span::from_picos(random.random_range(0..=most));
    let restart = random.random_bool(0.8).then(|| up_to(horizon / 2, random));
    let kind = match random.random_range(0..4) {
        0 => FaultKind::Crash { restart },
        1 => FaultKind::Reclaim {
            notice: up_to(horizon / 4, random),
            restart,
        },
        2 => FaultKind::Slow {
            factor: random.random_range(1.0..4.0),
            duration: up_to(horizon / 2, random),
        },
        _ => FaultKind::Partition {
            duration: up_to(horizon / 2, random),
        },
    };
    let when = if random.random_bool(0.5) {
        FaultTime::At(Time::ZERO + up_to(horizon, random))
    } else {
        FaultTime::Mtbf(Span::from_picos(random.random_range(horizon..=4 * horizon)))
    };
    Fault {
        kind,
        when,
        server: random
            .random_bool(0.7)
            .then(|| ServerId(random.random_range(0..servers))),
        detect: up_to(horizon / 8, random),
    }
}

impl FleetWorld {
    fn kind(&self) -> &'static RouterKind {
        &ROUTERS[self.router]
    }

    fn source(&self) -> Box<dyn Source> {
        if self.is_closed {
            Box::new(Clients::new(&self.world))
        } else {
            Box::new(Listed::of(&self.world))
        }
    }

    fn server(&self, speed: Speed) -> Server {
        let make = match speed {
            Speed::Readable => engine::reference,
            Speed::Fast => engine::fast,
        };
        make(&self.world.settings, Box::new(self.world.step_time.clone()))
    }

    fn run(&self, speed: Speed) -> FleetStream {
        let members = (0..self.servers).map(|server| FleetMember {
            places: self.world.settings.policy.limits().most_running,
            weight: self.weights[server],
        });
        let members: Vec<FleetMember> = members.collect();
        let new_engine = |_: ServerId| self.server(speed);
        let settings = FleetSettings {
            router: self.kind(),
            state_delay: self.state_delay,
            hardships: &self.hardships,
            autoscale: self.autoscale,
            seed: 7,
            held_back: self.held_back,
        };
        let mut stream = FleetStream::default();
        stream.servers.resize_with(self.servers, Stream::default);
        let mut source = self.source();
        match speed {
            Speed::Readable => replay_fleet_readable(&members, &new_engine, &settings, &mut *source, &mut stream),
            Speed::Fast => replay_fleet(
                &members,
                &new_engine,
                &settings,
                &mut *source,
                &mut stream,
                &mut Unwatched,
            ),
        }
        .unwrap();
        stream.streamed.sort_unstable();
        stream
    }

    fn assert_same(&self, slow: &FleetStream, fast: &FleetStream) {
        let place = &self.place;
        for (server, (slow, fast)) in slow.servers.iter().zip(&fast.servers).enumerate() {
            for (index, (one, other)) in slow.heard.iter().zip(&fast.heard).enumerate() {
                assert_eq!(one, other, "{place}: server {server}, number {index}");
            }
            assert_eq!(slow.heard.len(), fast.heard.len(), "{place}: server {server}");
        }
        for (index, (one, other)) in slow.events.iter().zip(&fast.events).enumerate() {
            assert_eq!(one, other, "{place}: event {index}");
        }
        assert_eq!(slow.events.len(), fast.events.len(), "{place}");
        assert_eq!(slow.sent, fast.sent, "{place}");
        assert_eq!(slow.changes, fast.changes, "{place}");
        assert_eq!(slow.wanted, fast.wanted, "{place}");
        assert_eq!(slow.streamed, fast.streamed, "{place}");
    }
}

/// Everything that is heard of a fleet.
#[derive(Default)]
struct FleetStream {
    sent: Vec<RequestId>,
    events: Vec<(Time, RequestId, Event)>,
    /// Start and length of each step, and how many got a token one step after the one before.
    streamed: Vec<(Time, Span, u32)>,
    changes: Vec<(Time, ServerId, ServerChange, FleetSize)>,
    wanted: Vec<(Time, u32)>,
    servers: Vec<Stream>,
}

impl FleetStream {
    /// Each request ends exactly once, and each attempt: but for those that wait for a server that never comes back.
    fn assert_conserved(&self, place: &str, initial: u32) {
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
        for (id, (attempts, ends)) in requests {
            let in_servers = stuck.get(&id).copied().unwrap_or(0);
            let at_router = i64::from(none_is_left && ends == 0 && attempts > in_servers);
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
    fn stuck_in_servers(&self) -> BTreeMap<RequestId, i64> {
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
                *stuck.entry(RequestId(attempt.0 & 0xff_ffff_ffff)).or_default() += 1;
            }
        }
        stuck
    }

    fn servers_used(&self) -> usize {
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
