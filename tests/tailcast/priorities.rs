//! Continuous batching under priorities, on random worlds: whoever is let in is the first in line, and nobody is lost.

use std::collections::{BTreeMap, BTreeSet};

use tailcast::engine::{self, Event};
use tailcast::fleet::replay;
use tailcast::policy::{ContinuousSettings, PolicySettings};
use tailcast::units::Time;
use tailcast::workload::{Request, RequestId};

use crate::known::{first_and_last_with, request};
use crate::worlds::{Clients, Heard, Stream, World, world};

/// Everything that the reference engine tells of a closed loop over the world, and the requests as they were sent.
fn told(world: &World) -> Vec<Heard> {
    let mut stream = Stream::default();
    let mut engine = engine::reference(&world.settings, Box::new(world.step_time.clone()));
    replay(&mut engine, &mut Clients::new(world), &mut stream).unwrap();
    stream.heard
}

/// The order under priorities: lower numbers first, then earlier arrivals.
fn rank(world: &World, id: RequestId, arrival: Time) -> (i32, Time, RequestId) {
    (world.requests[id.0 as usize].priority, arrival, id)
}

/// The same clients, who never give up.
fn patient(world: World) -> World {
    World { timeout: None, ..world }
}

#[test]
fn nobody_is_let_in_while_a_more_urgent_request_waits() {
    let mut passed = 0;
    for seed in 0..300 {
        let world = patient(world("continuous with priorities", seed));
        let mut arrivals = BTreeMap::new();
        let mut waiting: Vec<(i32, Time, RequestId)> = Vec::new();
        // Whoever was preempted while its step ran is set aside until that step has ended, which is not told.
        let looks_ahead = matches!(&world.settings.policy, PolicySettings::Continuous(it) if it.async_scheduling);
        let mut may_be_aside = BTreeSet::new();
        for heard in told(&world) {
            let Heard::Event { at, id, event } = heard else {
                continue;
            };
            match event {
                Event::Arrived { .. } => {
                    arrivals.insert(id, at);
                    waiting.push(rank(&world, id, at));
                }
                Event::Preempted => {
                    waiting.push(rank(&world, id, arrivals[&id]));
                    may_be_aside.extend(looks_ahead.then_some(id));
                }
                Event::Admitted { .. } => {
                    let mine = rank(&world, id, arrivals[&id]);
                    may_be_aside.remove(&id);
                    let in_line = waiting.iter().filter(|other| !may_be_aside.contains(&other.2));
                    assert_eq!(in_line.min(), Some(&mine), "world {seed}, at {at:?}");
                    passed += u32::from(waiting.iter().any(|other| other.1 < mine.1));
                    waiting.retain(|other| *other != mine);
                }
                // Its last token came while it waited.
                Event::Finished(history) if history.was_waiting => {
                    waiting.retain(|other| other.2 != id);
                }
                _ => {}
            }
        }
        assert!(waiting.is_empty(), "world {seed}: {waiting:?}");
    }
    assert!(passed > 100, "{passed} requests passed one that came earlier");
}

#[test]
fn everyone_is_served_once_and_gets_every_token() {
    for policy in ["continuous with priorities", "continuous with drafts"] {
        for seed in 0..300 {
            let world = patient(world(policy, seed));
            let longest = world.settings.max_model_len;
            let mut ended = BTreeMap::new();
            for heard in told(&world) {
                let Heard::Event { id, event, .. } = heard else {
                    continue;
                };
                let asked = &world.requests[id.0 as usize];
                let prompt = asked.prompt.tokens();
                let output = match event {
                    Event::Rejected => 0,
                    Event::Finished(history) => {
                        assert_eq!(history.input_tokens, prompt);
                        assert!(history.first_token <= history.finished);
                        history.output_tokens
                    }
                    _ => continue,
                };
                let room = longest.saturating_sub(prompt);
                let expected = asked.answer_tokens().min(room);
                assert_eq!(output, expected, "{policy}, world {seed}");
                assert_eq!(ended.insert(id, output), None, "{policy}, world {seed}");
            }
            assert_eq!(ended.len(), world.requests.len(), "{policy}, world {seed}");
        }
    }
}

fn urgent(request: Request, priority: i32) -> Request {
    Request { priority, ..request }
}

/// One at a time. A step costs 8000 + 20 per token + 30 per request: 8630 us for 30 prompt tokens, 8050 us for a
/// decode.
#[test]
fn the_urgent_request_goes_first_and_the_rest_by_arrival() {
    let requests = [
        urgent(request(0, 0, 30, 2), 5),
        urgent(request(1, 100, 30, 2), 5),
        urgent(request(2, 200, 30, 2), 7),
        urgent(request(3, 300, 30, 2), 0),
    ];
    let policy = |priority| {
        PolicySettings::Continuous(ContinuousSettings {
            priority,
            ..ContinuousSettings::new(1, 256)
        })
    };
    let both = 8_630 + 8_050;
    let turn = |place: u64| (place * both + 8_630, (place + 1) * both);
    assert_eq!(
        first_and_last_with(policy(true), 63, &requests),
        [turn(0), turn(2), turn(3), turn(1)]
    );
    assert_eq!(
        first_and_last_with(policy(false), 63, &requests),
        [turn(0), turn(1), turn(2), turn(3)]
    );
}

/// Blocks of 16 tokens, 5 of them. From the second step on the first request holds 3 and the urgent one 2; in step 18
/// both need one more.
#[test]
fn the_least_urgent_gives_way_when_blocks_run_out() {
    let requests = [urgent(request(0, 0, 32, 30), 5), urgent(request(1, 100, 17, 20), 0)];
    let policy = |priority| {
        PolicySettings::Continuous(ContinuousSettings {
            priority,
            prefix_caching: false,
            ..ContinuousSettings::new(8, 256)
        })
    };
    let second = 8_670 + 8_420;
    let shortage = second + 15 * 8_100;
    // The first, though older, preempts itself; the urgent one goes on for 4 steps. Then 49 tokens are computed again,
    // and 12 more.
    let end = shortage + 4 * 8_050;
    assert_eq!(
        first_and_last_with(policy(true), 5, &requests),
        [(8_670, end + 9_010 + 12 * 8_050), (second, end)]
    );
    // By arrival the younger gives way, and computes 33 tokens again once the first is done.
    let end = shortage + 13 * 8_050;
    assert_eq!(
        first_and_last_with(policy(false), 5, &requests),
        [(8_670, end), (second, end + 8_690 + 3 * 8_050)]
    );
}
