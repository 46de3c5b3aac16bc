//! The fast engine tells exactly what the readable engine tells, event for event and step for step.

use std::collections::VecDeque;

use rand::RngExt;
use tailcast::engine::{self, Engine, Event};
use tailcast::fleet::replay;
use tailcast::units::{Span, Time};
use tailcast::workload::RequestId;

use crate::worlds::{Clients, Heard, Stream, World, policy_names, world, worlds_per_policy};

#[test]
fn both_engines_tell_the_same_when_requests_arrive_by_themselves() {
    for policy in policy_names() {
        for seed in 0..worlds_per_policy() {
            let world = world(policy, seed);
            let slow = open_loop(
                &world,
                engine::reference(&world.settings, Box::new(world.step_time.clone())),
                false,
            );
            let fast = open_loop(
                &world,
                engine::fast(&world.settings, Box::new(world.step_time.clone())),
                true,
            );
            assert_same(policy, seed, &slow, &fast);
        }
    }
}

#[test]
fn both_engines_tell_the_same_when_clients_wait_for_their_answers() {
    for policy in policy_names() {
        for seed in 0..worlds_per_policy() {
            let world = world(policy, seed);
            let slow = closed_loop(
                &world,
                engine::reference(&world.settings, Box::new(world.step_time.clone())),
            );
            let fast = closed_loop(
                &world,
                engine::fast(&world.settings, Box::new(world.step_time.clone())),
            );
            assert_same(policy, seed, &slow, &fast);
        }
    }
}

/// Sends the world's requests; `with_stops` advances in many small pieces, which must not matter.
fn open_loop(world: &World, mut engine: Box<dyn Engine>, with_stops: bool) -> Vec<Heard> {
    let mut stream = Stream::default();
    let mut random = world.random.clone();
    let mut deadlines = VecDeque::new();
    let give_up = |until: Time,
                   deadlines: &mut VecDeque<(Time, RequestId)>,
                   engine: &mut dyn Engine,
                   stream: &mut Stream| {
        while let Some((deadline, id)) = deadlines.pop_front_if(|(time, _)| *time <= until) {
            engine.advance(deadline, stream);
            engine.abort(id, deadline);
        }
    };
    for request in &world.requests {
        give_up(
            request.arrival,
            &mut deadlines,
            engine.as_mut(),
            &mut stream,
        );
        if with_stops && random.random_bool(0.5) {
            let before = request.arrival.picos();
            engine.advance(
                Time::from_picos(random.random_range(0..=before)),
                &mut stream,
            );
        }
        engine.advance(request.arrival, &mut stream);
        engine.submit(request.clone(), &mut stream);
        if let Some(timeout) = world.timeout {
            deadlines.push_back((request.arrival + timeout, request.id));
        }
    }
    give_up(Time::LIMIT, &mut deadlines, engine.as_mut(), &mut stream);
    if with_stops {
        let mut until = world.requests.last().unwrap().arrival;
        for _ in 0..20 {
            until += Span::from_picos(random.random_range(0..20));
            engine.advance(until, &mut stream);
        }
    }
    engine.advance(Time::LIMIT, &mut stream);
    stream.heard
}

fn closed_loop(world: &World, mut engine: Box<dyn Engine>) -> Vec<Heard> {
    let mut stream = Stream::default();
    replay(engine.as_mut(), &mut Clients::new(world), &mut stream).unwrap();
    stream.heard
}

fn assert_same(policy: &str, seed: u64, slow: &[Heard], fast: &[Heard]) {
    let first = slow.iter().zip(fast).position(|(slow, fast)| slow != fast);
    if first.is_none() && slow.len() == fast.len() {
        return;
    }
    let place = first.unwrap_or(slow.len().min(fast.len()));
    let from = place.saturating_sub(4);
    panic!(
        "policy {policy}, world {seed}: the engines differ at {place}\nslow: {:#?}\nfast: {:#?}",
        &slow[from..slow.len().min(place + 2)],
        &fast[from..fast.len().min(place + 2)],
    );
}

#[test]
fn the_worlds_are_tight_enough_that_everything_happens() {
    for policy in policy_names() {
        let mut kinds = std::collections::BTreeSet::new();
        for seed in 0..200 {
            let world = world(policy, seed);
            let engine = engine::fast(&world.settings, Box::new(world.step_time.clone()));
            for heard in open_loop(&world, engine, false) {
                if let Heard::Event {
                    event: Event::Finished(history),
                    ..
                } = heard
                {
                    let prompt = u64::from(history.input_tokens);
                    kinds.extend((history.cached_tokens > 0).then_some("a hit"));
                    // Fewer tokens again than it has had computed when it was preempted.
                    let again = history.preemptions > 0 && history.recomputed_tokens < prompt;
                    kinds.extend(again.then_some("a hit after a preemption"));
                    kinds.extend(history.was_waiting.then_some("a last token while waiting"));
                }
                kinds.insert(match heard {
                    Heard::Event { event, .. } => kind(&event),
                    Heard::Step {
                        takes: Span::ZERO, ..
                    } => "a step without duration",
                    Heard::Step { .. } => "a step",
                });
            }
        }
        let mut expected = vec![
            "a step",
            "a step without duration",
            "arrived",
            "admitted",
            "rejected",
            "finished",
            "aborted while waiting",
        ];
        if policy != "static" {
            expected.push("aborted while running"); // A static batch runs to its end.
        }
        if !["none", "static", "orca", "tgi"].contains(&policy) {
            expected.extend(["preempted", "resumed"]);
        }
        if !["none", "static", "orca"].contains(&policy) {
            expected.push("token");
        }
        if policy.contains("continuous") && !policy.contains("drafts") {
            expected.push("a last token while waiting");
        }
        if policy.contains("prefix cache") {
            expected.extend(["a hit", "a hit after a preemption"]);
        }
        for kind in expected {
            assert!(kinds.contains(kind), "{policy}: {kind} never happens");
        }
    }
}

fn kind(event: &Event) -> &'static str {
    match event {
        Event::Arrived { .. } => "arrived",
        Event::Rejected => "rejected",
        Event::Admitted { resumed: false, .. } => "admitted",
        Event::Admitted { resumed: true, .. } => "resumed",
        Event::Preempted => "preempted",
        Event::FirstToken => "first token",
        Event::Token { .. } => "token",
        Event::Finished(_) => "finished",
        Event::Aborted { waiting: true } => "aborted while waiting",
        Event::Aborted { waiting: false } => "aborted while running",
    }
}
