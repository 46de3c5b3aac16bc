//! Many servers behind a router: the fast fleet tells exactly what the readable fleet over readable engines tells, and
//! a fleet of one is a server.

use std::collections::BTreeMap;

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use tailcast::engine::{self, Engine, Event, Loss, Server, ServerChange, ServerId, ServerSettings};
use tailcast::fleet::{
    Admission, Autoscale, ClassRules, ClientRules, Fault, FaultKind, FaultTime, FleetMember, FleetSettings, Hardships,
    ROUTERS, Retry, RouterKind, ScaleSignal, Unwatched, replay, replay_fleet, replay_fleet_readable,
};
use tailcast::units::{Span, Time};
use tailcast::workload::{ClassSource, Classes, Request, SessionId, Source};

use crate::fleet_stream::{FleetStream, as_event};
use crate::world_step_time::WorldStepTime;
use crate::worlds::{Clients, Listed, Stream, World, policy_names, world, worlds_per_policy};

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

/// Servers whose memory, budgets, longest requests and step times are unlike, in good times and hard ones.
#[test]
fn both_fleets_tell_the_same_of_unlike_servers() {
    let (mut for_some, mut rejected) = (vec![0; ROUTERS.len()], 0);
    for policy in policy_names() {
        for seed in 0..worlds_per_policy() {
            let world = if seed % 10 == 0 { hard_world } else { fleet_world };
            let Some(fleet) = world(policy, seed).and_then(with_unlike_servers) else {
                continue;
            };
            let slow = fleet.run(Speed::Readable);
            let fast = fleet.run(Speed::Fast);
            fleet.assert_same(&slow, &fast);
            for request in &fleet.world.requests {
                let takers = fleet.takers(request);
                rejected += usize::from(takers.is_empty());
                for_some[fleet.router] += usize::from(takers.len() < fleet.servers && !takers.is_empty());
                let (attempts, is_refused) = fast.of(request.id);
                // Clients of a closed loop send nothing more while they wait for a server that never admits them.
                let is_told = fleet.hardships == Hardships::default() && fast.sent.contains(&request.id);
                assert!(
                    !is_told || is_refused == takers.is_empty(),
                    "{}: {request:?} could be on {takers:?}",
                    fleet.place
                );
                // What is cut at the gate may fit where the whole did not.
                let is_whole = fleet.hardships.admission.max_tokens.is_none();
                assert!(
                    !is_whole || attempts.iter().all(|server| takers.contains(server)),
                    "{}: {request:?} is on {attempts:?} and could be on {takers:?}",
                    fleet.place
                );
            }
        }
    }
    assert!(rejected > 100, "only {rejected} requests were too long for all");
    for (kind, requests) in ROUTERS.iter().zip(for_some) {
        assert!(requests > 100, "{}: only {requests} requests were for some", kind.name);
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
    assert_eq!(seen.len(), 7 + 17, "{seen:?}");
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
        ServerChange::OutOfMemory => "out of memory",
        ServerChange::BreakerClosed => "breaker closed",
        ServerChange::FoundMissing => "found missing",
        ServerChange::Back => "back",
        ServerChange::Warming => "warming",
        ServerChange::Warm => "warm",
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
            let mut server = fleet.server(ServerId(0), Speed::Fast);
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
            fleet.second_class = None;
            let together = fleet.run(Speed::Fast);
            for (place, server) in (0..).map(ServerId).zip(&together.servers) {
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
                replay(&mut fleet.server(place, Speed::Fast), &mut alone, &mut stream).unwrap();
                assert_eq!(stream.heard, server.heard, "{}", fleet.place);
            }
        }
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
    /// The kinds of servers that there are.
    pools: Vec<ServerKind>,
    /// Of each server.
    pool_of: Vec<usize>,
    servers: usize,
    router: usize,
    weights: Vec<f64>,
    state_delay: Span,
    hardships: Hardships,
    autoscale: Option<Autoscale>,
    held_back: usize,
    is_closed: bool,
    /// A second class, which sends the same requests once more, each when it arrives in the world.
    second_class: Option<SecondClass>,
    policy: String,
    place: String,
}

struct SecondClass {
    timeout: Option<Span>,
}

/// Servers that are alike.
struct ServerKind {
    settings: ServerSettings,
    step_time: WorldStepTime,
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
    let alike = ServerKind {
        settings: world.settings.clone(),
        step_time: world.step_time.clone(),
    };
    Some(FleetWorld {
        pools: vec![alike],
        pool_of: vec![0; servers],
        policy: policy.to_owned(),
        held_back: world.random.random_range(1..200),
        is_closed: world.random.random_bool(0.5),
        second_class: world.random.random_bool(0.2).then(|| {
            let gives_up = world.random.random_bool(0.7);
            let timeout = gives_up.then(|| Span::from_picos(world.random.random_range(1..200)));
            SecondClass { timeout }
        }),
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

/// The world with servers of the same policy, but otherwise of up to three kinds. `None` if steps of one take no time.
fn with_unlike_servers(mut fleet: FleetWorld) -> Option<FleetWorld> {
    let random = &mut fleet.world.random;
    for _ in 0..random.random_range(1..3) {
        let other = world(&fleet.policy, random.random());
        fleet.pools.push(ServerKind {
            settings: other.settings,
            step_time: other.step_time,
        });
    }
    let pools = fleet.pools.len();
    fleet.pool_of.fill_with(|| random.random_range(0..pools));
    // No rule says which kind an autoscaler should start: it may look for ever for one that it does not start.
    fleet.autoscale = None;
    // Some servers never admit a prompt that is longer than their budget. Whoever waits for one of them that is full of
    // such waits without end, and failures that come again and again would go on with it.
    let comes_once = |fault: &Fault| matches!(fault.when, FaultTime::At(_));
    fleet.hardships.faults.retain(comes_once);
    let takes_time = |pool: &ServerKind| !pool.step_time.may_take_no_time();
    fleet.pools.iter().all(takes_time).then_some(fleet)
}

/// A world in which clients try again, servers refuse and fail.
fn hard_world(policy: &str, seed: u64) -> Option<FleetWorld> {
    let mut fleet = fleet_world(policy, seed)?;
    // As long as it takes in good times: steps may be far longer than all arrivals take.
    let in_good_times = fleet.run(Speed::Fast);
    let horizon = in_good_times.events.last().map_or(1, |(at, ..)| at.picos()) + 50;
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
    let mut class = |retry| ClassRules {
        clients: ClientRules {
            retry,
            hedge_after: random.random_bool(0.4).then(|| up_to(horizon / 4, random)),
            cancel: random.random_bool(0.6),
        },
        max_queue: random.random_bool(0.4).then(|| random.random_range(1..6)),
    };
    fleet.hardships = Hardships {
        classes: vec![class(retry), class(None)],
        admission: Admission {
            status: Some(429),
            retry_after: random.random_bool(0.3).then(|| up_to(horizon / 8, random)),
            max_prompt: random.random_bool(0.2).then(|| random.random_range(1..60)),
            max_tokens: random.random_bool(0.2).then(|| random.random_range(1..60)),
        },
        faults,
    };
    fleet.autoscale = random.random_bool(0.5).then(|| autoscale(servers, horizon, random));
    Some(fleet)
}

fn autoscale(servers: u32, horizon: u64, random: &mut Xoshiro256PlusPlus) -> Autoscale {
    let warm = if random.random_bool(0.6) {
        random.random_range(0..servers)
    } else {
        0
    };
    let servers = servers - warm;
    let min = random.random_range(0..=servers);
    let up_to = |most: u64, random: &mut Xoshiro256PlusPlus| Span::from_picos(random.random_range(0..=most));
    let signals = [
        ScaleSignal::Concurrency,
        ScaleSignal::Queue,
        ScaleSignal::Kv,
        ScaleSignal::TokensPerSecond,
        ScaleSignal::Ttft,
    ];
    let signal = signals[random.random_range(0..5)];
    let interval = Span::from_picos(random.random_range(horizon / 8..=horizon / 2) + 1);
    let usual = match signal {
        ScaleSignal::Concurrency | ScaleSignal::Queue => 1.0,
        ScaleSignal::Kv => 0.2,
        ScaleSignal::TokensPerSecond => 4.0 / interval.seconds(),
        ScaleSignal::Ttft => interval.seconds() / 8.0,
    };
    Autoscale {
        signal,
        target: random.random_range(0.1..4.0) * usual,
        initial: random.random_range(min..=servers),
        min,
        max: servers,
        interval,
        up_delay: up_to(horizon / 8, random),
        down_delay: up_to(horizon / 8, random),
        // Where none is loaded before the run is over, none is loaded to stand by.
        start: up_to(if warm > 0 { horizon / 32 } else { horizon / 4 }, random),
        warm,
        warm_start: up_to(horizon / 16, random),
    }
}

fn fault(servers: u32, horizon: u64, random: &mut Xoshiro256PlusPlus) -> Fault {
    let up_to = |most: u64, random: &mut Xoshiro256PlusPlus| Span::from_picos(random.random_range(0..=most));
    let restart = random.random_bool(0.8).then(|| up_to(horizon / 2, random));
    let kind = match random.random_range(0..5) {
        0 => FaultKind::Crash { restart },
        1 => FaultKind::Reclaim {
            notice: up_to(horizon / 4, random),
            restart,
        },
        2 => FaultKind::Slow {
            factor: random.random_range(1.0..4.0),
            duration: up_to(horizon / 2, random),
        },
        3 => FaultKind::OutOfMemory {
            factor: [0.0, random.random_range(0.0..=1.0)][random.random_range(0..2)],
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
        let first: Box<dyn Source> = if self.is_closed {
            Box::new(Clients::new(&self.world))
        } else {
            Box::new(Listed::of(&self.world))
        };
        let Some(SecondClass { timeout }) = self.second_class else {
            return first;
        };
        let second = Listed {
            timeout,
            ..Listed::of(&self.world)
        };
        let classes = [(first, None), (Box::new(second), Some(1))];
        let classes = classes.map(|(source, priority)| ClassSource { source, priority });
        Box::new(Classes::new(classes.into(), u64::MAX))
    }

    fn pool(&self, server: ServerId) -> &ServerKind {
        &self.pools[self.pool_of[server.place()]]
    }

    /// The servers that could serve a request, alone.
    fn takers(&self, request: &Request) -> Vec<ServerId> {
        let servers = (0..self.servers as u32).map(ServerId);
        let could = |server: &ServerId| self.server(*server, Speed::Readable).can_serve(request);
        servers.filter(could).collect()
    }

    fn server(&self, server: ServerId, speed: Speed) -> Server {
        let make = match speed {
            Speed::Readable => engine::reference,
            Speed::Fast => engine::fast,
        };
        let pool = self.pool(server);
        make(&pool.settings, Box::new(pool.step_time.clone()))
    }

    fn run(&self, speed: Speed) -> FleetStream {
        let members = (0..self.servers).map(|server| FleetMember {
            places: self.pools[self.pool_of[server]].settings.policy.limits().most_running,
            weight: self.weights[server],
            pool: self.pool_of[server] as u32,
        });
        let members: Vec<FleetMember> = members.collect();
        let new_engine = |server: ServerId| self.server(server, speed);
        let settings = FleetSettings {
            router: self.kind().into(),
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
            Speed::Readable => replay_fleet_readable(
                &members,
                &new_engine,
                &settings,
                &mut *source,
                &mut stream,
                &mut Unwatched,
            ),
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

impl Drop for FleetWorld {
    /// A panic of a fleet says in which world it was.
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("in the world of {}", self.place);
        }
    }
}
