//! Results in the forms of `vllm bench serve`.

use serde_json::Value;

use crate::command::Workplace;

const SMALL: [&str; 5] = ["run", "--set", "workload.requests=2000", "--rate", "20"];

fn printed(format: &str, more: &[&str]) -> String {
    let place = Workplace::new();
    let mut arguments = SMALL.to_vec();
    arguments.extend(["--quiet", "--format", format]);
    arguments.extend(more);
    let ended = place.run(&arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.stdout
}

fn json(format: &str, more: &[&str]) -> Value {
    serde_json::from_str(&printed(format, more)).unwrap()
}

#[test]
fn the_json_of_a_benchmark_holds_the_numbers_of_all_requests() {
    let bench = json("vllm-json", &[]);
    let own = json("json", &["--set", "workload.warm_up=\"none\""]);
    let number = |value: &Value| value.as_f64().unwrap();
    for (key, latency) in [("ttft", "ttft"), ("tpot", "tpot"), ("itl", "itl"), ("e2el", "e2e")] {
        for (theirs, ours) in [
            ("mean", "mean"),
            ("median", "p50"),
            ("std", "std"),
            ("p90", "p90"),
            ("p95", "p95"),
            ("p99", "p99"),
        ] {
            let milliseconds = number(&bench[format!("{theirs}_{key}_ms")]);
            let seconds = number(&own["latency"][latency][ours]);
            assert!(
                (milliseconds - 1e3 * seconds).abs() < 1e-9 * milliseconds,
                "{theirs} {key}"
            );
        }
    }
    assert_eq!(bench["num_prompts"], 2000);
    assert_eq!(bench["completed"], 2000);
    assert_eq!(bench["failed"], 0);
    assert_eq!(bench["request_rate"], 20.0);
    assert_eq!(bench["burstiness"], 1.0);
    assert_eq!(bench["max_concurrency"], Value::Null);
    assert_eq!(
        (&bench["tensor_parallel_size"], &bench["data_parallel_size"]),
        (&1.into(), &Value::Null)
    );
    let two = json(
        "vllm-json",
        &["--set", "server.tensor_parallel=2", "--set", "fleet.servers=3"],
    );
    assert_eq!(
        (&two["tensor_parallel_size"], &two["data_parallel_size"]),
        (&2.into(), &3.into())
    );
    let rate = number(&bench["completed"]) / number(&bench["duration"]);
    assert!((number(&bench["request_throughput"]) - rate).abs() < 1e-9 * rate);
    let tokens = number(&bench["total_output_tokens"]);
    let per_second = tokens / number(&bench["duration"]);
    assert!((number(&bench["output_throughput"]) - per_second).abs() < 1e-6 * per_second);
    assert_eq!(tokens.fract().to_bits(), 0.0_f64.to_bits());
}

#[test]
fn a_closed_loop_has_no_rate_but_clients() {
    let place = Workplace::new();
    let arguments = ["run", "--set", "workload.requests=200", "--concurrency", "8", "--quiet"];
    let ended = place.run(&[&arguments[..], &["--format", "vllm-json"]].concat());
    let bench: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(bench["request_rate"], "inf");
    assert_eq!(bench["max_concurrency"], 8);
    // Of so few requests nobody knows the 99th percentile.
    assert_eq!(bench["p99_ttft_ms"], Value::Null);
    let text = place.run(&[&arguments[..], &["--format", "vllm"]].concat()).stdout;
    assert!(text.contains("Maximum request concurrency:             8\n"), "{text}");
    assert!(
        text.contains("P99 TTFT (ms):                           nan\n"),
        "{text}"
    );
}

#[test]
fn the_block_has_a_label_and_a_number_in_each_line_between_its_headings() {
    let text = printed("vllm", &[]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "============ Serving Benchmark Result ============");
    assert_eq!(lines[lines.len() - 1], "=".repeat(50));
    assert!(
        lines.contains(&"---------------Time to First Token----------------"),
        "{text}"
    );
    assert!(
        lines.contains(&"-----Time per Output Token (excl. 1st token)------"),
        "{text}"
    );
    let bench = json("vllm-json", &[]);
    for (label, key) in [
        ("Successful requests:", "completed"),
        ("Benchmark duration (s):", "duration"),
        ("Output token throughput (tok/s):", "output_throughput"),
        ("Median TPOT (ms):", "median_tpot_ms"),
        ("P99 E2EL (ms):", "p99_e2el_ms"),
    ] {
        let line = lines.iter().find(|line| line.starts_with(label)).expect(label);
        let shown: f64 = line[40..].trim().parse().unwrap();
        assert!((shown - bench[key].as_f64().unwrap()).abs() < 0.00501, "{line}");
    }
    let rows = lines[1..lines.len() - 1].iter().filter(|line| !line.starts_with('-'));
    for row in rows {
        let (label, number) = row.split_at(40);
        assert!(
            label.trim_end().ends_with(':') && number.trim().parse::<f64>().is_ok(),
            "{row}"
        );
    }
}

#[test]
fn a_load_that_no_such_benchmark_can_be_told_is_unknown() {
    let place = Workplace::new();
    let sent = |settings: &[&str]| {
        let mut arguments = vec![
            "run",
            "--set",
            "slo={}",
            "--set",
            "workload.requests=200",
            "--quiet",
            "--format",
            "vllm-json",
        ];
        arguments.extend(settings.iter().flat_map(|setting| ["--set", setting]));
        let ended = place.run(&arguments);
        assert_eq!(ended.code, Some(0), "{settings:?}: {}", ended.stderr);
        let bench: Value = serde_json::from_str(&ended.stdout).unwrap();
        ["request_rate", "burstiness", "max_concurrency"].map(|key| bench[key].to_string())
    };
    let stages = "workload.arrivals={ process = \"stages\", stages = [{ rate = 5, duration = \"100s\" }] }";
    assert_eq!(sent(&[stages]), ["null", "null", "null"]);
    let gamma = "workload.arrivals={ process = \"gamma\", rate = 5, cv = 2 }";
    assert_eq!(sent(&[gamma, "client.max_outstanding=9"]), ["5.0", "0.25", "9"]);
    assert_eq!(
        sent(&["workload.arrivals={ process = \"at_once\" }"]),
        ["\"inf\"", "1.0", "null"]
    );
}
