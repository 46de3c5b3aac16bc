//! What was measured is read in the definitions of our own results; a file that cannot be read says where and what to
//! write.

use tailcast::config::{METRICS, Measured, MeasuredRequest, is_latency};
use tailcast::metrics::{Metric, Statistic};
use tailcast::units::{Span, Time};

pub const DETAILED: &str = r#"{"date": "20260101-120000", "backend": "vllm", "completed": 3, "failed": 1,
"duration": 4.0, "total_input_tokens": 60, "request_throughput": 0.75, "output_throughput": 2.0, "mean_ttft_ms": 999.0,
"input_lens": [10, 20, 30, 40], "output_lens": [3, 1, 4, 0],
"ttfts": [0.1, 0.2, 0.3, 0.0], "itls": [[0.02, 0.04], [], [0.01, 0.02, 0.03], []],
"start_times": [100.5, 100.0, 101.0, 102.0],
"generated_texts": ["a", "b", "c", ""], "errors": ["", "", "", "timeout"]}"#;

const SUMMARY: &str = r#"{"completed": 200, "failed": 0, "duration": 50.0, "total_input_tokens": 1000,
"max_concurrency": null,
"request_throughput": 4.0, "output_throughput": 400.0,
"mean_ttft_ms": 120.0, "median_ttft_ms": 100.0, "std_ttft_ms": 9.0, "p99_ttft_ms": 300.0, "p99.9_ttft_ms": 350.5,
"p25_ttft_ms": 80.0,
"mean_e2el_ms": 2000.0, "mean_itl_ms": 0.0, "mean_tpot_ms": 12.5}"#;

pub const ROWS: &str = "\
id,arrival_s,scheduled_s,first_token_s,finished_s,input_tokens,output_tokens,outcome
0,10.0,10.25,10.5,12.5,100,5,finished
1,11.0,11.0,11.5,11.5,50,1,finished
2,12.0,,,,70,,timed_out
3,13.0,13.0,13.5,14.5,10,3,finished
4,14.0,14.0,14.5,,10,,running
";

fn read(content: &str) -> Measured {
    Measured::parse("it", content).unwrap_or_else(|error| panic!("{error}"))
}

/// Equal but for rounding.
fn assert_values(measured: &Measured, expected: &[(&str, f64)]) {
    for (name, value) in expected {
        let got = measured.values.get(name);
        let got = *got.unwrap_or_else(|| panic!("{name} is not among {:?}", measured.values));
        assert!((got / value - 1.0).abs() < 1e-9, "{name}: {got}");
    }
}

fn seconds(seconds: f64) -> Span {
    Span::from_seconds(seconds).unwrap()
}

#[test]
fn names_are_those_of_results() {
    let latencies = Metric::ALL
        .into_iter()
        .flat_map(|metric| Statistic::ALL.map(|statistic| format!("{}.{}", metric.name(), statistic.name())));
    let ours: Vec<&str> = METRICS.into_iter().filter(|name| is_latency(name)).collect();
    assert_eq!(latencies.collect::<Vec<_>>(), ours);
}

#[test]
fn a_detailed_benchmark_is_read_request_by_request() {
    let measured = read(DETAILED);
    let requests = measured.requests.as_ref().unwrap();
    assert_eq!(requests.len(), 3);
    assert_eq!(
        requests[0],
        MeasuredRequest {
            arrival: Some(Time::ZERO + seconds(0.5)),
            ttft: seconds(0.1),
            e2e: seconds(0.16),
            input_tokens: 10,
            output_tokens: 3,
        }
    );
    assert_eq!(measured.unfinished, 1);
    assert_values(
        &measured,
        &[
            ("ttft.mean", 0.2),
            ("ttft.p50", 0.2),
            ("ttft.max", 0.3),
            ("tpot.mean", 0.025),
            ("itl.mean", 0.12 / 5.0),
            ("e2e.mean", (0.16 + 0.2 + 0.36) / 3.0),
            ("requests.finished", 3.0),
            ("throughput.requests_per_s", 0.75),
            ("throughput.output_tokens_per_s", 2.0),
            ("throughput.input_tokens_per_s", 15.0),
        ],
    );
}

#[test]
fn where_there_are_whole_latencies_they_stand() {
    let with = DETAILED.replace(
        "\"start_times\"",
        "\"latencies\": [0.2, 0.2, 0.5, 0.0], \"start_times\"",
    );
    assert_values(&read(&with), &[("e2e.max", 0.5), ("tpot.max", 0.2 / 3.0)]);
}

#[test]
fn a_summary_alone_gives_what_it_has() {
    let measured = read(SUMMARY);
    assert_eq!(measured.requests, None);
    assert_values(
        &measured,
        &[
            ("ttft.mean", 0.12),
            ("ttft.p50", 0.1),
            ("ttft.p99", 0.3),
            ("ttft.p999", 0.3505),
            ("tpot.mean", 0.0125),
            ("e2e.mean", 2.0),
            ("requests.finished", 200.0),
            ("throughput.requests_per_s", 4.0),
            ("throughput.output_tokens_per_s", 400.0),
            ("throughput.input_tokens_per_s", 20.0),
        ],
    );
    assert_eq!(measured.values.len(), 10, "0 stands for nothing measured");
}

#[test]
fn rows_of_requests_are_read_as_a_run_writes_them() {
    let measured = read(ROWS);
    assert_eq!(measured.unfinished, 2);
    assert_values(
        &measured,
        &[
            ("ttft.mean", 0.5),
            ("tpot.mean", 0.5),
            ("e2e.mean", (2.5 + 0.5 + 1.5) / 3.0),
            ("queue_wait.max", 0.25),
            ("requests.finished", 3.0),
            ("requests.timed_out", 1.0),
            ("throughput.requests_per_s", 3.0 / 4.5),
            ("throughput.output_tokens_per_s", 2.0),
            ("throughput.input_tokens_per_s", 160.0 / 4.5),
        ],
    );
    let arrivals = measured.requests.unwrap();
    assert_eq!(arrivals[2].arrival, Some(Time::ZERO + seconds(3.0)));
    let least =
        "arrival_s,first_token_s,finished_s,input_tokens,output_tokens\n1.7e9,1700000000.5,1700000001,7,2\n3,,,7,\n";
    let measured = read(least);
    assert_values(&measured, &[("ttft.mean", 0.5), ("tpot.mean", 0.5)]);
    assert_eq!(measured.unfinished, 1);
}

#[test]
fn a_quantile_stands_only_on_enough_requests() {
    let rows = |count: u32| {
        let header = "arrival_s,first_token_s,finished_s,input_tokens,output_tokens".to_owned();
        let rows = (0..count).map(|row| format!("{row},{row}.5,{row}.75,1,2"));
        let lines: Vec<String> = std::iter::once(header).chain(rows).collect();
        read(&lines.join("\n"))
    };
    assert!(!rows(99).values.contains_key("ttft.p90"));
    assert!(rows(100).values.contains_key("ttft.p90"));
    assert!(!rows(999).values.contains_key("e2e.p99"));
    assert!(rows(1000).values.contains_key("e2e.p99"));
}

#[test]
fn a_file_that_cannot_be_read_says_where_and_what_to_write() {
    let json = |old: &str, new: &str| DETAILED.replacen(old, new, 1);
    let rows = |old: &str, new: &str| ROWS.replacen(old, new, 1);
    for (content, parts) in [
        (String::new(), &["it is empty", "--requests-out"][..]),
        ("[]".to_owned(), &["no latencies", "guidellm"]),
        (json("}", ""), &["it:6:", "EOF"]),
        (format!("{SUMMARY}\n{SUMMARY}"), &["2 results", "keep one"]),
        (json("999.0", "fast"), &["it:2:"]),
        (json("0.75", "-0.75"), &["request_throughput is negative"]),
        (json("0.2, 0.3", "0.2, -0.3"), &["ttfts[2] stands for -0.3 s"]),
        (
            json("[0.02, 0.04]", "[0.02, 1e9]"),
            &["itls[0] stands for 1000000000 s"],
        ),
        (json("[3, 1, 4", "[3, 1.5, 4"), &["it:3:", "whole number"]),
        (json("20, 30, 40", "20, 30"), &["input_lens has 3 entries"]),
        (
            json("ttfts", "tfts").replace("mean_", ""),
            &["no latencies", "--save-detailed"],
        ),
        (json("[3, 1, 4", "[0, 0, 0"), &["all 4 requests failed", "timeout"]),
        ("{}".to_owned(), &["no latencies"]),
        ("a,b\n1,2\n".to_owned(), &["it:1:1", "`a`, `b`", "finished_s"]),
        (rows("12.5", "12.5s"), &["it:2:19", "`finished_s`", "\"12.5s\""]),
        (rows("11.5,11.5", "11.5,11.25"), &["it:3:18", "before `first_token_s`"]),
        (rows("11.5,11.5", "11.5,nan"), &["it:3:18", "must be a number"]),
        (rows("12.5", "12500000000"), &["200 days", "not milliseconds"]),
        (rows(",5,", ",0,"), &["`output_tokens`", "from 1"]),
        (rows("100,5", "100"), &["it:2:1", "has 7 cells"]),
        (
            ROWS.replace("finished\n", "failed\n"),
            &["none of its 5 requests finished"],
        ),
        (rows("10.5", ""), &["`first_token_s` must be a number, not \"\""]),
    ] {
        let error = Measured::parse("it", &content).unwrap_err().to_string();
        for part in parts {
            assert!(error.contains(part), "{part:?} is not in:\n{error}");
        }
    }
}
