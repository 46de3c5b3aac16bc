//! Slots of the KV cache without a token: worked out on paper, and within bounds in random worlds.

use serde_json::Value;
use tailcast::engine::{self, Engine, Server, ServerSettings};
use tailcast::metrics::{KvFragmentation, Recorder, RecorderSettings, Summary, Trim};
use tailcast::step_time::StepTime;
use tailcast::units::Time;

use crate::command::Workplace;
use crate::metrics::close;
use crate::worlds::{World, policy_names, world};

/// Blocks of 16 tokens, and 10 ms a step.
const SERVER: &str = r#"
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
max_model_len = 160
kv_blocks = 101
step_time = { base_us = 10000, per_token_us = 0, per_seq_us = 0 }
[workload]
trace = { path = "trace.csv" }
"#;

/// The mean and that at the peak, of rows of arrival, input, output and `max_tokens`.
fn empty(policy: &str, rows: &str) -> [Value; 2] {
    let place = Workplace::new();
    place.write("scenario.toml", SERVER);
    let header = "arrival_s,input_tokens,output_tokens,max_tokens\n";
    place.write("trace.csv", format!("{header}{rows}"));
    let mut arguments = vec!["run", "scenario.toml", "--quiet", "--format", "json"];
    for setting in policy.split(' ') {
        arguments.extend(["--set", setting]);
    }
    let ended = place.run(&arguments);
    let result: Value = ended.json();
    ["mean", "at_peak"].map(|key| result["kv"]["fragmentation"][key].clone())
}

#[track_caller]
fn assert_empty(policy: &str, rows: &str, mean: f64, at_peak: f64) {
    let found = empty(policy, rows).map(|value| value.as_f64().expect("it is known"));
    assert!(
        close(found[0], mean, 1e-12) && close(found[1], at_peak, 1e-12),
        "{policy}: {found:?}, not {mean} and {at_peak}"
    );
}

#[test]
fn the_last_block_of_a_request_is_partly_empty() {
    for policy in ["batching.policy=none", "batching.policy=continuous"] {
        // 20, 21, 22, 23 and 24 tokens in two blocks.
        assert_empty(policy, "0,20,5,5\n", 50.0 / 160.0, 12.0 / 32.0);
        // 15 and 16 tokens in a block, 17 and 18 in two.
        assert_empty(policy, "0,15,4,4\n", 30.0 / 96.0, 15.0 / 32.0);
        // 24 tokens in two blocks for a step, twice.
        assert_empty(policy, "0,24,1,1\n5,24,1,1\n", 8.0 / 32.0, 8.0 / 32.0);
    }
    // Together: 15 + 20, 16 + 21, 17 + 22 and 18 + 23 tokens, then 24 alone. Decided ahead, the last step still finds
    // the other's blocks.
    let mut slots = [48.0, 48.0, 64.0, 64.0, 32.0];
    let mut tokens = [35.0, 37.0, 39.0, 41.0, 24.0];
    for ahead in [false, true] {
        if ahead {
            slots[4] += 32.0;
            tokens[4] += 18.0;
        }
        assert_empty(
            &format!("batching.policy=continuous batching.async_scheduling={ahead}"),
            "0,15,4,4\n0,20,5,5\n",
            1.0 - tokens.iter().sum::<f64>() / slots.iter().sum::<f64>(),
            25.0 / 64.0,
        );
    }
}

#[test]
fn what_is_reserved_is_empty() {
    // 16, 17 and 18 tokens, and room for 16 + 33.
    let reserved = 4.0 * 16.0;
    assert_empty(
        "batching.policy=orca",
        "0,16,3,33\n",
        1.0 - (16.0 + 17.0 + 18.0) / (3.0 * reserved),
        1.0 - 16.0 / reserved,
    );
}

#[test]
fn a_static_batch_keeps_room_for_its_longest_row() {
    // Rows of 16 + 4 tokens; the first has two tokens and ends after the second step, the other has four.
    let rows = "0,16,2,2\n0,8,4,4\n";
    let policy = "batching.policy=static batching.response=row_end batching.reserve=batch";
    assert_empty(
        policy,
        rows,
        1.0 - (24.0 + 26.0 + 10.0 + 11.0) / (4.0 * 64.0),
        1.0 - 24.0 / 64.0,
    );
    // Answered together, the first row's tokens stay to the end.
    let together = "batching.policy=static batching.response=batch_end";
    assert_empty(
        together,
        rows,
        1.0 - (24.0 + 26.0 + 27.0 + 28.0) / (4.0 * 64.0),
        1.0 - 24.0 / 64.0,
    );
}

#[test]
fn a_block_that_two_requests_share_counts_once() {
    // Each has 20 tokens for a step, of which the second shares the first 16 while both run. In between each is alone.
    let rows = "0,20,1,1,a:20\n0,20,1,1,a:20\n";
    let place = Workplace::new();
    place.write("scenario.toml", SERVER);
    let header = "arrival_s,input_tokens,output_tokens,max_tokens,segments\n";
    place.write("trace.csv", format!("{header}{rows}"));
    let ended = place.run(&["run", "scenario.toml", "--format", "json"]);
    let result: Value = serde_json::from_str(&ended.stdout).unwrap();
    let mean = result["kv"]["fragmentation"]["mean"].as_f64().unwrap();
    assert!(close(mean, (12.0 + 12.0) / 48.0, 1e-12), "{mean}");
}

fn fragmentation(world: &World, make: Make) -> KvFragmentation {
    let mut recorder = Recorder::new(&RecorderSettings {
        pools: Vec::new(),
        server: &world.settings,
        prefix_caching: false, // As nobody tells what is sent.
        slos: &[],
        gpu_work: None,
        step_prices: None,
        trim: Trim::Nothing,
    });
    let mut engine = make(&world.settings, Box::new(world.step_time.clone()));
    for request in &world.requests {
        engine.advance(request.arrival, &mut recorder);
        engine.submit(request.clone(), &mut recorder);
    }
    engine.advance(Time::LIMIT, &mut recorder);
    Summary::of(&recorder.finish()).kv.fragmentation
}

type Make = fn(&ServerSettings, Box<dyn StepTime>) -> Server;

#[test]
fn random_worlds_hold_no_more_tokens_than_slots_and_both_engines_agree() {
    for policy in policy_names() {
        let mut known = 0;
        for seed in 0..100 {
            let world = world(policy, seed);
            let slow = fragmentation(&world, engine::reference);
            assert_eq!(slow, fragmentation(&world, engine::fast), "{policy}, world {seed}");
            for share in [slow.mean, slow.at_peak].into_iter().flatten() {
                assert!((0.0..1.0).contains(&share), "{policy}, world {seed}");
                known += 1;
            }
        }
        assert!(known > 40, "{policy}: {known}");
    }
}
