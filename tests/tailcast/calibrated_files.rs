//! Files of step times (`server.step_time = "file.toml"`): what they change, and what is wrong with bad ones.

use serde_json::Value;

use crate::calibrate::{ONE_LOAD, SERVER, measured, scenario};
use crate::command::{Ended, Workplace};

/// Runs a scenario with this file of step times.
fn run(file: &str, more: &[&str]) -> Ended {
    let place = Workplace::new();
    let short = ONE_LOAD.replace("1000", "20");
    place.write(
        "scenario.toml",
        scenario(&short).replace("[server]", "[server]\nstep_time = \"times.toml\""),
    );
    place.write("times.toml", file);
    place.run(&[&["run", "scenario.toml"], more].concat())
}

/// The head of a file, without coefficients.
fn head() -> &'static str {
    SERVER.split("[step]").next().unwrap()
}

#[test]
fn a_calibration_is_written_read_and_named() {
    let place = measured(ONE_LOAD, SERVER, "7");
    let arguments = ["calibrate", "scenario.toml", "requests.csv", "--out", "times.toml"];
    let ended = place.run(&arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("for this deployment only"), "{}", ended.stdout);
    assert!(ended.stderr.contains("server.step_time=times.toml"), "{}", ended.stderr);
    let set = ["--set", "server.step_time=times.toml"];
    let ended = place.run(&[&["run", "scenario.toml", "--format", "json"], &set[..]].concat());
    let after = ended.json();
    let fidelity = after["fidelity"].as_str().unwrap();
    assert!(
        fidelity.contains("calibrated on requests.csv: 1000 requests, where these are left: TTFT"),
        "{fidelity}"
    );
    let text = std::fs::read_to_string(place.path("run.json")).unwrap();
    let measured: Value = serde_json::from_str(&text).unwrap();
    for metric in ["ttft", "tpot", "e2e"] {
        let mean = |run: &Value| run["latency"][metric]["mean"].as_f64().unwrap();
        let off = mean(&after) / mean(&measured) - 1.0;
        // Another seed: chance alone makes a few percent.
        assert!(off.abs() < 0.06, "{metric}: {off}");
    }
    // A new calibration starts from the old one, and may take its place.
    let ended = place.run(&[&arguments[..], &set[..]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[test]
fn what_a_file_leaves_out_is_as_served() {
    let default = run(head(), &["--format", "json", "--set", "server.step_time.x=1"]);
    assert_eq!(default.code, Some(2), "a name is no table: {}", default.stdout);
    let place = Workplace::new();
    place.write("scenario.toml", scenario(&ONE_LOAD.replace("1000", "20")));
    let without = place.run(&["run", "scenario.toml", "--format", "json"]).json();
    let with = run(head(), &["--format", "json"]).json();
    assert_eq!(without["latency"], with["latency"]);
}

#[test]
fn what_is_not_fitted_goes_over_to_the_new_file() {
    let place = Workplace::new();
    place.write("scenario.toml", scenario(ONE_LOAD));
    let names = [
        "layer_us",
        "mixed_layer_us",
        "eager_layer_us",
        "eager_experts_us",
        "all_reduce_wait_us",
        "quantised_layer_us",
        "sampler_us",
        "sampler_ns_per_logit",
        "sort_ns_per_entry",
    ];
    let lines: Vec<String> = names.iter().map(|name| format!("{name} = 7.5")).collect();
    let step = format!("[step]\n{}\n[front_end]", lines.join("\n"));
    let (before, after) = SERVER.split_once("[step]").unwrap();
    let rest = after.split_once("[front_end]").unwrap().1;
    place.write("times.toml", format!("{before}{step}{rest}"));
    let rows = [(1, 7.0), (8, 7.2), (32, 8.0), (128, 11.0)];
    let rows = rows.map(|(batch, ms)| format!("{batch},500,{ms}\n"));
    place.write("steps.csv", format!("batch,context,step_time_ms\n{}", rows.concat()));
    let set = "server.step_time=times.toml";
    let ended = place.run(&[
        "calibrate",
        "scenario.toml",
        "steps.csv",
        "--set",
        set,
        "--coefficients",
        "kernel_scale",
        "--out",
        "new.toml",
    ]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let written = std::fs::read_to_string(place.path("new.toml")).unwrap();
    for line in lines
        .iter()
        .map(String::as_str)
        .chain(["latency_us = 9000.0", "per_stream_us = 100.0"])
    {
        assert!(written.contains(line), "{line} in {written}");
    }
    let again = place.run(&["run", "scenario.toml", "--set", "server.step_time=new.toml"]);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
}

#[test]
fn coefficients_decide_the_hash_and_words_do_not() {
    let hash = |file: &str| run(file, &["--format", "json"]).json()["scenario_hash"].clone();
    let same = SERVER.replace("written by hand", "something else");
    assert_eq!(hash(SERVER), hash(&same));
    assert_ne!(hash(SERVER), hash(&SERVER.replace("400", "401")));
    assert_ne!(hash(SERVER), hash(&SERVER.replace("9000", "9001")));
}

#[test]
fn the_scenario_has_the_last_word_on_the_front_end() {
    let set = ["--format", "json", "--set", "server.front_end={ latency_us = 0 }"];
    let ttft = |ended: &Ended| ended.json()["latency"]["ttft"]["min"].as_f64().unwrap();
    let (given, calibrated) = (run(SERVER, &set), run(SERVER, &set[..2]));
    let difference = ttft(&calibrated) - ttft(&given);
    assert!(difference > 0.009 && difference < 0.012, "{difference}");
}

#[test]
fn another_deployment_is_warned_of() {
    let warned = |file: &str, what: &str| {
        let ended = run(file, &[]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(
            ended.stderr.contains("fitted on another deployment"),
            "{}",
            ended.stderr
        );
        assert!(ended.stderr.contains(what), "{}", ended.stderr);
    };
    let other = |from: &str, to: &str| SERVER.replace(from, to);
    warned(&other("h100-sxm", "l40s"), "gpu l40s instead of h100-sxm");
    warned(
        &other("3.1-8b", "3.1-70b"),
        "model llama-3.1-70b instead of llama-3.1-8b",
    );
    warned(&other("parallel = 1", "parallel = 2"), "tensor_parallel 2 instead of 1");
    warned(&other("bf16", "fp8"), "weights fp8 instead of bf16");
    let ended = run(SERVER, &[]);
    assert!(!ended.stderr.contains("another deployment"), "{}", ended.stderr);
}

#[test]
fn settings_say_where_coefficients_come_from() {
    let ended = run(SERVER, &["--explain"]);
    assert!(
        ended.stdout.contains("server.step_time.step.step_us"),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.contains("times.toml:9"), "{}", ended.stdout);
}

#[test]
fn a_front_end_that_costs_nothing_is_one_all_the_same() {
    // It asks for what its model is published with: otherwise a fitted 0 would change what steps do.
    let free = SERVER.replace("= 9000", "= 0").replace("= 100\n", "= 0\n");
    let ended = run(&free, &["--explain", "--set", "model.name=llama-2-7b"]);
    let sampling = ended.stdout.lines().find(|line| line.contains("sampling"));
    assert!(sampling.unwrap().contains("top_p"), "{}", ended.stdout);
}

/// A good file with one thing wrong: what is replaced, by what, and what the message holds.
const BAD: [(&str, &str, &[&str]); 13] = [
    ("[step]", "[step", &["times.toml:7", "not TOML"]),
    ("step_us", "step_ms", &["times.toml:9:1", "did you mean `step_us`"]),
    ("step_us = 400", "step_us = -1", &["times.toml:9:11", "from 0"]),
    ("step_us = 400", "step_us = \"400\"", &["times.toml:9:11", "a number"]),
    ("step_us = 400", "step_us = nan", &["times.toml:9:11", "a number"]),
    ("= 1.08", "= 0.0", &["times.toml:8:16", "from 0.1 to 10"]),
    ("latency_us = 9000", "latency_us = 1e9", &["times.toml:11:14", "from 0"]),
    (
        "[front_end]",
        "[frontend]",
        &[
            "times.toml:10:2",
            "a file of step times has no key",
            "did you mean `front_end`",
        ],
    ),
    (
        "[front_end]",
        "[server]",
        &["times.toml:10:2", "known keys: fitted_on, step, front_end, error"],
    ),
    (
        "gpu = \"h100-sxm\"\n",
        "",
        &["times.toml:1", "`fitted_on.gpu` is missing", "tailcast calibrate"],
    ),
    (
        "tensor_parallel = 1",
        "tensor_parallel = 0",
        &["times.toml:4", "from 1"],
    ),
    (
        "[step]",
        "[error]\n\"ttft.mean\" = \"good\"\n[step]",
        &["times.toml:8", "a number"],
    ),
    (
        "[step]",
        "step = 3\n[steps]",
        &["times.toml:7", "`fitted_on` has no key `step`"],
    ),
];

#[test]
fn bad_files_are_shown_with_their_lines() {
    for (from, to, expected) in BAD {
        assert!(SERVER.contains(from), "{from}");
        let ended = run(&SERVER.replacen(from, to, 1), &[]);
        assert_eq!(ended.code, Some(2), "{to}: {}", ended.stdout);
        for part in expected {
            assert!(ended.stderr.contains(part), "{to}: {part} in {}", ended.stderr);
        }
    }
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let place = Workplace::new();
    place.write("scenario.toml", scenario(ONE_LOAD));
    for (value, part) in [
        ("nothing.toml", "cannot read nothing.toml"),
        (".", "cannot read ."),
        ("7", "must be a table or the name of a file"),
    ] {
        let set = format!("server.step_time={value}");
        let ended = place.run(&["run", "scenario.toml", "--set", &set]);
        assert_eq!(ended.code, Some(2), "{value}");
        assert!(ended.stderr.contains(part), "{}", ended.stderr);
        assert!(ended.stderr.contains("calibrate"), "{}", ended.stderr);
    }
}
