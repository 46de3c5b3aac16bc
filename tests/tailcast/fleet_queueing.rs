//! Queueing theory of many servers: what is known on paper of a common queue, of the power of two choices, and of
//! clients who think.

use tailcast::engine::{self, Event, Observer, Server, ServerId, ServerSettings, StepRun};
use tailcast::fleet::{
    FleetMember, FleetSettings, Hardships, Unwatched, replay_fleet, router_named, usually_held_back,
};
use tailcast::policy::{NoBatching, PolicySettings};
use tailcast::step_time::Affine;
use tailcast::units::{Span, Time};
use tailcast::workload::{Arrivals, ClosedStart, LengthDistribution, Lengths, RequestId, Synthetic, Think};

/// The mean of the exponential service times [s]: 2,000 steps in the mean, which rounding changes little.
const SERVICE_S: f64 = 0.2;
const BATCHES: usize = 100;
/// The 99.5 % quantile of Student's t for 99 degrees of freedom.
const T_995_99: f64 = 2.626;

fn settings() -> ServerSettings {
    ServerSettings {
        policy: PolicySettings::None(NoBatching),
        kv_blocks: 100_000,
        block_tokens: 16,
        max_model_len: 200_000,
        kv_groups: None,
    }
}

fn server(_number: ServerId) -> Server {
    let step_time = Affine {
        base: Span::from_micros(100),
        per_token: Span::ZERO,
        per_sequence: Span::ZERO,
    };
    engine::fast(&settings(), Box::new(step_time))
}

fn run(servers: u32, router: &str, workload: &Synthetic, observer: &mut impl Observer) {
    let member = FleetMember {
        places: 1,
        weight: 1.0,
        pool: 0,
    };
    let settings = FleetSettings {
        router: router_named(router).unwrap().into(),
        state_delay: Span::ZERO,
        hardships: &Hardships::default(),
        autoscale: None,
        seed: 7,
        held_back: usually_held_back(servers),
    };
    replay_fleet(
        &vec![member; servers as usize],
        &server,
        &settings,
        &mut workload.source(7),
        observer,
        &mut Unwatched,
    )
    .unwrap();
}

fn workload(arrivals: Arrivals, requests: u64) -> Synthetic {
    let output = LengthDistribution::Exponential { mean: SERVICE_S / 1e-4 };
    Synthetic {
        requests: Some(requests),
        ..Synthetic::new(arrivals, Lengths::fixed(1), Lengths::new(output))
    }
}

fn poisson(servers: u32, utilisation: f64, requests: u64) -> Synthetic {
    let rate_per_s = utilisation * f64::from(servers) / SERVICE_S;
    workload(Arrivals::Poisson { rate_per_s }, requests)
}

/// Waits and responses of requests in the order in which they end [s], and how many are on each server over time.
#[derive(Default)]
struct Heard {
    waits: Vec<f64>,
    responses: Vec<f64>,
    servers: Vec<OnServer>,
}

#[derive(Clone)]
struct OnServer {
    count: usize,
    since: f64,
    /// For how long there were so many.
    held: [f64; 128],
}

impl Observer for Heard {
    fn on(&mut self, _at: Time, _id: RequestId, event: &Event) {
        if let Event::Finished(history) = event {
            self.waits.push((history.scheduled - history.arrival).seconds());
            self.responses.push((history.finished - history.arrival).seconds());
        }
    }

    fn ran(&mut self, _run: &StepRun<'_>) {}

    fn on_server(&mut self, server: ServerId, at: Time, _id: RequestId, event: &Event) {
        if self.servers.len() <= server.place() {
            let empty = OnServer {
                count: 0,
                since: 0.0,
                held: [0.0; 128],
            };
            self.servers.resize(server.place() + 1, empty);
        }
        let on = &mut self.servers[server.place()];
        on.held[on.count] += at.seconds() - on.since;
        on.since = at.seconds();
        match event {
            Event::Arrived { .. } => on.count += 1,
            Event::Finished(_) => on.count -= 1,
            _ => {}
        }
    }
}

/// The mean and the half-width of its 99 % interval, from batch means; the first tenth is left out.
fn with_interval(values: &[f64]) -> (f64, f64) {
    let values = &values[values.len() / 10..];
    let batch = values.len() / BATCHES;
    let means: Vec<f64> = values
        .chunks_exact(batch)
        .take(BATCHES)
        .map(|batch| batch.iter().sum::<f64>() / batch.len() as f64)
        .collect();
    let mean = means.iter().sum::<f64>() / BATCHES as f64;
    let squares: f64 = means.iter().map(|batch| (batch - mean).powi(2)).sum();
    let error = (squares / (BATCHES as f64 - 1.0) / BATCHES as f64).sqrt();
    (mean, T_995_99 * error)
}

/// The mean wait in an M/M/c queue [s] (A. K. Erlang, 1917), with the chance to wait by the stable recursion over
/// Erlang's B.
pub fn erlang_c_wait_s(servers: u32, utilisation: f64, service_s: f64) -> f64 {
    let offered = utilisation * f64::from(servers);
    let blocked = (1..=servers).fold(1.0, |b, n| offered * b / (f64::from(n) + offered * b));
    let waits = blocked / (1.0 - utilisation * (1.0 - blocked));
    waits * service_s / (f64::from(servers) * (1.0 - utilisation))
}

#[test]
fn a_common_queue_waits_as_erlang_says() {
    for servers in [2, 8, 32] {
        for (utilisation, requests) in [(0.5, 200_000), (0.8, 300_000), (0.95, 1_000_000)] {
            let mut heard = Heard::default();
            run(
                servers,
                "central_queue",
                &poisson(servers, utilisation, requests),
                &mut heard,
            );
            let (wait, half_width) = with_interval(&heard.waits);
            let expected = erlang_c_wait_s(servers, utilisation, SERVICE_S);
            assert!(
                (wait - expected).abs() <= half_width,
                "{servers} servers at {utilisation}: {wait} +- {half_width} s, theory {expected} s"
            );
            assert!(
                half_width < 0.2 * expected || expected < 1e-5,
                "{servers} servers at {utilisation}: the interval {half_width} says something of {expected}"
            );
        }
    }
}

#[test]
fn two_choices_leave_few_servers_with_many_requests() {
    let (servers, utilisation) = (200, 0.9_f64);
    let mut two = Heard::default();
    run(
        servers,
        "power_of_two",
        &poisson(servers, utilisation, 1_000_000),
        &mut two,
    );
    let all: f64 = two.servers.iter().flat_map(|on| on.held).sum();
    for (least, within) in [(1, 0.01), (2, 0.02), (3, 0.04), (4, 0.12)] {
        let held: f64 = two.servers.iter().flat_map(|on| &on.held[least..]).sum();
        let (share, expected) = (held / all, utilisation.powi((1 << least) - 1));
        assert!(
            (share / expected - 1.0).abs() < within,
            "{least} or more: {share}, theory {expected}"
        );
    }
    // Whoever sees all servers does better, and a common queue best of all.
    let mut least = Heard::default();
    run(
        servers,
        "least_outstanding",
        &poisson(servers, utilisation, 300_000),
        &mut least,
    );
    let [two, least] = [two, least].map(|heard| with_interval(&heard.waits).0);
    let best = erlang_c_wait_s(servers, utilisation, SERVICE_S);
    assert!(best < least && least < two, "{best} < {least} < {two}");
}

/// The mean response time of users who think and are served by one of several servers drawn at random [s], by mean
/// value analysis (M. Reiser, S. S. Lavenberg, 1980).
fn mean_value_response_s(users: u32, servers: u32, think_s: f64) -> f64 {
    let (mut queue, mut response) = (0.0, 0.0);
    for n in 1..=users {
        response = SERVICE_S * (1.0 + queue);
        let throughput = f64::from(n) / (think_s + response);
        queue = throughput * response / f64::from(servers);
    }
    response
}

#[test]
fn users_who_think_wait_as_mean_value_analysis_says() {
    for (users, servers, think_s) in [(40, 4, 1.0), (100, 8, 2.0), (12, 3, 0.5)] {
        let arrivals = Arrivals::Closed {
            concurrency: users,
            think: Think::Exponential {
                mean: Span::from_seconds(think_s).unwrap(),
            },
            start: ClosedStart::Spread,
        };
        let mut heard = Heard::default();
        run(servers, "random", &workload(arrivals, 600_000), &mut heard);
        let (response, half_width) = with_interval(&heard.responses);
        let expected = mean_value_response_s(users, servers, think_s);
        assert!(
            (response - expected).abs() <= half_width,
            "{users} users, {servers} servers: {response} +- {half_width} s, theory {expected} s"
        );
        assert!(
            half_width < 0.02 * expected,
            "the interval says something: {half_width}"
        );
    }
}
