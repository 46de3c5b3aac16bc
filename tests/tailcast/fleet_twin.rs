//! Many servers behind a router: the fast fleet tells exactly what the readable fleet over readable engines tells, and
//! a fleet of one is a server.

use rand::RngExt;
use tailcast::engine::{self, Event, Observer, Server, ServerId, StepRun, Streamed};
use tailcast::fleet::{
    FleetMember, FleetSettings, ROUTERS, RouterKind, Unwatched, replay, replay_fleet, replay_fleet_readable,
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
    })
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
            engine: self.server(speed),
            places: self.world.settings.policy.limits().most_running,
            weight: self.weights[server],
        });
        let members = members.collect();
        let settings = FleetSettings {
            router: self.kind(),
            state_delay: self.state_delay,
            seed: 7,
            held_back: self.held_back,
        };
        let mut stream = FleetStream::default();
        stream.servers.resize_with(self.servers, Stream::default);
        let mut source = self.source();
        match speed {
            Speed::Readable => replay_fleet_readable(members, &settings, &mut *source, &mut stream),
            Speed::Fast => replay_fleet(members, &settings, &mut *source, &mut stream, &mut Unwatched),
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
    servers: Vec<Stream>,
}

impl FleetStream {
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
        self.in_order(start);
    }

    fn on_server(&mut self, server: ServerId, at: Time, id: RequestId, event: &Event) {
        self.servers[server.place()].on(at, id, event);
    }

    fn ran_on(&mut self, server: ServerId, run: &StepRun<'_>) {
        self.servers[server.place()].ran(run);
    }
}
