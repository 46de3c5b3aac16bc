//! Results of other tools in all their shapes: other versions, missing keys, nulls, several runs in a file.

use std::fmt::Write as _;

use tailcast::config::Measured;

#[track_caller]
pub fn all(content: &str) -> Vec<Measured> {
    Measured::parse_all("it", content).unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
pub fn one(content: &str) -> Measured {
    let mut found = all(content);
    assert_eq!(found.len(), 1);
    found.remove(0)
}

#[track_caller]
pub fn refused(content: &str, parts: &[&str]) {
    let error = Measured::parse_all("it", content).unwrap_err().to_string();
    for part in parts {
        assert!(error.contains(part), "{part:?} is not in:\n{error}");
    }
}

/// Equal but for rounding.
#[track_caller]
pub fn assert_values(measured: &Measured, expected: &[(&str, f64)]) {
    for (name, value) in expected {
        let got = measured.values.get(name);
        let got = *got.unwrap_or_else(|| panic!("{name} is not among {:?}", measured.values));
        assert!((got / value - 1.0).abs() < 1e-6, "{name}: {got}, not {value}");
    }
}

/// The load in the words of a scenario.
#[track_caller]
pub fn assert_load(measured: &Measured, keys: &[&str]) {
    let load = measured.load.as_ref().expect("it says its load");
    let arrivals = load.arrivals(true).into_iter();
    let requests = load.requests.map(|it| ("workload.requests", it.to_string()));
    let found = requests
        .into_iter()
        .chain(arrivals)
        .chain(load.outstanding())
        .chain(load.lengths());
    let found: Vec<String> = found.map(|(key, value)| format!("{key} = {value}")).collect();
    assert_eq!(found, keys);
}

/// As releases before 0.6.3 wrote it: no `failed`, no `max_concurrency`, rates as numbers, other order.
const OLD_BENCH: &str = r#"{"p99_ttft_ms": 90.0, "mean_ttft_ms": 40.0, "median_ttft_ms": "38.5", "mean_tpot_ms": 9.0,
"num_prompts": 100, "completed": 98, "request_rate": 4.0, "best_of": 1, "use_beam_search": false, "duration": 25.0,
"total_input_tokens": 9800, "total_output_tokens": 4900, "request_throughput": 3.92, "input_throughput": 392.0,
"output_throughput": 196.0, "mean_itl_ms": 9.1, "request_goodput:": null}"#;

#[test]
fn benchmarks_of_old_releases_are_read() {
    for content in [
        OLD_BENCH.to_owned(),
        format!("\u{feff}{}", OLD_BENCH.replace('\n', "\r\n")),
        format!("[{OLD_BENCH}]"),
    ] {
        let measured = one(&content);
        assert_values(
            &measured,
            &[("ttft.mean", 0.04), ("ttft.p50", 0.0385), ("itl.mean", 0.0091)],
        );
        assert_eq!(measured.unfinished, 2, "100 were sent");
        assert_load(
            &measured,
            &[
                "workload.requests = 100",
                "workload.arrivals = { process = \"poisson\", rate = 4.0, span = \"exact\" }",
                "workload.prompt = { dist = \"fixed\", value = 100 }",
                "workload.output = { dist = \"fixed\", value = 50 }",
            ],
        );
    }
}

const CONSOLE: &str = "INFO 01-01 starting\n============ Serving Benchmark Result ============\n\
    Successful requests:                     100       \nMaximum request concurrency:             8         \n\
    Benchmark duration (s):                  20.00     \nTotal input tokens:                      12800     \n\
    Total generated tokens:                  6400      \nRequest throughput (req/s):              5.00      \n\
    ---------------Time to First Token----------------\nMean TTFT (ms):                          71.54     \n\
    P99 TTFT (ms):                           79.49     \n-----Time per Output Token (excl. 1st token)------\n\
    Mean TPOT (ms):                          7.91      \n---------------Inter-token Latency----------------\n\
    Median ITL (ms):                         7.74      \n==================================================\n";

#[test]
fn what_a_benchmark_prints_is_read() {
    let measured = one(CONSOLE);
    assert_values(
        &measured,
        &[("ttft.mean", 0.071_54), ("ttft.p99", 0.079_49), ("itl.p50", 0.007_74)],
    );
    assert_load(
        &measured,
        &[
            "workload.requests = 100",
            "workload.arrivals = { process = \"closed\", concurrency = 8 }",
            "workload.prompt = { dist = \"fixed\", value = 128 }",
            "workload.output = { dist = \"fixed\", value = 64 }",
        ],
    );
    let sglang = CONSOLE
        .replace("Maximum request", "Traffic request rate: 2.0\nMax request")
        .replace(" 8  ", " not set ");
    let sglang = one(&(sglang + "Mean E2E Latency (ms):  500.0\n"));
    assert_eq!(sglang.tool, "SGLang bench_serving");
    assert_values(&sglang, &[("e2e.mean", 0.5)]);
    assert_eq!(sglang.load.unwrap().rate_per_s, Some(2.0));
    assert_eq!(all(&format!("{CONSOLE}{CONSOLE}")).len(), 2);
}

#[test]
fn several_runs_in_a_file_are_several_results() {
    let failed = r#"{"completed": 0, "failed": 5, "num_prompts": 5, "mean_ttft_ms": 0.0}"#;
    let lines = format!("{OLD_BENCH}\n{}\n{failed}\n", OLD_BENCH.replace("40.0", "50.0"));
    let found = all(&lines);
    assert_eq!(found.len(), 2);
    assert_values(&found[1], &[("ttft.mean", 0.05)]);
    assert!(found[0].notes[0].contains("1 of its 3 results"), "{:?}", found[0].notes);
    refused(failed, &["all 5 requests failed"]);
    refused(&format!("[{failed}, {failed}]"), &["all 5 requests failed"]);
    let table = "run_number,max_concurrency,request_rate,num_prompts,completed,mean_ttft_ms,p99_ttft_ms\n\
                 0,8,inf,100,100,12.5,\n1,16,inf,100,100,25,80\n";
    let found = all(table);
    assert_values(&found[1], &[("ttft.mean", 0.025), ("ttft.p99", 0.08)]);
    assert!(!found[0].values.contains_key("ttft.p99"));
    assert_eq!(found[0].load.as_ref().unwrap().max_concurrency, Some(8));
}

#[test]
fn chunks_of_several_tokens_are_told_from_tokens() {
    // Nine tokens in three chunks: 8 gaps between tokens take 0.2 s.
    let detailed = r#"{"completed": 1, "duration": 1.0, "input_lens": [10], "output_lens": [9], "ttfts": [0.1],
        "itls": [[0.1, 0.1]], "errors": [""]}"#;
    let measured = one(detailed);
    assert_values(&measured, &[("tpot.mean", 0.025), ("itl.mean", 0.025)]);
    assert!(!measured.values.contains_key("itl.max"));
    assert!(
        measured.notes[0].contains("4.0 tokens came at a time"),
        "{:?}",
        measured.notes
    );
    let summary = r#"{"completed": 10, "total_output_tokens": 1010, "mean_ttft_ms": 100, "mean_e2el_ms": 1100,
        "mean_tpot_ms": 10, "mean_itl_ms": 40, "median_itl_ms": 41, "p99_itl_ms": 80}"#;
    let measured = one(summary);
    assert_values(&measured, &[("itl.mean", 0.01)]);
    assert!(!measured.values.contains_key("itl.p50") && measured.notes[0].contains("4.0 tokens"));
    let without_e2e = summary.replace("mean_e2el_ms", "std_e2el_ms");
    assert!(!one(&without_e2e).values.contains_key("itl.p50"));
    let usual = summary.replace("\"mean_itl_ms\": 40", "\"mean_itl_ms\": 10.1");
    assert!(one(&usual).values.contains_key("itl.p50"));
}

#[test]
fn units_are_those_of_names_and_never_of_magnitudes() {
    // A second is a long, and a millisecond a short time to the first token: both are taken as they are named.
    assert_values(
        &one(r#"{"completed": 9, "mean_ttft_ms": 0.002}"#),
        &[("ttft.mean", 2e-6)],
    );
    assert_values(
        &one(r#"{"completed": 9, "mean_ttft": 2000.0}"#),
        &[("ttft.mean", 2000.0)],
    );
    refused(
        r#"{"completed": 9, "duration": 60.0, "mean_ttft": 2000.0}"#,
        &["longer than the whole run", "mean_ttft_ms"],
    );
    let aiperf =
        |unit: &str| format!(r#"{{"time_to_first_token": {{{unit} "avg": 250}}, "request_count": {{"avg": 3}}}}"#);
    assert_values(&one(&aiperf(r#""unit": "us","#)), &[("ttft.mean", 250e-6)]);
    assert_values(&one(&aiperf(r#""unit": "sec","#)), &[("ttft.mean", 250.0)]);
    refused(&aiperf(""), &["does not say its unit", "ms, s, us or ns"]);
    refused(&aiperf(r#""unit": "ticks","#), &["\"ticks\"", "no unit of time"]);
}

#[test]
fn sglang_writes_words_for_numbers_that_are_none() {
    let line = r#"{"backend": "sglang", "request_rate": Infinity, "max_concurrency": 4, "completed": 50, "duration": 10,
        "total_input_tokens": 500, "total_output_tokens": 5000, "mean_e2e_latency_ms": 800.0, "p99_e2e_latency_ms": NaN,
        "mean_ttft_ms": 30.0, "accept_length": null, "mean_itl_ms": 20.0, "mean_tpot_ms": 7.8}"#;
    let measured = one(&line.replace('\n', " "));
    assert_values(&measured, &[("e2e.mean", 0.8), ("itl.mean", 0.02)]);
    assert!(!measured.values.contains_key("e2e.p99"));
    assert_eq!(measured.load.unwrap().max_concurrency, Some(4));
    assert_eq!(all(&format!("{0}\n{0}\n", line.replace('\n', " "))).len(), 2);
}

#[test]
fn inferencex_tables_say_their_slots_and_lengths() {
    let table = r#"{"hw": "h200", "tp": 8, "conc": 64, "model": "gpt-oss-120b", "isl": 1024, "osl": 8192,
        "mean_ttft": 0.4, "median_tpot": 0.011, "median_intvty": 90.9, "std_ttft": 0.1, "mean_e2el": 91.0}"#;
    let measured = one(table);
    assert_values(
        &measured,
        &[("ttft.mean", 0.4), ("tpot.p50", 0.011), ("e2e.mean", 91.0)],
    );
    let load = measured.load.as_ref().unwrap();
    assert_eq!((load.tensor_parallel, load.gpu.as_deref()), (Some(8), Some("h200")));
    assert_eq!(load.label().unwrap(), "64 clients");
    assert_eq!(load.lengths()[1].1, "{ dist = \"fixed\", value = 8192 }");
}

/// A result of most formats.
pub fn examples() -> Vec<String> {
    let texts = [OLD_BENCH, CONSOLE, LLM_D, INFERENCE_PERF, AIPERF_TABLE, RECORDS].map(str::to_owned);
    let made = [
        guidellm(r#"{"type_": "poisson", "rate": 3.5}"#, "args"),
        metrics([10.0, 20.0, 30.0], 2.0),
    ];
    texts.into_iter().chain(made).collect()
}

const RECORDS: &str = r#"{"metadata": {"request_start_ns": 5e9, "benchmark_phase": "profiling"}, "metrics":
    {"time_to_first_token": {"value": 0.25, "unit": "s"}, "request_latency": {"value": 1250, "unit": "ms"},
    "output_sequence_length": {"value": 11}}, "error": null}"#;

pub fn guidellm(strategy: &str, place: &str) -> String {
    let of = |mean: f64| {
        format!(r#"{{"successful": {{"mean": {mean}, "percentiles": {{"p50": {mean}}}}}, "errored": null}}"#)
    };
    format!(
        r#"{{"benchmarks": [{{"{place}": {{"strategy": {strategy}}},
        "request_totals": {{"successful": 40, "errored": 2}},
        "metrics": {{"time_to_first_token_ms": {}, "request_latency": {}, "prompt_token_count": {}}}}}]}}"#,
        of(25.0),
        of(1.5),
        of(256.0)
    )
}

#[test]
fn guidellm_strategies_are_loads() {
    for (strategy, arrivals) in [
        (
            r#"{"type_": "synchronous"}"#,
            "{ process = \"closed\", concurrency = 1 }",
        ),
        (
            r#"{"type_": "concurrent", "streams": 16}"#,
            "{ process = \"closed\", concurrency = 16 }",
        ),
        (
            r#"{"type_": "poisson", "rate": 3.5}"#,
            "{ process = \"poisson\", rate = 3.5 }",
        ),
        (r#"{"type_": "throughput"}"#, "{ process = \"at_once\" }"),
        (
            r#"{"kind": "constant", "rate": 2}"#,
            "{ process = \"constant\", rate = 2.0 }",
        ),
    ] {
        for place in ["config", "args"] {
            let measured = one(&guidellm(strategy, place));
            assert_values(&measured, &[("ttft.mean", 0.025), ("e2e.p50", 1.5)]);
            assert_eq!(measured.load.as_ref().unwrap().arrivals(true).unwrap().1, arrivals);
            assert_eq!((measured.unfinished, measured.load.unwrap().requests), (2, Some(42)));
        }
    }
    let two = guidellm(r#"{"type_": "synchronous"}"#, "args").replace("[{", "[{\"a\": 1},{");
    assert!(one(&two).notes[0].contains("1 of its 2 results"));
    refused(
        "metadata:\n  version: 1\nbenchmarks: []\n",
        &["guidellm", "without benchmarks"],
    );
}

#[test]
fn records_of_aiperf_leave_out_warm_ups_and_failures() {
    let record = |phase: &str, start: f64, error: &str| {
        format!(
            r#"{{"metadata": {{"request_start_ns": {start}, "request_end_ns": {}, "benchmark_phase": "{phase}"}},
            "metrics": {{"time_to_first_token": {{"value": 0.25, "unit": "s"}}, "request_latency": {{"value": 1250,
            "unit": "ms"}}, "output_sequence_length": {{"value": 11, "unit": "tokens"}}}}, "error": {error}}}"#,
            start + 1.25e9
        )
    };
    let lines = [
        record("warmup", 0.0, "null"),
        record("profiling", 5e9, "null"),
        record("profiling", 7e9, "null"),
        record("profiling", 8e9, r#"{"code": 503, "message": "busy"}"#),
    ];
    let measured = one(&lines.join("\r\n"));
    assert_values(
        &measured,
        &[
            ("ttft.mean", 0.25),
            ("tpot.mean", 0.1),
            ("throughput.requests_per_s", 2.0 / 3.25),
        ],
    );
    assert_eq!(measured.unfinished, 1);
    let second = measured.requests.as_ref().unwrap()[1];
    assert!((second.arrival.unwrap().seconds() - 2.0).abs() < 1e-9);
    refused(&lines[3], &["the only request failed", "busy"]);
    refused(
        &lines[1].replace("time_to_first", "time_to_last"),
        &["no time_to_first_token", "--streaming"],
    );
}

const AIPERF_TABLE: &str = "Metric,avg,min,max,p99,p50\r\n\
    Time To First Token (ms),\"1,588.80\",1.0,\"4,121.09\",\"4,119.33\",787.54\r\n\
    Inter Token Latency (ms),51.76,1,99,55.87,51.98\r\n\r\nMetric,Value\r\n\
    Request Throughput (per sec),13.16\r\nRequest Count (count),200.00\r\n";

#[test]
fn tables_of_genai_perf_have_thousands_apart() {
    let measured = one(AIPERF_TABLE);
    assert_values(
        &measured,
        &[
            ("ttft.mean", 1.5888),
            ("ttft.max", 4.12109),
            ("tpot.p50", 0.051_98),
            ("throughput.requests_per_s", 13.16),
            ("requests.finished", 200.0),
        ],
    );
}

const INFERENCE_PERF: &str = r#"[{"start_time": 100.0, "end_time": 101.0, "request": "{}", "response": "",
        "info": {"input_tokens": 20, "output_tokens": 3, "output_token_times": [100.5, 100.75, 101.0]}, "error": null},
        {"start_time": 102.0, "end_time": 102.1, "info": {"input_tokens": 5}, "error": {"error_type": "Timeout"}}]"#;

#[test]
fn requests_of_inference_perf_are_read_one_by_one() {
    let measured = one(INFERENCE_PERF);
    assert_values(
        &measured,
        &[
            ("ttft.mean", 0.5),
            ("tpot.mean", 0.25),
            ("itl.max", 0.25),
            ("e2e.mean", 1.0),
        ],
    );
    assert_eq!(measured.unfinished, 1);
}

const LLM_D: &str = r#"{"version": "0.1", "scenario": {"model": {"name": "m"}, "load": {"name": "vllm-benchmark",
        "args": {"max_concurrency": 32, "num_prompts": 90}}}, "metrics": {"time": {"duration": 20},
        "requests": {"total": 100, "failures": 1, "input_length": {"units": "count", "mean": 500, "stddev": 50}},
        "latency": {"time_to_first_token": {"units": "ms", "mean": 30, "p99": 90},
        "time_per_output_token": {"units": "s/token", "mean": 0.008}, "request_latency": {"units": "s", "p99p9": 3}},
        "throughput": {"requests_per_sec": 4.95, "output_tokens_per_sec": 700}}}"#;

#[test]
fn reports_of_llm_d_benchmark_name_their_units() {
    let measured = one(LLM_D);
    assert_values(
        &measured,
        &[
            ("ttft.p99", 0.09),
            ("tpot.mean", 0.008),
            ("e2e.p999", 3.0),
            ("throughput.requests_per_s", 4.95),
        ],
    );
    let load = measured.load.as_ref().unwrap();
    assert_eq!(
        (load.label().unwrap(), load.requests),
        ("32 clients".to_owned(), Some(100))
    );
    assert_eq!(load.lengths()[0].1, "{ dist = \"gamma\", mean = 500.0, cv = 0.1 }");
    let new = r#"{"version": "0.2", "run": {"uid": "x"}, "scenario":
        {"stack": [{"standardized": {"model": {"name": "m"}}}],
        "load": {"standardized": {"tool": "inference-perf", "rate_qps": 2.5}}}, "results": {"request_performance":
        {"aggregate": {"requests": {"total": 10, "failures": 0}, "latency": {"time_to_first_token": {"units": "us",
        "mean": 30000}}, "throughput": {"request_rate": {"units": "queries/s", "mean": 2.4}}}}}}"#;
    let measured = one(new);
    assert_values(&measured, &[("ttft.mean", 0.03), ("throughput.requests_per_s", 2.4)]);
    assert_eq!(measured.load.unwrap().rate_per_s, Some(2.5));
    refused(
        &new.replace("\"us\"", "\"count\""),
        &["time_to_first_token", "\"count\""],
    );
}

/// What a server with two engines answers: of each so many requests.
pub fn metrics(counts: [f64; 3], sum: f64) -> String {
    let mut text =
        "# HELP vllm:time_to_first_token_seconds Time.\n# TYPE vllm:time_to_first_token_seconds histogram\n".to_owned();
    for engine in [0, 1] {
        let labels = format!("engine=\"{engine}\",model_name=\"org/m {{x}}\"");
        for (bound, count) in ["0.25", "0.5", "+Inf"].into_iter().zip(counts) {
            let _ = writeln!(
                text,
                "vllm:time_to_first_token_seconds_bucket{{{labels},le=\"{bound}\"}} {count}"
            );
        }
        let _ = writeln!(text, "vllm:time_to_first_token_seconds_sum{{{labels}}} {sum}");
        let _ = writeln!(
            text,
            "vllm:time_to_first_token_seconds_count{{{labels}}} {} 1700000000000",
            counts[2]
        );
        let _ = writeln!(
            text,
            "vllm:request_success_total{{{labels},finished_reason=\"stop\"}} {}",
            counts[2]
        );
        let _ = writeln!(text, "vllm:request_prompt_tokens_sum{{{labels}}} {}", 100.0 * counts[2]);
        let _ = writeln!(text, "vllm:request_prompt_tokens_count{{{labels}}} {}", counts[2]);
    }
    text + "process_cpu_seconds_total 12.5\n# EOF\n"
}

#[test]
fn counters_of_a_server_give_means_and_bounds_of_quantiles() {
    let before = one(&metrics([10.0, 10.0, 10.0], 2.0));
    assert_values(&before, &[("ttft.mean", 0.2), ("requests.finished", 20.0)]);
    assert!(before.notes[0].contains("since the server started"));
    let after = one(&metrics([20.0, 90.0, 110.0], 52.0));
    let between = after.since(&before).unwrap();
    // 10, 70 and 20 requests an engine in the three buckets, which took 50 s.
    assert_values(
        &between,
        &[
            ("ttft.mean", 0.5),
            ("ttft.p50", 0.25 + 0.25 * 40.0 / 70.0),
            ("requests.finished", 200.0),
        ],
    );
    assert_eq!(between.bounds["ttft.p50"], (0.25, 0.5));
    assert!(!between.values.contains_key("ttft.p99"), "no bound is above it");
    assert_eq!(
        between.load.as_ref().unwrap().lengths()[0].1,
        "{ dist = \"fixed\", value = 100 }"
    );
    let aborted = one(&metrics([10.0, 20.0, 30.0], 5.0).replace("\"stop\"", "\"abort\""));
    assert_eq!(aborted.unfinished, 60);
    let wrong = before.since(&after).unwrap_err().to_string();
    assert!(wrong.contains("lower in the second file"), "{wrong}");
    let two_models = metrics([1.0; 3], 1.0) + &metrics([1.0; 3], 1.0).replace("org/m", "org/other");
    refused(&two_models, &["several models", "grep"]);
    refused(
        "# HELP go_goroutines Number.\n# TYPE go_goroutines gauge\ngo_goroutines 3\n",
        &["none of vLLM's"],
    );
}

#[test]
fn packed_files_are_read() {
    use std::io::Write as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bench.json.gz");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(OLD_BENCH.as_bytes()).unwrap();
    std::fs::write(&path, packed.finish().unwrap()).unwrap();
    assert_values(&Measured::read(&path).unwrap(), &[("ttft.mean", 0.04)]);
}

#[test]
fn unknown_files_say_what_was_found_and_what_is_read() {
    refused(
        "{\"avg_latency\": 1, \"latencies\": [1], \"percentiles\": {}}",
        &["vllm bench latency", "vllm bench serve"],
    );
    for (content, parts) in [
        ("{\"a\": 1, \"b\": [1]}", &["no latencies", "`a`, `b`", "guidellm"][..]),
        ("{}", &["no latencies", "without any keys"]),
        ("[]", &["no latencies"]),
        ("a;b\n1;2\n", &["neither JSON nor a table", "vllm bench serve"]),
        ("{\"a\": 1,\n \"b\": }", &["it:2:", "guidellm"]),
        ("name: x\n", &["YAML", "`name`"]),
        (
            "[{\"n_prompt\": 512, \"n_gen\": 0, \"avg_ts\": 2.0}]",
            &["llama-bench", "llama-server"],
        ),
        (
            "{\"engine\": {}, \"request_info\": {}, \"performance\": {}}",
            &["trtllm-bench", "trtllm-serve"],
        ),
        (
            "{\"Number of concurrency\": 1, \"Total requests\": 10}",
            &["EvalScope", "vllm bench serve"],
        ),
        (
            "{\"type\": \"GROUP\", \"name\": \"x\", \"stats\": {}}",
            &["Gatling", "no tokens"],
        ),
        ("{\"aggregate\": {}, \"intermediate\": []}", &["Artillery", "no tokens"]),
        (
            "{\"model\": \"m\", \"prompt_eval_count\": 10, \"eval_count\": 2}\n",
            &["Ollama", "workload.trace"],
        ),
        (
            "{\"metadata\": {}, \"per_combination_metrics\": []}",
            &["AIPerf", "profile_export_aiperf.json"],
        ),
        (
            "====\nMLPerf Results Summary\n====\nSUT name : x\n",
            &["MLPerf", "no tokens"],
        ),
        (
            "Running 30s test @ http://x\r\n  2 threads and 10 connections\r\n",
            &["wrk", "no tokens"],
        ),
        (
            "This is ApacheBench, Version 2.3\nCopyright\n",
            &["ApacheBench", "no tokens"],
        ),
        (
            "# TYPE tgi_request_duration histogram\ntgi_request_duration_count 3\n",
            &["Text Generation Inference", "guidellm"],
        ),
        ("{\"metrics\": {}, \"root_group\": {}}", &["k6", "no tokens"]),
        (
            "{\"schema\": \"tailcast/run/v1\", \"tool\": {}, \"scenario_hash\": \"x\"}",
            &["tailcast", "--requests-out"],
        ),
        (
            "arrival_s,input_tokens,output_tokens\n0,1,2\n",
            &["own form", "workload.trace"],
        ),
        (
            "batch,context,step_us\n1,2,3\n",
            &["table of steps", "tailcast calibrate"],
        ),
    ] {
        refused(content, parts);
    }
}
