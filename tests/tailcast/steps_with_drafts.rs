//! Experiments with drafts, as `steps` reads them: proposals that are short, stop tokens in keys that look ahead,
//! prompts as long as the model, steps that an empty server lets pass, and what releases do differently.

use serde_json::{Value, json};

use crate::command::Workplace;

/// The log of some requests, `[arrival step, prompt, max_tokens, stop_after]` each; `changes` are laid over the
/// configuration.
fn log(requests: &[Asked], accepted: &[u32], changes: &Value) -> Value {
    log_of("0.33.0", requests, accepted, changes)
}

type Asked = (u64, Value, u32, Option<u32>);

/// The same, of a release.
fn log_of(release: &str, requests: &[Asked], accepted: &[u32], changes: &Value) -> Value {
    let mut config = json!({
        "num_blocks": 40, "block_size": 4, "max_num_seqs": 4, "max_num_batched_tokens": 32, "max_model_len": 32,
        "enable_prefix_caching": true, "policy": "fcfs", "async_scheduling": false, "enable_chunked_prefill": true,
        "long_prefill_token_threshold": 0, "scheduler_reserve_full_isl": true, "watermark": 0.0,
        "num_speculative_tokens": 3, "lookahead_tokens": 0, "spec_method": "ngram", "padded_drafts_rejected": true,
    });
    let changes = changes.as_object().unwrap().clone();
    config.as_object_mut().unwrap().extend(changes);
    let requests = requests
        .iter()
        .enumerate()
        .map(|(number, (step, prompt, tokens, stop))| {
            let mut request =
                json!({"id": format!("r{number}"), "arrival_step": step, "prompt": prompt, "max_tokens": tokens});
            if let Some(stop) = stop {
                request["stop_after"] = json!(stop);
            }
            request
        });
    let experiment = json!({
        "schema": "vllm-sched-oracle/2", "engine": {"vllm": release}, "config": config, "timing": null,
        "actions": [], "spec_accept": accepted, "requests": requests.collect::<Vec<_>>(),
    });
    let place = Workplace::new();
    place.write("experiment.json", experiment.to_string());
    let ended = place.run(&["steps", "experiment.json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    serde_json::from_str(&ended.stdout).unwrap()
}

/// What a request's parts of the steps say under a key, 0 where they say nothing.
fn parts(log: &Value, id: &str, key: &str) -> Vec<u64> {
    let steps = log["steps"].as_array().unwrap().iter();
    let scheduled = steps.filter_map(|step| step["scheduled"].as_array()).flatten();
    let own = scheduled.filter(|part| part["id"] == id);
    own.map(|part| part[key].as_u64().unwrap_or(0)).collect()
}

#[test]
fn as_many_drafts_are_verified_as_were_proposed() {
    let proposals = json!({"spec_propose": [2, 0, 9, 1]});
    let log = log(&[(0, json!([[0, 5]]), 12, None)], &[2, 0], &proposals);
    assert_eq!(parts(&log, "r0", "drafts"), [0, 2, 0, 3, 1, 2, 0, 3]);
    // Steps without drafts are no verifications.
    let emitted: Vec<u64> = log["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["emitted"]["r0"].as_u64().unwrap())
        .collect();
    assert_eq!(emitted, [1, 3, 1, 1, 2, 1, 1, 2]);
}

/// The second block is full with the first output token, and its key covers the second one. That is a stop token, which
/// is another than the one by which the next prompt goes on.
#[test]
fn a_key_that_covers_a_stop_token_is_not_found_by_what_goes_on_in_its_place() {
    let eagle = json!({"spec_method": "eagle", "lookahead_tokens": 3});
    for (stop, hit) in [(None, 8), (Some(2), 4)] {
        let requests = [
            (0, json!([[0, 7]]), 2, stop),
            (5, json!([[0, 7], [10_000_000, 2], [50, 3]]), 1, None),
        ];
        let log = log(&requests, &[1], &eagle);
        assert_eq!(parts(&log, "r1", "hit"), [hit], "stop_after {stop:?}");
    }
}

#[test]
fn a_prompt_as_long_as_the_model_gets_one_token_if_a_step_holds_it() {
    let requests = [(0, json!([[0, 32]]), 5, None)];
    let whole = log(&requests, &[1], &json!({}));
    assert_eq!(whole["per_request"]["r0"]["num_output_tokens"], 1);
    assert_eq!(whole["per_request"]["r0"]["finish"], "length");
    // A chunk never reaches the model's last place: the request stays for ever, and the log ends.
    let chunks = log(&requests, &[1], &json!({"max_num_batched_tokens": 16}));
    assert_eq!(parts(&chunks, "r0", "n"), [16, 15]);
    assert_eq!(chunks["per_request"]["r0"]["finish"], Value::Null);
}

#[test]
fn an_empty_server_that_decides_ahead_lets_steps_pass_undecided() {
    let requests = [(0, json!([[0, 5]]), 1, None), (6, json!([[9, 5]]), 1, None)];
    let log = log(&requests, &[1], &json!({"async_scheduling": true}));
    let idle: Vec<&Value> = log["steps"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|step| step["idle"] == true)
        .collect();
    let numbers: Vec<u64> = idle.iter().map(|step| step["step"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [3, 4, 5]);
    assert!(idle.iter().all(|step| step.get("scheduled").is_none()));
}

/// A request of which all but one token is cached, beside one that decodes and then alone.
#[test]
fn releases_fill_single_tokens_up_differently() {
    let requests = [
        (0, json!([[0, 9]]), 12, None),
        (1, json!([[0, 9]]), 1, None),
        (40, json!([[0, 9]]), 1, None),
    ];
    for (release, beside, alone) in [("0.19.0", 1, 1), ("0.25.0", 4, 1), ("0.28.0", 4, 1), ("0.33.0", 4, 4)] {
        let log = log_of(release, &requests, &[0], &json!({}));
        assert_eq!(parts(&log, "r1", "n"), [beside], "{release}");
        assert_eq!(parts(&log, "r2", "n"), [alone], "{release}");
    }
}

/// Of 32 tokens a step, with up to four requests at once.
#[test]
fn releases_keep_places_for_a_draft_model_differently() {
    let model = json!({"spec_method": "draft_model", "lookahead_tokens": 3, "max_num_batched_tokens": 32});
    for (release, chunks) in [("0.15.0", vec![32]), ("0.19.0", vec![28, 4]), ("0.28.0", vec![31, 1])] {
        let log = log_of(release, &[(0, json!([[0, 32]]), 1, None)], &[0], &{
            let mut longer = model.clone();
            longer["max_model_len"] = json!(64);
            longer
        });
        assert_eq!(parts(&log, "r0", "n"), chunks, "{release}");
    }
}

/// The first request's last step fills the second block with drafts, which only 0.33 offers to the cache at its end.
#[test]
fn releases_name_what_accepted_drafts_fill_differently() {
    let requests = [
        (0, json!([[0, 4]]), 5, None),
        (9, json!([[0, 4], [10_000_000, 5]]), 1, None),
    ];
    for (release, ahead, hit) in [
        ("0.28.0", false, 4),
        ("0.28.0", true, 8),
        ("0.33.0", false, 8),
        ("0.33.0", true, 8),
    ] {
        let log = log_of(release, &requests, &[3], &json!({"async_scheduling": ahead}));
        assert_eq!(parts(&log, "r1", "hit"), [hit], "{release} {ahead}");
    }
}

/// To 0.19 the first step needs no room for what a draft model writes beyond its tokens.
#[test]
fn releases_admit_with_and_without_room_for_drafts() {
    let model = json!({"spec_method": "draft_model", "lookahead_tokens": 3});
    for (release, blocks) in [("0.19.0", 2), ("0.25.0", 3)] {
        let log = log_of(release, &[(0, json!([[0, 8]]), 2, None)], &[0], &model);
        assert_eq!(log["steps"][0]["used_after_schedule"], blocks, "{release}");
    }
}
