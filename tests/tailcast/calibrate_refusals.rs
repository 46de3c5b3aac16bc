//! What `calibrate` refuses, and why: data that cannot tell anything, and scenarios that are not what was measured.

use crate::calibrate::{ONE_LOAD, SERVER, SEVERAL_LOADS, measured, scenario, summary};
use crate::command::{Ended, Workplace};

#[track_caller]
fn assert_refused(ended: &Ended, reason: &str, remedy: &str) {
    assert_eq!(ended.code, Some(2), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.is_empty(), "{}", ended.stdout);
    assert!(ended.stderr.contains(reason), "{}", ended.stderr);
    assert!(ended.stderr.contains(remedy), "{}", ended.stderr);
}

/// Calibrates the scenario on this data, written to a file of that name.
fn calibrate(name: &str, data: &str, more: &[&str]) -> Ended {
    let place = Workplace::new();
    place.write("scenario.toml", scenario(ONE_LOAD));
    place.write(name, data);
    place.run(&[&["calibrate", "scenario.toml", name], more].concat())
}

/// Rows of requests that arrive a second apart.
fn requests(count: u32, row: fn(u32) -> String) -> String {
    let header = "arrival_s,first_token_s,finished_s,input_tokens,output_tokens\n";
    (0..count).fold(header.to_owned(), |text, at| text + &row(at) + "\n")
}

#[test]
fn results_without_latencies() {
    let ended = calibrate("bench.json", r#"{"completed": 1000, "duration": 100}"#, &[]);
    assert_refused(&ended, "no latencies", "--save-result");
    let ended = calibrate("bench.json", r#"{"completed": 1000, "mean_ttft_ms": 50}"#, &[]);
    assert_refused(&ended, "no time between tokens", "mean_tpot_ms");
    let ended = calibrate("bench.json", r#"{"completed": 1000, "mean_tpot_ms": 8}"#, &[]);
    assert_refused(&ended, "no time to the first token", "mean_ttft_ms");
}

#[test]
fn few_requests() {
    let row = |at| format!("{at},{at}.05,{at}.85,500,100");
    let ended = calibrate("requests.csv", &requests(1, row), &[]);
    assert_refused(&ended, "1 finished request say", "50 requests or more");
    let ended = calibrate("requests.csv", &requests(49, row), &[]);
    assert_refused(&ended, "49 finished requests say", "50 requests or more");
    let result = r#"{"completed": 20, "mean_ttft_ms": 50, "mean_tpot_ms": 8}"#;
    assert_refused(
        &calibrate("bench.json", result, &[]),
        "20 finished requests",
        "50 requests or more",
    );
}

#[test]
fn single_tokens() {
    let rows = requests(100, |at| format!("{at},{at}.05,{at}.05,500,1"));
    let ended = calibrate("requests.csv", &rows, &[]);
    assert_refused(&ended, "every output is a single token", "tens of tokens");
}

#[test]
fn requests_that_did_not_finish() {
    let rows = requests(100, |at| match at % 10 {
        0 => format!("{at},,,500,"),
        _ => format!("{at},{at}.05,{at}.85,500,100"),
    });
    let ended = calibrate("requests.csv", &rows, &[]);
    assert_refused(&ended, "10 of 100 requests did not finish", "moderate load");
}

#[test]
fn queues() {
    let overload = "requests = 1500\narrivals = { process = \"poisson\", rate = 150.0 }";
    let place = measured(overload, SERVER, "7");
    let ended = place.run(&["calibrate", "scenario.toml", "requests.csv"]);
    assert_refused(&ended, "is mostly waiting", "moderate load");
}

#[test]
fn a_simulated_server_that_is_much_slower() {
    let place = measured(SEVERAL_LOADS, SERVER, "7");
    let smaller = ["--set", "batching.max_num_seqs=8"];
    let ended = place.run(&[&["calibrate", "scenario.toml", "requests.csv"], &smaller[..]].concat());
    assert_refused(&ended, "cannot keep up", "limits of [batching]");
}

#[test]
fn step_times_that_are_given() {
    let rows = requests(100, |at| format!("{at},{at}.05,{at}.85,500,100"));
    let set = ["--set", "server.step_time={ base_us = 8000 }"];
    let ended = calibrate("requests.csv", &rows, &set);
    assert_refused(&ended, "gives its step times", "remove server.step_time");
}

#[test]
fn a_policy_that_answers_as_a_whole() {
    let rows = requests(100, |at| format!("{at},{at}.05,{at}.85,500,100"));
    let set = [
        "--set",
        "batching.policy=static",
        "--set",
        "batching.response=batch_end",
    ];
    let ended = calibrate("requests.csv", &rows, &set);
    assert_refused(&ended, "policy is not what was measured", "continuous");
}

#[test]
fn a_summary_of_another_workload() {
    let place = measured(ONE_LOAD, SERVER, "7");
    place.write("bench.json", summary(&place));
    let set = ["--set", "workload.prompt={ dist = \"fixed\", value = 2000 }"];
    let ended = place.run(&[&["calibrate", "scenario.toml", "bench.json"], &set[..]].concat());
    assert_refused(&ended, "prompts have 2000 tokens in the mean", "[workload]");
}

#[test]
fn tables_that_tell_nothing() {
    let two = "batch,context,step_time_ms\n1,100,7\n8,100,8\n";
    assert_refused(&calibrate("steps.csv", two, &[]), "2 steps are too few", "batch sizes");
    let far = "batch,context,step_us\n1,100,100\n8,100,100\n32,100,110\n64,500,120\n";
    assert_refused(
        &calibrate("steps.csv", far, &[]),
        "kernels would have to take less than 0.3",
        "gpu",
    );
}

#[test]
fn tables_with_mistakes() {
    let with = |row: &str| format!("batch,context,step_time_ms\n1,100,7\n{row}\n8,100,8\n");
    for (row, reason) in [
        ("0,100,7", "`batch` must be a number from 1"),
        ("1.5,100,7", "`batch` must be a whole number"),
        ("1,,7", "`context` must be a number from 1"),
        ("1,100,fast", "`step_time_ms` must be a number"),
        ("1,100,-7", "`step_time_ms` must be a number"),
        ("1,100,inf", "`step_time_ms` must be a number"),
        ("1,100", "the row has 2 cells, and the first line names 3"),
    ] {
        let ended = calibrate("steps.csv", &with(row), &[]);
        assert_refused(&ended, reason, "steps.csv:3");
    }
}

#[test]
fn tables_whose_first_line_is_not_clear() {
    for (header, reason) in [
        ("batch,context,time", "columns batch, context and step_time_ms"),
        ("\"batch\",\"context\",\"time\"", "columns batch, context and"),
        ("batch,context,step_us,batch", "names the column `batch` twice"),
    ] {
        let ended = calibrate("steps.csv", &format!("{header}\n1,100,7,1\n"), &[]);
        assert_refused(&ended, reason, "help: ");
    }
    let quoted = "\"batch\",\"context\",\"step_time_ms\"\n1,100,7\n8,100,8\n";
    let ended = calibrate("steps.csv", quoted, &[]);
    assert_refused(&ended, "2 steps are too few", "batch sizes");
    let twice = requests(100, |at| format!("{at},{at}.05,{at}.85,500,100")).replace("output_tokens", "arrival_s");
    let ended = calibrate("requests.csv", &twice, &[]);
    assert_refused(&ended, "names the column `arrival_s` twice", "drop one");
}

#[test]
fn what_cannot_be_asked_for() {
    let rows = requests(100, |at| format!("{at},{at}.05,{at}.85,500,100"));
    let unknown = ["--coefficients", "step_ms"];
    let ended = calibrate("requests.csv", &rows, &unknown);
    assert_refused(&ended, "no coefficient \"step_ms\"", "allowed: step_us");
    let table = "batch,context,step_time_ms\n1,100,7\n8,100,8\n32,100,9\n";
    let ended = calibrate("steps.csv", table, &["--coefficients", "latency_us"]);
    assert_refused(&ended, "latency_us cannot be fitted", "leave it out");
}

#[test]
fn files_that_would_be_lost() {
    let place = measured(ONE_LOAD, SERVER, "7");
    let data = std::fs::read(place.path("requests.csv")).unwrap();
    for (out, what) in [("requests.csv", "the data"), ("scenario.toml", "the scenario")] {
        let ended = place.run(&["calibrate", "scenario.toml", "requests.csv", "--out", out]);
        assert_refused(&ended, &format!("would overwrite {what}"), "another name");
    }
    assert_eq!(std::fs::read(place.path("requests.csv")).unwrap(), data);
}

#[test]
fn data_that_are_not_there() {
    let place = Workplace::new();
    place.write("scenario.toml", scenario(ONE_LOAD));
    let ended = place.run(&["calibrate", "scenario.toml", "nothing.csv"]);
    assert_refused(&ended, "cannot read nothing.csv", "vllm bench serve");
}
