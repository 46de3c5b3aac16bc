//! The fast engine tells exactly what the readable engine tells, event for event and step for step. Policies that have
//! the readable engine only are held to what it promises: how it is advanced, and who waits for answers, changes
//! nothing.

use std::collections::{HashMap, VecDeque};

use rand::RngExt;
use tailcast::engine::{self, Engine, Event, Server, ServerLoad};
use tailcast::fleet::replay;
use tailcast::metrics::{Recorder, RecorderSettings, Summary, Trim};
use tailcast::units::{Span, Time};
use tailcast::workload::{Request, RequestId};

use crate::worlds::{Clients, Heard, Listed, Stream, World, policy_names, world, worlds_per_policy};

#[test]
fn both_engines_tell_the_same_when_requests_arrive_by_themselves() {
    for policy in policy_names() {
        for seed in 0..worlds_per_policy() {
            let world = world(policy, seed);
            let slow = open_loop(&world, readable(&world), false);
            // Of a policy with one engine this is the same one, which may be advanced in pieces as well.
            let fast = open_loop(&world, fast(&world), true);
            assert_same(policy, seed, &slow, &fast);
        }
    }
}

#[test]
fn both_engines_tell_the_same_when_clients_wait_for_their_answers() {
    for policy in policy_names() {
        for seed in 0..worlds_per_policy() {
            let world = world(policy, seed);
            let slow = closed_loop(&world, readable(&world));
            let fast = if engine::has_fast(&world.settings) {
                closed_loop(&world, fast(&world))
            } else if takes_no_time(&slow) {
                continue; // An answer may come, and be followed by a request, between two steps of one instant.
            } else {
                // There is no other engine: what this one tells must at least not depend on who waits for answers.
                let mut stream = Stream::default();
                let mut again = same_arrivals(&world, &slow);
                replay(&mut readable(&world), &mut again, &mut stream).unwrap();
                stream.heard
            };
            assert_same(policy, seed, &slow, &fast);
        }
    }
}

#[test]
fn it_is_known_which_policies_have_two_engines() {
    let two: Vec<_> = policy_names()
        .filter(|policy| {
            let has_two = |seed| engine::has_fast(&world(policy, seed).settings);
            let (with, without): (Vec<_>, Vec<_>) = (0..20).partition(|&seed| has_two(seed));
            assert!(with.is_empty() || without.is_empty(), "{policy}");
            without.is_empty()
        })
        .collect();
    let expected = [
        "none",
        "static",
        "continuous",
        "orca",
        "sarathi",
        "vllm-v0",
        "tgi",
        "trtllm",
        "sglang",
        "continuous with prefix cache",
        "continuous with priorities",
        "continuous with drafts",
        "continuous with groups",
        "continuous with groups and prefix cache",
        "sglang with prefix cache",
        "sglang with priorities",
        "sglang with mixed steps",
    ];
    assert_eq!(two, expected);
}

fn readable(world: &World) -> Server {
    engine::reference(&world.settings, Box::new(world.step_time.clone()))
}

/// The fast engine, or the readable one if the policy has no other.
fn fast(world: &World) -> Server {
    engine::fast(&world.settings, Box::new(world.step_time.clone()))
}

fn takes_no_time(heard: &[Heard]) -> bool {
    let takes_none = |heard: &Heard| matches!(heard, Heard::Step { takes: Span::ZERO, .. });
    heard.iter().any(takes_none)
}

/// The world's requests when a closed loop has sent them, whatever becomes of them.
fn same_arrivals(world: &World, heard: &[Heard]) -> Listed {
    let arrivals = heard.iter().filter_map(|heard| match heard {
        Heard::Event {
            at,
            id,
            event: Event::Arrived { .. } | Event::Rejected,
        } => Some((*at, *id)),
        _ => None,
    });
    let sent = arrivals.zip(&world.requests);
    Listed {
        requests: sent
            .map(|((arrival, id), request)| Request {
                id,
                arrival,
                ..request.clone()
            })
            .collect(),
        timeout: world.timeout,
    }
}

/// Sends the world's requests; `with_stops` advances in many small pieces, which must not matter.
fn open_loop(world: &World, mut engine: Server, with_stops: bool) -> Vec<Heard> {
    let mut stream = Stream::default();
    let mut random = world.random.clone();
    let mut deadlines = VecDeque::new();
    let give_up =
        |until: Time, deadlines: &mut VecDeque<(Time, RequestId)>, engine: &mut Server, stream: &mut Stream| {
            while let Some((deadline, id)) = deadlines.pop_front_if(|(time, _)| *time <= until) {
                engine.advance(deadline, stream);
                engine.abort(id, deadline);
            }
        };
    for request in &world.requests {
        give_up(request.arrival, &mut deadlines, &mut engine, &mut stream);
        if with_stops && random.random_bool(0.5) {
            let before = request.arrival.picos();
            engine.advance(Time::from_picos(random.random_range(0..=before)), &mut stream);
        }
        engine.advance(request.arrival, &mut stream);
        engine.submit(request.clone(), &mut stream);
        if let Some(timeout) = world.timeout {
            deadlines.push_back((request.arrival + timeout, request.id));
        }
    }
    give_up(Time::LIMIT, &mut deadlines, &mut engine, &mut stream);
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

#[test]
fn both_engines_say_the_same_of_what_is_in_them() {
    for policy in policy_names() {
        for seed in 0..worlds_per_policy() {
            let world = world(policy, seed);
            if !engine::has_fast(&world.settings) {
                continue;
            }
            let [slow, fast] = [readable, fast].map(|make| sights(&world, make(&world)));
            let differs = slow.iter().zip(&fast).position(|(slow, fast)| slow != fast);
            if let Some(place) = differs {
                panic!(
                    "policy {policy}, world {seed}: {:?}, not {:?}",
                    fast[place], slow[place]
                );
            }
        }
    }
}

/// What a server says of itself when requests arrive, and of what they would find in its cache.
fn sights(world: &World, mut engine: Server) -> Vec<(Time, ServerLoad, u32, Option<Time>)> {
    let mut stream = Stream::default();
    let mut random = world.random.clone();
    let mut seen = Vec::new();
    for request in &world.requests {
        engine.advance(request.arrival, &mut stream);
        seen.push((request.arrival, engine.load(), engine.cached_tokens(request), None));
        engine.submit(request.clone(), &mut stream);
        seen.push((request.arrival, engine.load(), 0, None));
    }
    let mut until = world.requests.last().unwrap().arrival;
    for _ in 0..50 {
        until += Span::from_picos(random.random_range(0..40) * random.random_range(1..40));
        engine.advance(until, &mut stream);
        seen.push((until, engine.load(), 0, engine.next_event()));
    }
    seen
}

#[test]
fn latencies_are_the_same_whichever_engine_tells() {
    let latency = |world: &World, mut engine: Server| {
        let mut recorder = Recorder::new(&RecorderSettings {
            pools: Vec::new(),
            server: &world.settings,
            prefix_caching: false, // As nobody tells what is sent.
            slos: &[],
            gpu_work: None,
            step_prices: None,
            trim: Trim::Nothing,
        });
        for request in &world.requests {
            engine.advance(request.arrival, &mut recorder);
            engine.submit(request.clone(), &mut recorder);
        }
        engine.advance(Time::LIMIT, &mut recorder);
        Summary::of(&recorder.finish()).latency
    };
    for policy in policy_names() {
        for seed in 0..worlds_per_policy() {
            let world = world(policy, seed);
            let [slow, fast] = [readable, fast].map(|make| latency(&world, make(&world)));
            assert_eq!(slow, fast, "policy {policy}, world {seed}");
        }
    }
}

fn closed_loop(world: &World, mut engine: Server) -> Vec<Heard> {
    let mut stream = Stream::default();
    replay(&mut engine, &mut Clients::new(world), &mut stream).unwrap();
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
fn a_history_has_how_many_ran_at_the_first_token() {
    for policy in policy_names() {
        let (mut alone, mut together, mut whole) = (0, 0, 0);
        for seed in 0..worlds_per_policy() {
            let world = world(policy, seed);
            let engines = [readable, fast];
            let has_two = engine::has_fast(&world.settings);
            for make in &engines[..=usize::from(has_two)] {
                let engine = || make(&world);
                for heard in [
                    open_loop(&world, engine(), false),
                    open_loop(&world, engine(), true),
                    closed_loop(&world, engine()),
                ] {
                    for (id, told, counted) in running_at_first_tokens(&heard) {
                        assert_eq!(told, counted, "policy {policy}, world {seed}, {id:?}");
                        match told {
                            0 => whole += 1,
                            1 => alone += 1,
                            2.. => together += 1,
                        }
                    }
                }
            }
        }
        assert!(alone > 0, "{policy}: nobody has its first token alone");
        assert_eq!(together > 0, policy != "none", "{policy}: {together}");
        assert!(whole > 0, "{policy}: nobody has its answer as a whole");
    }
}

/// Of each finished request how many ran at its first token: as its history has it, and counted from what was heard
/// until this token was told; none if its response is sent as a whole or has no token.
fn running_at_first_tokens(heard: &[Heard]) -> Vec<(RequestId, u32, u32)> {
    let mut running = 0;
    let mut at_first_token = HashMap::new();
    let mut ended = Vec::new();
    for heard in heard {
        let Heard::Event { id, event, .. } = heard else {
            continue;
        };
        match event {
            Event::Admitted { .. } => running += 1,
            Event::Preempted | Event::Aborted { waiting: false } => running -= 1,
            Event::FirstToken => {
                let before = at_first_token.insert(*id, running);
                assert_eq!(before, None, "{id:?} has one first token");
            }
            Event::Finished(history) => {
                running -= u32::from(!history.was_waiting);
                let counted = at_first_token.remove(id);
                assert_eq!(counted.is_some(), history.streamed, "{id:?}");
                ended.push((*id, history.running_at_first_token, counted.unwrap_or(0)));
            }
            _ => {}
        }
    }
    assert_eq!(running, 0, "nobody runs in the end");
    ended
}

#[test]
fn the_worlds_are_tight_enough_that_everything_happens() {
    for policy in policy_names() {
        let mut kinds = std::collections::BTreeSet::new();
        for seed in 0..200 {
            let world = world(policy, seed);
            for heard in open_loop(&world, fast(&world), false) {
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
                    kinds.extend((history.output_tokens == 0).then_some("an answer without a token"));
                }
                kinds.insert(match heard {
                    Heard::Event { event, .. } => kind(&event),
                    Heard::Step { takes: Span::ZERO, .. } => "a step without duration",
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
            "an answer without a token",
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

#[test]
fn requests_over_groups_are_often_preempted_and_find_their_own_blocks_again() {
    let (mut worlds, mut preempted, mut hits) = (0, 0, 0);
    for seed in 0..200 {
        let world = world("continuous with groups and prefix cache", seed);
        let is_own = |request: &Request| {
            let segments = request.prompt.segments().unwrap_or_default();
            segments.is_empty() && !request.output_is_shared
        };
        if !world.requests.iter().all(is_own) {
            continue; // The readable engine takes these.
        }
        worlds += 1;
        let heard = open_loop(&world, fast(&world), true);
        let is_preempted = |heard: &&Heard| {
            matches!(
                heard,
                Heard::Event {
                    event: Event::Preempted,
                    ..
                }
            )
        };
        let count = heard.iter().filter(is_preempted).count();
        preempted += u32::from(count > 3);
        let again = |heard: &Heard| match heard {
            Heard::Event {
                event: Event::Admitted { resumed: true, tokens },
                id,
                ..
            } => {
                let request = world.requests.iter().find(|request| request.id == *id);
                request.is_some_and(|request| *tokens < request.prompt.tokens())
            }
            _ => false,
        };
        hits += u32::from(heard.iter().any(again));
    }
    assert!(
        worlds >= 100 && preempted >= 25 && hits >= 15,
        "{worlds} {preempted} {hits}"
    );
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
        Event::SentAgain { .. } | Event::Lost { .. } => unreachable!("a server knows nothing of other attempts"),
    }
}
