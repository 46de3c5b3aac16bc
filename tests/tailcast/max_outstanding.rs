//! Clients who keep only so many requests outstanding, while others that are due wait with them.

use std::collections::BTreeMap;

use serde_json::Value;
use tailcast::answer::Base;
use tailcast::engine::{self, Event, Heard, Server};
use tailcast::fleet::replay;
use tailcast::units::Time;
use tailcast::workload::{Limited, RequestId};

use crate::capacities::{json, number};
use crate::command::Workplace;
use crate::worlds::{Listed, Stream, World, policy_names, world, worlds_per_policy};

fn limited(world: &World, mut engine: Server, most: u32) -> Vec<Heard> {
    let mut stream = Stream::default();
    replay(
        &mut engine,
        &mut Limited::new(&mut Listed::of(world), most),
        &mut stream,
    )
    .unwrap();
    stream.heard
}

fn readable(world: &World) -> Server {
    engine::reference(&world.settings, Box::new(world.step_time.clone()))
}

fn fast(world: &World) -> Server {
    engine::fast(&world.settings, Box::new(world.step_time.clone()))
}

/// When each request was sent, and when its client had done with it.
fn sent_and_ended(world: &World, heard: &[Heard]) -> Vec<(Time, Time)> {
    let mut all: BTreeMap<RequestId, (Time, Option<Time>)> = BTreeMap::new();
    for heard in heard {
        let Heard::Event { at, id, event } = heard else {
            continue;
        };
        match event {
            Event::Arrived { .. } => assert_eq!(all.insert(*id, (*at, None)), None),
            Event::Rejected => assert_eq!(all.insert(*id, (*at, Some(*at))), None),
            Event::Finished(history) => {
                let sent_and_ended = all.get_mut(id).unwrap();
                assert_eq!(history.arrival, sent_and_ended.0, "latencies start when it is sent");
                assert_eq!(sent_and_ended.1.replace(history.finished), None);
            }
            // The client has hung up before the server hears of it.
            Event::Aborted { .. } => {
                let (sent, ended) = all.get_mut(id).unwrap();
                assert_eq!(ended.replace(*sent + world.timeout.unwrap()), None);
            }
            _ => {}
        }
    }
    assert!(all.keys().map(|id| id.0).eq(0..all.len() as u64), "in their order");
    all.into_values()
        .map(|(sent, ended)| (sent, ended.unwrap_or(NEVER)))
        .collect()
}

/// When a request ends that its server never schedules, as without chunked prefill one that is longer than a step.
const NEVER: Time = Time::from_picos(u64::MAX);

/// When a plain semaphore with `most` places lets a request go: when it is due, those before it have gone, and so many
/// of them have ended that a place is free.
fn let_go(due: Time, before: &[(Time, Time)], most: usize) -> Time {
    let mut ends: Vec<Time> = before.iter().map(|&(_, ended)| ended).collect();
    ends.sort_unstable();
    let place = before.len().checked_sub(most).map_or(Time::ZERO, |place| ends[place]);
    let last = before.last().map_or(Time::ZERO, |&(sent, _)| sent);
    due.max(place).max(last)
}

#[test]
fn requests_are_sent_when_a_plain_semaphore_lets_them_go() {
    let (mut held, mut free, mut gave_up) = (0, 0, 0);
    for policy in policy_names() {
        for seed in 0..worlds_per_policy() / 4 {
            let world = world(policy, seed);
            let most = world.clients;
            let sent = sent_and_ended(&world, &limited(&world, fast(&world), most as u32));
            for (number, request) in world.requests.iter().enumerate() {
                let expected = let_go(request.arrival, &sent[..number.min(sent.len())], most);
                let Some(&(at, ended)) = sent.get(number) else {
                    assert_eq!(expected, NEVER, "policy {policy}, world {seed}, request {number}");
                    break;
                };
                assert_eq!(at, expected, "policy {policy}, world {seed}, request {number}");
                held += u32::from(expected > request.arrival);
                free += u32::from(expected == request.arrival);
                gave_up += u32::from(world.timeout.is_some_and(|timeout| ended == expected + timeout));
            }
        }
    }
    assert!(held > 1_000 && free > 1_000 && gave_up > 100, "{held} {free} {gave_up}");
}

#[test]
fn both_engines_tell_the_same_when_clients_hold_requests_back() {
    for policy in policy_names() {
        for seed in 0..worlds_per_policy() {
            let world = world(policy, seed);
            if engine::has_fast(&world.settings) {
                let most = world.clients as u32;
                let [slow, fast] = [readable, fast].map(|make| limited(&world, make(&world), most));
                assert!(slow == fast, "policy {policy}, world {seed}");
            }
        }
    }
}

#[test]
fn who_may_have_all_outstanding_holds_nothing_back() {
    for policy in policy_names() {
        for seed in 0..worlds_per_policy() / 4 {
            let world = world(policy, seed);
            let mut stream = Stream::default();
            replay(&mut fast(&world), &mut Listed::of(&world), &mut stream).unwrap();
            let limited = limited(&world, fast(&world), world.requests.len() as u32);
            assert!(limited == stream.heard, "policy {policy}, world {seed}");
        }
    }
}

/// One at a time, at two requests a second, each of which takes half a second in the mean: half as many again as are
/// served.
const OVERLOADED: &str = r#"
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
step_time = { base_us = 1000 }
[batching]
policy = "none"
[workload]
requests = 4000
arrivals = { process = "poisson", rate = 3.0 }
prompt = { dist = "fixed", value = 1 }
output = { dist = "exponential", mean = 500, max = 20000 }
"#;

fn of_file(text: &str) -> (Value, String) {
    let place = Workplace::new();
    place.write("scenario.toml", text);
    let result = json(&place.run(&["run", "scenario.toml", "--format", "json"]));
    let ended = place.run(&["run", "scenario.toml"]);
    (result, ended.stdout)
}

#[test]
fn the_wait_at_the_client_is_told_apart_from_what_the_server_does() {
    let limited = format!("{OVERLOADED}[client]\nmax_outstanding = 4\n");
    let (result, screen) = of_file(&limited);
    let (free, free_screen) = of_file(OVERLOADED);
    assert_eq!(free.get("client_wait"), None, "nothing is added without a limit");
    assert!(!free_screen.contains("At client"));
    let wait = &result["client_wait"];
    assert_eq!(wait["max_outstanding"], 4);
    assert_eq!(wait["count"], 4000);
    // A place of four is had by 2 / 4 s in the mean.
    let e2e = number(&result["latency"]["e2e"]["mean"]);
    assert!((1.8..2.2).contains(&e2e), "{e2e}");
    assert!(number(&wait["mean"]) > 100.0, "{wait}");
    // Both together are what a client without a limit waits, as the server serves in the order of arrival.
    let both = e2e + number(&wait["mean"]);
    let whole = number(&free["latency"]["e2e"]["mean"]);
    assert!((both / whole - 1.0).abs() < 1e-6, "{both} {whole}");
    assert!(screen.contains("At client waits mean "), "{screen}");
    assert!(screen.contains("as 4 may be outstanding"), "{screen}");
    // A queue at the client grows like any other.
    assert_eq!(result["verdict"], "saturated");
    assert_eq!(free["verdict"], "saturated");
}

#[test]
fn a_load_that_is_carried_is_not_called_saturated() {
    let text = OVERLOADED.replace("rate = 3.0", "rate = 1.0");
    let (result, _) = of_file(&format!("{text}[client]\nmax_outstanding = 2\n"));
    assert_eq!(result["verdict"], "ok");
    let (free, _) = of_file(&text);
    let both = number(&result["latency"]["e2e"]["mean"]) + number(&result["client_wait"]["mean"]);
    let whole = number(&free["latency"]["e2e"]["mean"]);
    assert!((both / whole - 1.0).abs() < 1e-6, "{both} {whole}");
}

#[test]
fn studies_turn_the_rate_and_find_the_same_end_of_it() {
    let place = Workplace::new();
    place.write("free.toml", OVERLOADED);
    place.write("limited.toml", format!("{OVERLOADED}[client]\nmax_outstanding = 8\n"));
    let capacity = |file: &str| {
        let ended = place.run(&[
            "capacity",
            file,
            "--slo",
            "itl.p99<1s",
            "--seeds",
            "2",
            "--no-changes",
            "--format",
            "json",
        ]);
        let found = json(&ended);
        number(&found["capacity"])
    };
    // Gaps between tokens are met at any rate, so what ends it is a queue that grows, wherever it stands.
    let (free, limited) = (capacity("free.toml"), capacity("limited.toml"));
    assert!(
        (1.8..2.4).contains(&free) && (limited / free - 1.0).abs() < 0.1,
        "{free} {limited}"
    );
    let curve = json(&place.run(&["curve", "limited.toml", "--rate", "1,3", "--format", "json"]));
    assert!(curve.to_string().contains("ttft"), "{curve}");
    let ended = place.run(&["check", "limited.toml", "--set", "workload.requests=300"]);
    assert!(ended.stdout.starts_with("equal"), "{}{}", ended.stdout, ended.stderr);
}

#[test]
fn rows_of_a_trace_keep_their_times_and_wait_for_a_place() {
    let place = Workplace::new();
    place.write(
        "trace.csv",
        "arrival_s,input_tokens,output_tokens\n0,1,1000\n0.5,1,1000\n3,1,1000\n3.2,1,1000\n",
    );
    let text = |client: &str| {
        format!(
            "[model]\nname = \"llama-3.1-8b\"\n[server]\ngpu = \"h100-sxm\"\nstep_time = {{ base_us = 1000 }}\n\
             [batching]\npolicy = \"none\"\n[workload]\ntrace = {{ path = \"trace.csv\" }}\n{client}"
        )
    };
    place.write("scenario.toml", text("[client]\nmax_outstanding = 1\n"));
    let ended = place.run(&["run", "scenario.toml", "--format", "json", "--requests-out", "rows.csv"]);
    let result = json(&ended);
    let rows = std::fs::read_to_string(place.path("rows.csv")).unwrap();
    let sent: Vec<f64> = rows
        .lines()
        .skip(1)
        .map(|row| row.split(',').nth(1).unwrap().parse().unwrap())
        .collect();
    assert_eq!(sent, [0.0, 1.0, 3.0, 4.0]);
    assert!((number(&result["client_wait"]["mean"]) - 1.3 / 4.0).abs() < 1e-9);
    assert!((number(&result["latency"]["ttft"]["max"]) - 0.001).abs() < 1e-9);
    // A client gives up so long after its request was sent, however long it was due.
    place.write(
        "impatient.toml",
        text("[client]\nmax_outstanding = 1\ntimeout = \"900ms\"\n"),
    );
    let result = json(&place.run(&["run", "impatient.toml", "--slo-exit-zero", "--format", "json"]));
    assert_eq!(result["requests"]["timed_out"], 4);
    assert!((number(&result["client_wait"]["max"]) - 0.7).abs() < 1e-9, "{result}");
}

#[test]
fn what_makes_no_sense_beside_a_limit_is_refused() {
    let closed = "{ process = \"closed\", concurrency = 8 }";
    let of = |text: &str| match Base::from_toml(text).load() {
        Ok(_) => String::new(),
        Err(error) => format!("{error:?}"),
    };
    let limit = "[client]\nmax_outstanding = 4\n";
    let poisson = "{ process = \"poisson\", rate = 3.0 }";
    let refused = of(&format!("{}{limit}", OVERLOADED.replace(poisson, closed)));
    assert!(
        refused.contains("`client.max_outstanding` and `workload.arrivals.concurrency` exclude"),
        "{refused}"
    );
    let refused = of(&format!("{OVERLOADED}[client]\nmax_outstanding = 0\n"));
    assert!(
        refused.contains("client.max_outstanding` must be a whole number from 1"),
        "{refused}"
    );
    let refused = of(&format!("{OVERLOADED}timeout = \"2s\"\n[client]\ntimeout = \"3s\"\n"));
    assert!(
        refused.contains("`client.timeout` and `workload.timeout` are the same"),
        "{refused}"
    );
    let refused = of(&format!("{OVERLOADED}[client]\ntimeout = \"0s\"\n"));
    assert!(
        refused.contains("`client.timeout` must be longer than nothing"),
        "{refused}"
    );
    let refused = of(&format!("{OVERLOADED}[client]\nmax_outstandin = 3\n"));
    assert!(refused.contains("max_outstanding"), "{refused}");
    // Sessions, each of whose turns takes a place of its own, are limited like all others.
    assert_eq!(of(&format!("{OVERLOADED}session = {{ turns = 3 }}\n{limit}")), "");
    let place = Workplace::new();
    place.write("scenario.toml", format!("{OVERLOADED}timeout = \"300s\"\n"));
    let ended = place.run(&[
        "run",
        "scenario.toml",
        "--set",
        "client.timeout=1ms",
        "--slo-exit-zero",
        "--format",
        "json",
    ]);
    assert!(
        json(&ended)["requests"]["finished"].as_u64().unwrap() < 40,
        "the later text rules"
    );
}
