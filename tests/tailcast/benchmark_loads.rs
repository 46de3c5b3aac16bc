//! A validation simulates what was measured: it takes the load from the result of a benchmark, or says what differs.

use serde_json::{Value, json};

use crate::command::{Ended, Workplace};
use crate::config::load;
use crate::validate::SCENARIO;

/// Of 1200 requests at 20 a second with 255 and 30.5 tokens in the mean.
fn benchmark(changes: &[(&str, Value)]) -> String {
    let mut result = json!({
        "model_id": "meta-llama/Llama-3.1-8B-Instruct",
        "num_prompts": 1200,
        "request_rate": 20.0,
        "burstiness": 1.0,
        "max_concurrency": null,
        "completed": 1200,
        "duration": 60.0,
        "total_input_tokens": 306_000,
        "request_throughput": 20.0,
        "output_throughput": 610.0,
        "mean_ttft_ms": 40.0,
    });
    for (key, value) in changes {
        result[*key] = value.clone();
    }
    result.to_string()
}

fn validated(changes: &[(&str, Value)], experiment: &str, flags: &[&str]) -> (Workplace, Ended) {
    let place = Workplace::new();
    place.write("served.toml", SCENARIO);
    place.write("bench.json", benchmark(changes));
    let manifest = format!("[[experiment]]\nscenario = \"served.toml\"\nmeasured.file = \"bench.json\"\n{experiment}");
    place.write("manifest.toml", manifest);
    let ended = place.run(&[&["validate", "manifest.toml", "--format", "json"], flags].concat());
    (place, ended)
}

fn warned(changes: &[(&str, Value)], experiment: &str) -> Vec<String> {
    let (_, ended) = validated(changes, experiment, &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let lines = ended
        .stderr
        .lines()
        .filter(|line| line.contains("is not what was measured"));
    lines.map(str::to_owned).collect()
}

#[test]
fn nothing_is_said_of_the_scenario_that_was_measured() {
    assert_eq!(warned(&[], ""), Vec::<String>::new());
    let closed = [("request_rate", json!("inf")), ("max_concurrency", json!(16))];
    let set = "set.\"workload.arrivals\" = { process = \"closed\", concurrency = 16 }";
    assert_eq!(warned(&closed, set), Vec::<String>::new());
}

#[test]
fn each_difference_is_named() {
    let differences: [(&str, Value, &str); 7] = [
        (
            "model_id",
            json!("Qwen/Qwen2.5-7B-Instruct"),
            "and Qwen/Qwen2.5-7B-Instruct was measured",
        ),
        (
            "num_prompts",
            json!(1000),
            "1200 requests are simulated and 1000 were measured",
        ),
        (
            "request_rate",
            json!(10.0),
            "requests are sent 20 a second and were sent 10 a second",
        ),
        (
            "request_rate",
            json!("inf"),
            "requests are sent 20 a second and were sent all at once",
        ),
        (
            "burstiness",
            json!(0.25),
            "gaps between requests have cv 1 and had 2.000",
        ),
        (
            "max_concurrency",
            json!(64),
            "were sent 20 a second, 64 outstanding at most",
        ),
        ("total_input_tokens", json!(600_000), "simulated prompts have 25"),
    ];
    for (key, value, said) in differences {
        let warned = warned(&[(key, value)], "");
        assert_eq!(warned.len(), 1, "{key}: {warned:?}");
        assert!(warned[0].contains(said), "{key}: {warned:?}");
    }
}

/// How many requests ran, and in which time they came.
fn simulated(changes: &[(&str, Value)], more: &str, flags: &[&str]) -> f64 {
    let (_, ended) = validated(changes, &format!("load = \"measured\"\n{more}"), flags);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(!ended.stderr.contains("requests are sent"), "{}", ended.stderr);
    let result: Value = serde_json::from_str(&ended.stdout).unwrap();
    let metrics = &result["experiments"][0]["metrics"];
    metrics["requests.finished"]["predicted"].as_f64().unwrap()
}

#[test]
fn the_load_is_that_of_the_file() {
    let finished = |changes: &[(&str, Value)]| simulated(changes, "", &[]) as u64;
    assert_eq!(
        finished(&[("num_prompts", json!(300)), ("request_rate", json!(7.5))]),
        300
    );
    assert_eq!(
        finished(&[("num_prompts", json!(200)), ("burstiness", json!(0.25))]),
        200
    );
    let closed = [
        ("num_prompts", json!(100)),
        ("request_rate", json!("inf")),
        ("max_concurrency", json!(8)),
    ];
    assert_eq!(finished(&closed), 100);
    assert_eq!(
        finished(&[("num_prompts", json!(50)), ("request_rate", json!("inf"))]),
        50
    );
    assert_eq!(
        finished(&[("num_prompts", json!(60)), ("max_concurrency", json!(4))]),
        60
    );
}

#[test]
fn the_manifest_and_flags_stand_over_the_file() {
    let set = "set.\"workload.requests\" = 70";
    let count = |set: &str, flags: &[&str]| simulated(&[], set, flags) as u64;
    assert_eq!(count(set, &[]), 70);
    assert_eq!(count(set, &["--set", "workload.requests=80"]), 80);
}

#[test]
fn what_the_file_does_not_say_is_refused() {
    for (changes, said) in [
        ([("request_rate", Value::Null)], "does not say `request_rate`"),
        ([("request_rate", json!("fast"))], "request_rate is not above 0"),
        ([("request_rate", json!(0.0))], "request_rate is not above 0"),
        ([("burstiness", json!(-1.0))], "burstiness is not above 0"),
    ] {
        let (_, ended) = validated(&changes, "load = \"measured\"", &[]);
        assert_eq!(ended.code, Some(2), "{changes:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(said), "{changes:?}: {}", ended.stderr);
    }
    let (_, ended) = validated(&[], "load = \"file\"", &[]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("measured"), "{}", ended.stderr);
}

const EXACT: &str = "workload.arrivals={ process = \"gamma\", rate = 8.0, cv = 2.0, span = \"exact\" }";

#[test]
fn exact_spans_end_at_the_number_of_requests_divided_by_the_rate() {
    let place = Workplace::new();
    place.write("served.toml", SCENARIO);
    for seed in ["1", "2"] {
        let run = [
            "run",
            "served.toml",
            "--seed",
            seed,
            "--set",
            EXACT,
            "--requests-out",
            "out.csv",
        ];
        let ended = place.run(&run);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let rows = std::fs::read_to_string(place.path("out.csv")).unwrap();
        let arrivals = rows
            .lines()
            .skip(1)
            .map(|row| row.split(',').nth(1).unwrap().parse::<f64>().unwrap());
        let last = arrivals.fold(0.0, f64::max);
        assert!((last - 150.0).abs() < 1e-9, "1200 requests at 8 a second: {last}");
    }
}

#[test]
fn a_span_is_part_of_the_name_only_where_it_is_written() {
    let plain = load(SCENARIO, &[]).hash();
    let written = |span: &str| load(SCENARIO, &[&format!("workload.arrivals.span={span}")]);
    assert!(!load(SCENARIO, &[]).settings.iter().any(|it| it.key.ends_with("span")));
    assert_ne!(written("exact").hash(), plain);
}

#[test]
fn an_exact_span_needs_to_know_how_many_come() {
    let place = Workplace::new();
    place.write("served.toml", SCENARIO);
    for more in [
        "workload.duration=10s",
        "workload.session={ turns = 3, think = \"1s\" }",
        "workload.requests=200000000",
    ] {
        let ended = place.run(&["run", "served.toml", "--set", EXACT, "--set", more]);
        assert_eq!(ended.code, Some(2), "{more}: {}", ended.stderr);
        assert!(
            ended.stderr.contains("workload.arrivals.span"),
            "{more}: {}",
            ended.stderr
        );
    }
    let closed = "workload.arrivals={ process = \"at_once\", span = \"exact\" }";
    assert_eq!(place.run(&["run", "served.toml", "--set", closed]).code, Some(2));
}
