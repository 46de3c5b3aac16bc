//! Bad input gives exit code 2 and a message that names the place and the remedy: never a panic, never a half-written
//! file.

use crate::bad_scenarios::{GOOD, SCENARIOS};
use crate::bad_sharing::SHARING;
use crate::bad_switches::SWITCHES;
use crate::command::{Ended, Workplace};

/// Longer than a name may be in most file systems.
const LONG_NAME: &str = "a123456789b123456789c123456789d123456789e123456789f123456789g123456789h123456789\
                         i123456789j123456789k123456789l123456789m123456789n123456789o123456789p123456789\
                         q123456789r123456789s123456789t123456789u123456789v123456789w123456789x123456789\
                         y123456789z123456789";

/// A file that no build writes: most have no Parquet, and there is no such folder.
const PARQUET: &str = if cfg!(feature = "parquet") {
    "no/such/folder.parquet"
} else {
    "rows.parquet"
};

/// A command line that is wrong, and a part of the remedy. `good.toml` is a good scenario.
const COMMAND_LINES: &[(&[&str], &str)] = &[
    (&["run", "good.toml", "--set", "batching.max_num_sqs=3"], "--set:1:10"),
    (&["run", "good.toml", "--set", "nonsense"], "write --set key=value"),
    (&["run", "good.toml", "--set", "=3"], "--set:1"),
    (
        &[
            "run",
            "good.toml",
            "--set",
            "workload.priority=[{ value = 0, value = 1 }]",
        ],
        "--set:1:35\n",
    ),
    (
        &["run", "good.toml", "--set", "batching.speculative={ tokens = }"],
        "--set:1:",
    ),
    (&["run", "good.toml", "--set", "a..b=3"], "--set:1"),
    (&["run", "good.toml", "--set", "batching=3"], "must be a table"),
    (
        &["run", "good.toml", "--set", "server.gpu.name=3"],
        "text in \"quotes\"",
    ),
    (
        &["run", "good.toml", "--set", "workload.prompt.value=many"],
        "the text \"many\"",
    ),
    (&["run", "good.toml", "--max-num-seqs", "few"], "--max-num-seqs:1"),
    (&["run", "good.toml", "--kv-cache-dtype", "int3"], "allowed: bf16, fp8"),
    (&["run", "good.toml", "--seed", "-1"], "--seed"),
    (&["run", "good.toml", "--slo", "ttft.p99"], "--slo 'ttft.p99<2s'"),
    (&["run", "good.toml", "--slo", "ttft.p99<2"], "write \"2s\""),
    (
        &["run", "good.toml", "--slo", "speed.p99<2s"],
        "ttft, tpot, itl, e2e, queue_wait",
    ),
    (&["run", "good.toml", "--slo", "\"<2s"], "write a latency"),
    (&["run", "good.toml", "--seeds", "0"], "--seeds"),
    (&["run", "good.toml", "--jobs", "0"], "--jobs"),
    (&["run", "good.toml", "--format", "yaml"], "possible values: text, json"),
    (&["run", "good.toml", "--sed", "3"], "--seed"),
    (&["run", "good.toml", "--timeline-interval", "1"], "write \"1s\""),
    (&["run", "good.toml", "--timeline-interval", "0s"], "100us or more"),
    (
        &["run", "good.toml", "--requests-out", "no/such/folder.csv"],
        "a directory that exists",
    ),
    (
        &["run", "good.toml", "--requests-out", PARQUET],
        if cfg!(feature = "parquet") {
            "a directory that exists"
        } else {
            "--requests-out: this build writes no Parquet; install with --features parquet"
        },
    ),
    (&["run", "good.toml", "--requests-out", "."], "a directory"),
    (&["run", "good.toml", "--requests-out", "a/"], "a directory"),
    (
        &["run", "good.toml", "--timeline-out", LONG_NAME],
        "a directory that exists",
    ),
    (
        &[
            "run",
            "good.toml",
            "--requests-out",
            "a.csv",
            "--set",
            "workload.requests=1e9",
            "--set",
            "workload.arrivals.rate=1e6",
        ],
        "leave --requests-out out",
    ),
    (
        &[
            "run",
            "good.toml",
            "--timeline-out",
            "a.csv",
            "--timeline-interval",
            "100us",
            "--set",
            "workload.requests=2",
            "--set",
            "workload.arrivals={process=\"constant\", rate=2e-7}",
        ],
        "a longer --timeline-interval",
    ),
    (&["run", "good.toml", "--requests-out", ""], "a value is required"),
    (
        &["run", "good.toml", "--requests-out", "good.toml"],
        "overwrite the scenario",
    ),
    (
        &[
            "run",
            "good.toml",
            "--requests-out",
            "a.csv",
            "--timeline-out",
            "./a.csv",
        ],
        "another name",
    ),
    (
        &["run", "good.toml", "--seeds", "2", "--requests-out", "a.csv"],
        "leave --seeds out",
    ),
    (&["run", "missing.toml"], "tailcast init"),
    (&["run", "."], "is a directory"),
    (&["check"], "Usage"),
    (&["check", "missing.toml"], "tailcast init"),
    (&["init", "good.toml"], "--force"),
    (&["init", "no/such/folder.toml"], "a directory that exists"),
    (&["gpus", "h100-smx"], "h100-sxm"),
    (&["models", "lamma-3.1-8b"], "llama-3.1-8b"),
    (&["trace", "info", "missing.csv"], "missing.csv"),
    (&["trace", "info", "good.toml"], "no known trace format"),
    (
        &["trace", "info", "good.toml", "--trace-format", "parquet"],
        "csv, azure, mooncake, burstgpt, sharegpt",
    ),
    (&["steps", "missing.json"], "missing.json"),
    (&["steps", "good.toml"], "good.toml"),
];

/// A trace that is wrong, by its text, the place and a part of the remedy.
const TRACES: &[(&str, &str, &str)] = &[
    ("", "trace.csv", "empty"),
    ("a,b,c\n1,2,3\n", "trace.csv:1", "no known trace format"),
    ("arrival_s,input_tokens,output_tokens\n", "trace.csv", "no rows"),
    (
        "arrival_s,input_tokens,output_tokens\n0,5,5\nx,5,5\n",
        "trace.csv:3:1",
        "arrival_s",
    ),
    (
        "arrival_s,input_tokens,output_tokens\n0,5,5\n1,-5,5\n",
        "trace.csv:3:2",
        "input_tokens",
    ),
    (
        "arrival_s,input_tokens,output_tokens\n0,5,5\n1,5,99999999999\n",
        "trace.csv:3:3",
        "output_tokens",
    ),
    (
        "arrival_s,input_tokens,output_tokens\n5,5,5\n1,5,5\n",
        "trace.csv:3",
        "sort",
    ),
    (
        "arrival_s,input_tokens,output_tokens\n0,5,5\n1e9,5,5\n",
        "trace.csv:3",
        "200 days",
    ),
    ("arrival_s,input_tokens,output_tokens\n0,5\n", "trace.csv:2", "fields"),
    (
        "TIMESTAMP,ContextTokens,GeneratedTokens\nyesterday,5,5\n",
        "trace.csv:2:1",
        "TIMESTAMP",
    ),
    (
        "{\"timestamp\": 0, \"input_length\": 5}\n",
        "trace.csv:1",
        "output_length",
    ),
];

/// Runs a command that must be refused; every way in which it is not is added to `wrong`, so that one run shows all.
fn must_be_refused(place: &Workplace, wrong: &mut Vec<String>, what: &str, arguments: &[&str], parts: &[&str]) {
    let before = place.listing();
    let Ended { code, stdout, stderr } = place.run(arguments);
    let mut complain = |problem: &str| wrong.push(format!("{what}: {problem}\n{stderr}"));
    if code != Some(2) {
        complain(&format!("exit code {code:?}"));
    }
    if stderr.contains("panicked") || !stderr.starts_with("error: ") {
        complain("no proper message");
    }
    if !stdout.is_empty() {
        complain("results of bad input");
    }
    for part in parts.iter().filter(|part| !stderr.contains(**part)) {
        complain(&format!("no {part:?} in the message"));
    }
    if place.listing() != before {
        complain("a file was left behind");
    }
}

#[test]
fn bad_scenarios_are_refused_at_their_place() {
    let place = Workplace::new();
    let mut wrong = Vec::new();
    for (good, bad, at, remedy) in SCENARIOS.iter().chain(SHARING).chain(SWITCHES) {
        assert!(GOOD.contains(good), "{good:?} is not part of the good scenario");
        place.write("bad.toml", GOOD.replacen(good, bad, 1));
        let arguments = [
            "run",
            "bad.toml",
            "--requests-out",
            "requests.csv",
            "--timeline-out",
            "timeline.csv",
        ];
        let at = format!("bad.toml:{at}\n");
        must_be_refused(&place, &mut wrong, bad, &arguments, &[&at, remedy]);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn bad_command_lines_are_refused() {
    let place = Workplace::new();
    place.write("good.toml", GOOD);
    let mut wrong = Vec::new();
    for (arguments, remedy) in COMMAND_LINES {
        must_be_refused(&place, &mut wrong, &arguments.join(" "), arguments, &[remedy]);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn bad_traces_are_refused_at_their_place() {
    let place = Workplace::new();
    let head = &GOOD[..GOOD.find("requests").unwrap()];
    place.write("scenario.toml", format!("{head}trace = {{ path = \"trace.csv\" }}\n"));
    let mut wrong = Vec::new();
    for (text, at, remedy) in TRACES {
        place.write("trace.csv", text);
        let arguments = [
            "run",
            "scenario.toml",
            "--requests-out",
            "requests.csv",
            "--timeline-out",
            "timeline.csv",
        ];
        must_be_refused(&place, &mut wrong, text, &arguments, &[at, remedy]);
        must_be_refused(&place, &mut wrong, text, &["check", "scenario.toml"], &[at, remedy]);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn rows_that_cannot_be_read_are_left_out_only_on_demand() {
    let place = Workplace::new();
    let head = &GOOD[..GOOD.find("requests").unwrap()];
    place.write("scenario.toml", format!("{head}trace = {{ path = \"trace.csv\" }}\n"));
    place.write(
        "trace.csv",
        "arrival_s,input_tokens,output_tokens\n0,5,5\n1,x,5\n2,5,5\n",
    );
    let arguments = ["run", "scenario.toml", "--skip-bad-rows", "--format", "json"];
    let ended = place.run(&arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("1 rows"), "{}", ended.stderr);
    assert!(ended.stdout.contains("\"arrived\": 2"), "{}", ended.stdout);
}

#[test]
fn bad_files_are_refused() {
    let place = Workplace::new();
    let deep = format!("x = {}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let files: [(&str, &[u8], &str); 7] = [
        ("empty.toml", b"", "is empty"),
        ("blank.toml", b" \n\t\n", "is empty"),
        ("latin.toml", b"name = \"caf\xe9\"", "UTF-8"),
        ("binary.toml", &[0, 159, 146, 150, 255], "UTF-8"),
        ("zeros.toml", &[0; 64], "not TOML"),
        ("json.toml", b"{\"name\": 1}", "not TOML"),
        ("deep.toml", deep.as_bytes(), "error"),
    ];
    let mut wrong = Vec::new();
    for (name, content, remedy) in files {
        place.write(name, content);
        must_be_refused(&place, &mut wrong, name, &["run", name], &[name, remedy]);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn bad_catalogue_files_are_refused() {
    let place = Workplace::new();
    let mut wrong = Vec::new();
    for (key, name, content) in [
        ("server.gpu", "gpu.toml", "title = 3"),
        ("server.gpu", "gpu.toml", "title = \"x\""),
        ("server.gpu", "gpu.toml", ""),
        ("model.config", "config.json", "{"),
        ("model.config", "config.json", "{\"hidden_size\": -4}"),
        ("model.config", "config.json", "[]"),
    ] {
        place.write(name, content);
        place.write("good.toml", GOOD);
        let assignment = format!("{key}={name}");
        let arguments = ["run", "good.toml", "--set", &assignment];
        must_be_refused(&place, &mut wrong, content, &arguments, &[name, "--set:1"]);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn truncated_scenarios_never_panic() {
    let place = Workplace::new();
    for end in (0..GOOD.len()).step_by(7) {
        place.write("cut.toml", &GOOD[..end]);
        let ended = place.run(&["run", "cut.toml", "-q"]);
        assert!(matches!(ended.code, Some(0 | 2)), "{end}: {}", ended.stderr);
        assert!(!ended.stderr.contains("panicked"), "{end}: {}", ended.stderr);
    }
}
