//! Bad scheduler experiments are refused with the place and the remedy: they neither panic, nor run for ever, nor fill
//! the memory.

use crate::command::Workplace;
use crate::refused_steps::{BadExperiment, refuse_each};

const GOOD: &str = r#"{
"config": {"num_blocks": 9, "block_size": 4, "max_num_seqs": 4, "max_num_batched_tokens": 32, "max_model_len": 32,
  "enable_prefix_caching": true, "policy": "fcfs", "async_scheduling": false, "enable_chunked_prefill": true,
  "long_prefill_token_threshold": 0, "scheduler_reserve_full_isl": false, "watermark": 0.0},
"timing": {"base_us": 100, "per_token_us": 10, "per_seq_us": 10},
"actions": [{"step": 3, "do": "abort", "id": "b"}],
"requests": [
{"id": "a", "arrival_us": 0, "prompt": [[0, 10]], "max_tokens": 5},
{"id": "b", "arrival_us": 9, "prompt": [[0, 8], [90, 3]], "max_tokens": 5, "priority": 1, "stop_after": 4}
]}
"#;

/// What is replaced in the good experiment, by what, and parts of the message.
const CASES: &[BadExperiment] = &[
    // Form.
    ("{\n\"config\"", "", &["bad.json:1:1: "]),
    ("\"requests\": [", "\"requests\": ", &["bad.json:8:", "write"]),
    ("]}\n", "]", &["bad.json:10:1: EOF", "one JSON object"]),
    ("]}\n", "]}}", &["bad.json:10:3: trailing characters"]),
    (
        "\"timing\": {\"base_us\": 100, \"per_token_us\": 10, \"per_seq_us\": 10}",
        "\"timing\": 7",
        &[
            "timing: invalid type: integer `7`",
            "write null, or an object with base_us",
        ],
    ),
    // Keys.
    ("\"block_size\": 4, ", "", &["missing field `block_size`", "write it"]),
    (
        "\"stop_after\"",
        "\"stop_aftr\"",
        &["bad.json:9:", "unknown field `stop_aftr`", "`stop_after`"],
    ),
    (
        "\"block_size\"",
        "\"num_blocks\"",
        &["bad.json:2:", "duplicate field `num_blocks`"],
    ),
    (
        "\"do\": \"abort\"",
        "\"do\": \"stop\"",
        &["actions[0]", "write \"abort\" or"],
    ),
    (
        "\"id\": \"b\"}]",
        "\"id\": \"c\"}]",
        &["actions[0]", "no request \"c\""],
    ),
    (", \"id\": \"b\"}]", "}]", &["actions[0]", "write the request's id"]),
    (
        "\"arrival_us\": 9",
        "\"arrival_step\": 9",
        &["requests[1] (b): arrival_us is missing"],
    ),
    (
        "{\"id\": \"b\"",
        "{\"id\": \"a\"",
        &["requests[1] (a): an earlier request has this id"],
    ),
    // Types.
    (
        "\"num_blocks\": 9",
        "\"num_blocks\": -9",
        &["bad.json:2:27: num_blocks: ", "a whole number from 0"],
    ),
    (
        "\"num_blocks\": 9",
        "\"num_blocks\": 9e99",
        &["num_blocks: ", "a whole number from 0"],
    ),
    (
        "\"watermark\": 0.0",
        "\"watermark\": \"low\"",
        &["watermark: ", "write a number"],
    ),
    (
        "\"policy\": \"fcfs\"",
        "\"policy\": true",
        &["policy: ", "write a string"],
    ),
    ("[[0, 10]]", "[[0]]", &["prompt: ", "write [start, length]"]),
    ("[[0, 10]]", "10", &["prompt: ", "write a list, [ ... ]"]),
    (
        "caching\": true",
        "caching\": 1",
        &["enable_prefix_caching: ", "write true or false"],
    ),
    // Ranges.
    (
        "\"num_blocks\": 9",
        "\"num_blocks\": 1",
        &["config.num_blocks is 1", "from 2 to"],
    ),
    (
        "\"num_blocks\": 9",
        "\"num_blocks\": 4000000000",
        &["config.num_blocks is 4000000000", "from 2 to"],
    ),
    (
        "\"block_size\": 4",
        "\"block_size\": 0",
        &["config.block_size is 0", "from 1 to"],
    ),
    (
        "\"block_size\": 4",
        "\"block_size\": 4000000000",
        &["config.block_size is 4000000000"],
    ),
    (
        "\"max_num_seqs\": 4",
        "\"max_num_seqs\": 0",
        &["config.max_num_seqs is 0"],
    ),
    (
        "\"max_model_len\": 32",
        "\"max_model_len\": 4294967295",
        &["config.max_model_len is"],
    ),
    (
        "\"watermark\": 0.0",
        "\"watermark\": 1.0",
        &["config.watermark is 1.0", "to below 1"],
    ),
    (
        "\"watermark\": 0.0",
        "\"watermark\": 0.0, \"lookahead_tokens\": 4294967295",
        &["config.lookahead_tokens is"],
    ),
    (
        "\"policy\": \"fcfs\"",
        "\"policy\": \"lifo\"",
        &["config.policy is \"lifo\"", "write \"fcfs\" or"],
    ),
    (
        "\"max_tokens\": 5}",
        "\"max_tokens\": 0}",
        &["requests[0] (a): max_tokens is 0"],
    ),
    (
        "\"max_tokens\": 5}",
        "\"max_tokens\": 4294967295}",
        &["requests[0] (a): max_tokens is 4294967295"],
    ),
    (
        "\"stop_after\": 4",
        "\"stop_after\": 0",
        &["requests[1] (b): stop_after is 0"],
    ),
    ("[[0, 10]]", "[]", &["requests[0] (a): prompt: 0 tokens"]),
    (
        "[[0, 10]]",
        "[[0, 33]]",
        &["prompt: 33 tokens", "no more than config.max_model_len, 32"],
    ),
    (
        "[[0, 10]]",
        "[[0, 4294967295], [0, 4294967295]]",
        &["prompt: 8589934590 tokens"],
    ),
    ("[[0, 10]]", "[[4294967290, 10]]", &["token id 4294967299 is too large"]),
    ("[[0, 10]]", "[[18446744073709551615, 10]]", &["is too large"]),
    (
        "\"arrival_us\": 9",
        "\"arrival_us\": 99999999999999",
        &["arrival_us: 99999999999999 is too late"],
    ),
    (
        "\"per_token_us\": 10",
        "\"per_token_us\": 4000000000",
        &["timing: a step of", "days"],
    ),
    // What vLLM refuses, and what would never end.
    (
        "tokens\": 32",
        "tokens\": 3",
        &["config.max_num_batched_tokens is 3", "from 4 to"],
    ),
    (
        "threshold\": 0",
        "threshold\": 33",
        &["config.long_prefill_token_threshold is 33", "from 0 to 32"],
    ),
    (
        "\"num_blocks\": 9",
        "\"num_blocks\": 4",
        &[
            "requests[0] (a): its 14 tokens need 4 blocks of 4",
            "write num_blocks = 5",
        ],
    ),
    (
        "\"watermark\": 0.0",
        "\"watermark\": 0.0, \"spec_method\": \"magic\"",
        &["config.spec_method is \"magic\"", "\"draft_model\""],
    ),
    (
        "\"watermark\": 0.0",
        "\"watermark\": 0.0, \"spec_propose\": []",
        &["config.spec_propose is empty", "write how many drafts"],
    ),
    (
        "\"watermark\": 0.0",
        "\"watermark\": 0.0, \"prefix_cache_retention_interval\": 4000000000",
        &["prefix_cache_retention_interval is too large", "write null or"],
    ),
    // Groups.
    (
        "\"watermark\": 0.0",
        "\"watermark\": 0.0, \"kv_groups\": []",
        &["config.kv_groups has 0 groups"],
    ),
    (
        "\"watermark\": 0.0",
        "\"watermark\": 0.0, \"kv_groups\": [{\"kind\": \"full\"}, {\"kind\": \"round\"}]",
        &["config.kv_groups[1].kind: \"round\" is unknown", "\"sliding\""],
    ),
    (
        "\"watermark\": 0.0",
        "\"watermark\": 0.0, \"kv_groups\": [{\"kind\": \"sliding\"}]",
        &["config.kv_groups[0].window: is missing"],
    ),
    (
        "\"watermark\": 0.0",
        "\"watermark\": 0.0, \"kv_groups\": [{\"kind\": \"chunked\", \"chunk\": 0}]",
        &["config.kv_groups[0].chunk is 0", "from 1 to"],
    ),
    (
        "\"watermark\": 0.0",
        "\"watermark\": 0.0, \"kv_groups\": [{\"kind\": \"full\", \"window\": 8}]",
        &["config.kv_groups[0].kind: a group of kind \"full\" has no such window"],
    ),
    (
        "\"watermark\": 0.0",
        "\"watermark\": 0.0, \"kv_groups\": [{\"kind\": \"full\"}, {\"kind\": \"mamba\"}]",
        &[
            "not supported: config.enable_prefix_caching",
            "enable_prefix_caching = false",
        ],
    ),
    (
        "\"watermark\": 0.0",
        "\"watermark\": 0.0, \"kv_groups\": [{\"kind\": \"full\", \"block_size\": 1024}, \
         {\"kind\": \"full\", \"block_size\": 1025}]",
        &["the least multiple of all block sizes is", "such as 16 and 32"],
    ),
    (
        "\"watermark\": 0.0",
        "\"watermark\": 0.0, \"kv_groups\": [{\"kind\": \"full\"}, {\"kind\": \"sliding\", \"window\": 16}, \
         {\"kind\": \"full\"}]",
        &[
            "requests[0] (a): its 14 tokens need 12 blocks in all groups together",
            "write num_blocks = 13",
        ],
    ),
    (
        "\"watermark\": 0.0",
        "\"watermark\": 0.0, \"num_speculative_tokens\": 2",
        &["spec_accept", "e.g. [3, 0, 1]"],
    ),
    // The memory of the CPU.
    (
        "\"watermark\": 0.0",
        "\"watermark\": 0.0, \"offload\": {\"cpu_blocks\": 0, \"prompt_only\": true, \"load_steps\": 1, \
         \"store_steps\": 1}",
        &["config.offload.cpu_blocks is 0", "from 1 to"],
    ),
    (
        "\"watermark\": 0.0",
        "\"watermark\": 0.0, \"offload\": {\"cpu_blocks\": 9, \"prompt_only\": true, \"load_steps\": 99999, \
         \"store_steps\": 1}",
        &["config.offload.load_steps is 99999", "from 0 to 10000"],
    ),
    (
        "\"async_scheduling\": false",
        "\"async_scheduling\": true, \"offload\": {\"cpu_blocks\": 9, \"prompt_only\": true, \"load_steps\": 1, \
         \"store_steps\": 1}",
        &[
            "not supported: config.offload with async_scheduling",
            "write async_scheduling = false",
        ],
    ),
    (
        "\"watermark\": 0.0",
        "\"watermark\": 0.0, \"offload\": {\"cpu_blocks\": 9, \"prompt_only\": true, \"load_steps\": 1, \
         \"store_steps\": 1}, \"kv_groups\": [{\"kind\": \"sliding\", \"window\": 8}]",
        &[
            "not supported: config.offload with kv_groups",
            "one group of kind \"full\"",
        ],
    ),
];

#[test]
fn a_good_experiment_is_run() {
    let place = Workplace::new();
    place.write("good.json", GOOD);
    let ended = place.run(&["steps", "good.json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let log: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(log["per_request"]["a"]["num_output_tokens"], 5);
}

#[test]
fn bad_experiments_are_refused() {
    refuse_each(GOOD, CASES);
}

#[test]
fn an_untimed_experiment_does_not_wait_for_ever() {
    let place = Workplace::new();
    let start = GOOD.find("\"timing\"").unwrap();
    let end = GOOD.find("\"actions\"").unwrap();
    let untimed = format!("{}{}", &GOOD[..start], &GOOD[end..]).replace("arrival_us", "arrival_step");
    place.write("good.json", &untimed);
    assert_eq!(place.run(&["steps", "good.json"]).code, Some(0));
    place.write(
        "late.json",
        untimed.replace("\"arrival_step\": 9", "\"arrival_step\": 17280000000000"),
    );
    let ended = place.run(&["steps", "late.json"]);
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.stderr.contains("arrival_step: 17280000000000 is too late"),
        "{}",
        ended.stderr
    );
}

#[test]
fn without_chunks_a_step_must_hold_the_longest_request() {
    let place = Workplace::new();
    let bad = GOOD
        .replace("prefill\": true", "prefill\": false")
        .replace("tokens\": 32", "tokens\": 31");
    place.write("bad.json", bad);
    let ended = place.run(&["steps", "bad.json"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("without chunked prefill"), "{}", ended.stderr);
}

#[test]
fn steps_that_would_pass_the_end_of_time_are_refused() {
    let place = Workplace::new();
    let bad = GOOD
        .replace("\"base_us\": 100", "\"base_us\": 4294967295")
        .replace("\"max_model_len\": 32", "\"max_model_len\": 8000")
        .replace("\"num_blocks\": 9", "\"num_blocks\": 9000")
        .replace("\"max_tokens\": 5}", "\"max_tokens\": 7000}");
    place.write("bad.json", bad);
    let ended = place.run(&["steps", "bad.json"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("200 days"), "{}", ended.stderr);
    assert!(ended.stdout.is_empty());
}

#[test]
fn a_request_that_is_aborted_last_is_logged() {
    let place = Workplace::new();
    let start = GOOD.find("\"timing\"").unwrap();
    place.write(
        "abort.json",
        format!(
            "{}\"timing\": null, \"actions\": [{{\"step\": 1, \"do\": \"abort\", \"id\": \"a\"}}],\n\
             \"requests\": [{{\"id\": \"a\", \"arrival_step\": 0, \"prompt\": [[0, 10]], \"max_tokens\": 5}}]}}",
            &GOOD[..start]
        ),
    );
    let ended = place.run(&["steps", "abort.json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let log: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(log["per_request"]["a"]["finish"], "abort");
    assert_eq!(log["per_request"]["a"]["num_output_tokens"], 1);
}
