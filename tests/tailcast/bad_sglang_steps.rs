//! Bad experiments with SGLang's scheduler are refused with the place and the remedy, and one that never comes to an
//! end is said to be stuck.

use serde_json::Value;

use crate::command::Workplace;
use crate::refused_steps::{BadExperiment, refuse_each};

const GOOD: &str = r#"{
"schema": "sglang-sched-oracle/1", "engine": {"sglang": "0.5.23"},
"config": {"kv_tokens": 64, "page_size": 4, "max_running_requests": 4, "max_prefill_tokens": 32,
  "chunked_prefill_size": 16, "enable_mixed_chunk": false, "schedule_policy": "fcfs", "schedule_conservativeness": 1.0,
  "disable_radix_cache": false, "overlap": true, "enable_priority_scheduling": false, "retraction_policy": "length",
  "radix_eviction_policy": "lru", "prefill_max_requests": null, "context_length": 64, "radix_core": "rust"},
"timing": {"base_us": 100, "per_token_us": 10, "per_seq_us": 10},
"actions": [{"at_us": 3, "do": "abort", "id": "b"}],
"requests": [
{"id": "a", "arrival_us": 0, "prompt": [[100, 10]], "max_tokens": 5},
{"id": "b", "arrival_us": 9, "prompt": [[100, 8], [190, 3]], "max_tokens": 5, "ignore_eos": true, "stop_after": 4}
]}
"#;

/// What is replaced in the good experiment, by what, and parts of the message.
const CASES: &[BadExperiment] = &[
    (
        "oracle/1",
        "oracle/2",
        &["schema: \"sglang-sched-oracle/2\" is unknown", "sglang-sched-oracle/1"],
    ),
    ("0.5.23", "0.5.9", &["engine.sglang \"0.5.9\"", "write \"0.5.23\""]),
    ("\"page_size\": 4, ", "", &["missing field `page_size`", "write it"]),
    ("\"overlap\"", "\"overlaps\"", &["unknown field `overlaps`"]),
    (
        "\"page_size\": 4",
        "\"page_size\": 0",
        &["config.page_size is 0", "from 1 to"],
    ),
    (
        "\"chunked_prefill_size\": 16",
        "\"chunked_prefill_size\": 18",
        &["config.chunked_prefill_size is 18", "a multiple of config.page_size, 4"],
    ),
    (
        "\"kv_tokens\": 64",
        "\"kv_tokens\": 3",
        &["config.kv_tokens is 3", "from 4 to"],
    ),
    (
        "\"fcfs\"",
        "\"hrrn\"",
        &["config.schedule_policy: \"hrrn\" is unknown", "\"lof\""],
    ),
    (
        "\"fcfs\", \"schedule_conservativeness\": 1.0,\n  \"disable_radix_cache\": false, \"overlap\": true, \
         \"enable_priority_scheduling\": false",
        "\"lpm\", \"schedule_conservativeness\": 1.0,\n  \"disable_radix_cache\": false, \"overlap\": true, \
         \"enable_priority_scheduling\": true",
        &["config.schedule_policy is \"lpm\"", "\"fcfs\" and \"lof\" only"],
    ),
    (
        "\"lru\"",
        "\"lfu\"",
        &["not supported: config.radix_eviction_policy \"lfu\"", "\"lru\""],
    ),
    (
        "\"prefill_max_requests\": null",
        "\"prefill_max_requests\": 2",
        &["config.prefill_max_requests"],
    ),
    (
        "\"schedule_conservativeness\": 1.0",
        "\"schedule_conservativeness\": -1",
        &["from 0 to 100"],
    ),
    (
        "\"do\": \"abort\"",
        "\"do\": \"reset\"",
        &["actions[0]", "write \"abort\""],
    ),
    (
        "3, \"do\": \"abort\", \"id\": \"b\"",
        "3, \"do\": \"abort\", \"id\": \"c\"",
        &["no request \"c\""],
    ),
    (
        "\"id\": \"b\", \"arrival",
        "\"id\": \"a\", \"arrival",
        &["requests[1] (a): an earlier request has this id"],
    ),
    ("[[100, 10]]", "[]", &["requests[0] (a): prompt: 0 tokens"]),
    (
        "[[100, 10]]",
        "[[4294967290, 10]]",
        &["token id 4294967299 is too large"],
    ),
    ("\"stop_after\": 4", "\"stop_after\": 0", &["stop_after is 0"]),
    ("\"base_us\": 100", "\"base_us\": -1", &["write a whole number"]),
    (
        "\"timing\": {\"base_us\": 100, \"per_token_us\": 10",
        "\"timing\": {\"base_us\": 100, \"per_token_us\": 4000000000",
        &["days"],
    ),
    (
        "\"arrival_us\": 9",
        "\"arrival_us\": 18446744073709551615",
        &["arrival_us: 18446744073709551615 is too late"],
    ),
];

#[test]
fn a_good_sglang_experiment_is_run() {
    let place = Workplace::new();
    place.write("good.json", GOOD);
    let ended = place.run(&["steps", "good.json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let log: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(log["per_request"]["a"]["num_output_tokens"], 5);
    assert_eq!(log["per_request"]["b"]["finish"], "abort");
    assert_eq!(log["summary"]["stuck"], false);
}

#[test]
fn bad_sglang_experiments_are_refused() {
    refuse_each(GOOD, CASES);
}

/// Without the cache, who ignores stop tokens needs more than a token beside all that it may produce, and what is asked
/// of it is cut to one token less than the memory.
#[test]
fn a_request_that_never_comes_in_stops_those_behind_it() {
    let place = Workplace::new();
    let stuck = GOOD
        .replace("\"disable_radix_cache\": false", "\"disable_radix_cache\": true")
        .replace(
            "\"max_tokens\": 5, \"ignore_eos\": true",
            "\"max_tokens\": 500, \"ignore_eos\": true",
        )
        .replace("\"at_us\": 3", "\"at_us\": 90000");
    place.write("stuck.json", stuck);
    let ended = place.run(&["steps", "stuck.json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let log: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(log["summary"]["stuck"], true);
    assert_eq!(log["per_request"]["a"]["finish"], "length");
    assert_eq!(log["per_request"]["b"]["finish"], Value::Null);
}
