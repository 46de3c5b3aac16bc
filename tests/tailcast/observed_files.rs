//! Files of a run that the tools read which watch real servers say what happened, in the forms that these tools want.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::command::Workplace;
use crate::exposed_text::Exposed;

/// Step times are given, so that clients have the engine's times.
const ALONE: &str = r#"
name = "alone"
seed = 7
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
max_model_len = 2000
kv_blocks = 400
step_time = { base_us = 10000, per_token_us = 20, per_seq_us = 100 }
[workload]
requests = 300
arrivals = { process = "poisson", rate = 12.0 }
prefix = { pool = 3, tokens = 200, popularity = 1.0 }
prompt = { dist = "lognormal", median = 200, sigma = 0.8, max = 3000 }
output = { dist = "lognormal", median = 60, sigma = 0.7, max = 400 }
"#;

/// Three servers, of which one crashes; clients of two classes.
const FLEET: &str = r#"
name = "fleet"
seed = 7
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
max_model_len = 2000
[batching]
max_num_seqs = 4
[fleet]
servers = 3
router = "ROUTER"
[[fleet.fault]]
kind = "crash"
at = "20s"
server = 1
restart = "15s"
detect = "2s"
[client]
timeout = "6s"
[client.retry]
max = 2
backoff = "500ms"
[workload]
duration = "60s"
[[class]]
name = "chat"
[class.workload]
arrivals = { process = "poisson", rate = 10.0 }
prompt = { dist = "lognormal", median = 200, sigma = 1.1, max = 5000 }
output = { dist = "lognormal", median = 60, sigma = 0.7, max = 400 }
[[class]]
name = "batch-2"
[class.workload]
session = { turns = 3, think = "2s" }
arrivals = { process = "poisson", rate = 2.0 }
prompt = { dist = "fixed", value = 300 }
output = { dist = "fixed", value = 100 }
"#;

/// What a run says, with all of its files.
struct Observed {
    place: Workplace,
    result: Value,
}

impl Observed {
    fn of(scenario: &str, more: &[&str]) -> Self {
        let place = Workplace::new();
        place.write("scenario.toml", scenario);
        let mut arguments = vec![
            "run",
            "scenario.toml",
            "--format",
            "json",
            "--slo-exit-zero",
            "--warm-up",
            "none",
        ];
        arguments.extend(["--openmetrics-out", "metrics.om", "--metrics-out", "metrics.prom"]);
        arguments.extend([
            "--spans-out",
            "spans.json",
            "--logs-out",
            "logs.jsonl",
            "--requests-out",
            "rows.csv",
        ]);
        arguments.extend(["--timeline-out", "timeline.csv", "--timeline-interval", "500ms"]);
        arguments.extend(more);
        let ended = place.run(&arguments);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let result = ended.json();
        Self { place, result }
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.place.path(name)).unwrap()
    }

    fn over_time(&self) -> Exposed {
        Exposed::read(&self.text("metrics.om"), true)
    }

    fn at_end(&self) -> Exposed {
        Exposed::read(&self.text("metrics.prom"), false)
    }

    fn rows(&self) -> Vec<BTreeMap<String, String>> {
        records(&self.text("rows.csv"))
    }

    fn number(&self, path: &str) -> f64 {
        self.result
            .pointer(path)
            .and_then(Value::as_f64)
            .unwrap_or_else(|| panic!("{path}"))
    }

    fn spans(&self) -> Vec<Value> {
        let file: Value = serde_json::from_str(&self.text("spans.json")).unwrap();
        let spans = file.pointer("/resourceSpans/0/scopeSpans/0/spans");
        spans.unwrap().as_array().unwrap().clone()
    }

    fn logs(&self) -> Vec<Value> {
        let lines = self.text("logs.jsonl");
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn records(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().map(Result::unwrap).collect()
}

fn fleet(router: &str) -> String {
    FLEET.replace("ROUTER", router)
}

fn is_near(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-9 * one.abs().max(other.abs()).max(1.0)
}

#[track_caller]
fn assert_near(one: f64, other: f64) {
    assert!(is_near(one, other), "{one} and {other}");
}

#[test]
fn metrics_over_time_end_where_the_snapshot_is() {
    for scenario in [ALONE.to_owned(), fleet("least_outstanding"), fleet("central_queue")] {
        let run = Observed::of(&scenario, &[]);
        let (over_time, at_end) = (run.over_time(), run.at_end());
        assert!(over_time.samples.len() > 1_000);
        for sample in &at_end.samples {
            let labels: Vec<(&str, &str)> = sample.labels.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
            assert_near(over_time.last(&sample.name, &labels), sample.value);
        }
        // A snapshot is scraped by somebody who notes himself whether he could.
        let extra: BTreeSet<&String> = over_time.types.keys().filter(|name| *name == "up").collect();
        assert_eq!(over_time.types.len(), at_end.types.len() + extra.len());
    }
}

#[test]
fn sums_are_those_of_the_result() {
    for scenario in [ALONE.to_owned(), fleet("least_outstanding"), fleet("central_queue")] {
        let run = Observed::of(&scenario, &[]);
        let metrics = run.at_end();
        let ended = |outcome: &str| metrics.last("tailcast:requests_total", &[("outcome", outcome)]);
        for outcome in ["finished", "rejected", "timed_out", "failed"] {
            assert_near(ended(outcome), run.number(&format!("/requests/{outcome}")));
        }
        assert!(ended("rejected") > 0.0, "some are too long");
        for (metric, name) in [
            ("ttft", "time_to_first_token_seconds"),
            ("e2e", "e2e_request_latency_seconds"),
        ] {
            let count = run.number(&format!("/latency/{metric}/count"));
            assert_near(metrics.last(&format!("tailcast:{name}_count"), &[]), count);
            let sum = run.number(&format!("/latency/{metric}/mean")) * count;
            assert_near(metrics.last(&format!("tailcast:{name}_sum"), &[]), sum);
        }
        assert_near(metrics.last("tailcast:requests_outstanding", &[]), 0.0);
        assert_near(metrics.last("vllm:num_requests_running", &[]), 0.0);
        assert_near(metrics.last("vllm:kv_cache_usage_perc", &[]), 0.0);
    }
    let run = Observed::of(ALONE, &[]);
    let metrics = run.at_end();
    let sum = |column: &str| -> f64 {
        let rows = run.rows();
        let finished = rows.iter().filter(|row| row["outcome"] == "finished");
        finished.map(|row| row[column].parse::<f64>().unwrap()).sum()
    };
    assert_near(metrics.last("vllm:generation_tokens_total", &[]), sum("output_tokens"));
    assert_near(metrics.last("vllm:prompt_tokens_total", &[]), sum("input_tokens"));
    assert_near(metrics.last("vllm:request_prompt_tokens_sum", &[]), sum("input_tokens"));
    assert_near(
        metrics.last("vllm:prefix_cache_queries_total", &[]),
        run.number("/kv/prefix_query_tokens"),
    );
    assert_near(
        metrics.last("vllm:prefix_cache_hits_total", &[]),
        run.number("/kv/prefix_hit_tokens"),
    );
    assert!(run.number("/kv/prefix_hit_tokens") > 0.0);
    assert_near(
        metrics.last("vllm:num_preemptions_total", &[]),
        run.number("/requests/preemptions"),
    );
    assert!(run.number("/requests/preemptions") > 0.0, "the cache is small");
    assert_near(
        metrics.last("vllm:iteration_tokens_total_count", &[]),
        run.number("/gpu/steps"),
    );
    assert_near(
        metrics.last("vllm:inter_token_latency_seconds_count", &[]),
        run.number("/latency/itl/count"),
    );
    let itl = run.number("/latency/itl/mean") * run.number("/latency/itl/count");
    let exposed = metrics.last("vllm:inter_token_latency_seconds_sum", &[]);
    assert!((exposed - itl).abs() < 1e-6 * itl, "{exposed} {itl}");
    // Where step times are given nothing stands between the engine and its clients.
    assert_near(
        metrics.last("vllm:time_to_first_token_seconds_sum", &[]),
        metrics.last("tailcast:time_to_first_token_seconds_sum", &[]),
    );
}

#[test]
fn fleets_count_attempts_and_tell_servers_apart() {
    let run = Observed::of(&fleet("least_outstanding"), &[]);
    let metrics = run.at_end();
    for (name, key) in [("attempts", "attempts"), ("retries", "retries"), ("hedges", "hedged")] {
        assert_near(
            metrics.last(&format!("tailcast:{name}_total"), &[]),
            run.number(&format!("/fleet/{key}")),
        );
    }
    for (reason, key) in [("failure", "lost"), ("refused", "refused"), ("timed_out", "given_up")] {
        let lost = metrics.last("tailcast:attempts_lost_total", &[("reason", reason)]);
        assert_near(lost, run.number(&format!("/fleet/{key}")));
    }
    assert!(run.number("/fleet/retries") > 0.0 && run.number("/fleet/lost") > 0.0);
    for server in 0..3 {
        let instance = format!("server-{server}");
        let of_it = [
            ("instance", instance.as_str()),
            ("model_name", "llama-3.1-8b"),
            ("engine", "0"),
        ];
        let finished: f64 = ["stop", "length"]
            .map(|reason| {
                let mut labels = of_it.to_vec();
                labels.push(("finished_reason", reason));
                metrics.last("vllm:request_success_total", &labels)
            })
            .iter()
            .sum();
        assert_near(finished, run.number(&format!("/fleet/by_server/{server}/finished")));
    }
    let classes: BTreeSet<&str> = metrics
        .named("tailcast:requests_total", &[])
        .map(|sample| sample.labels["class"].as_str())
        .collect();
    assert_eq!(classes, BTreeSet::from(["chat", "batch-2"]));
    // The router has found out two seconds after the crash.
    let over_time = run.over_time();
    let up = over_time.over_time("up");
    let ready = over_time.over_time("tailcast:servers_ready");
    let down = |all: &[f64]| -> (usize, usize) {
        let first = all.iter().position(|&servers| servers < 3.0).unwrap();
        (first, all.iter().filter(|&&servers| servers < 3.0).count())
    };
    assert_eq!((down(&up), down(&ready)), ((40, 30), (44, 26)));
}

#[test]
fn gauges_are_those_of_the_timeline() {
    for scenario in [ALONE.to_owned(), fleet("least_outstanding"), fleet("central_queue")] {
        let run = Observed::of(&scenario, &[]);
        let metrics = run.over_time();
        let timeline = records(&run.text("timeline.csv"));
        let column = |name: &str| -> Vec<f64> { timeline.iter().map(|row| row[name].parse().unwrap()).collect() };
        let running = metrics.over_time("vllm:num_requests_running");
        let mut waiting = metrics.over_time("vllm:num_requests_waiting");
        let router_queue = metrics.over_time("tailcast:router_queue");
        for (all, router) in waiting.iter_mut().zip(&router_queue) {
            *all += router;
        }
        assert!(waiting.iter().any(|&waiting| waiting > 0.0));
        assert_eq!(
            router_queue.iter().any(|&queue| queue > 0.0),
            scenario.contains("central_queue")
        );
        let rows = timeline.len();
        // The last scrape comes at the end or after it.
        assert!((rows..=rows + 1).contains(&running.len()));
        assert_eq!(
            (&running[..rows], &waiting[..rows]),
            (&column("running")[..], &column("waiting")[..])
        );
        let usage = metrics.over_time("vllm:kv_cache_usage_perc");
        let servers = if router_queue.is_empty() { 1.0 } else { 3.0 };
        for (used, expected) in usage.iter().zip(column("kv_usage")) {
            assert!((used / servers - expected).abs() < 1e-6, "{used} {expected}");
        }
    }
}

#[test]
fn buckets_are_vllms_and_hold_what_requests_took() {
    let run = Observed::of(ALONE, &[]);
    let metrics = run.at_end();
    let boundaries = |name: &str| -> Vec<String> {
        let name = format!("{name}_bucket");
        metrics
            .named(&name, &[])
            .map(|sample| sample.labels["le"].clone())
            .collect()
    };
    let expected = |text: &str| -> Vec<String> {
        let all = text.split(' ').map(|it| {
            if it.contains('.') {
                it.to_owned()
            } else {
                format!("{it}.0")
            }
        });
        all.chain(["+Inf".to_owned()]).collect()
    };
    // SCHEDULERS: vllm/v1/metrics/loggers.py, release 0.33.
    let first = "0.001 0.005 0.01 0.02 0.04 0.06 0.08 0.1 0.25 0.5 0.75 1 2.5 5 7.5 10 20 40 80 160 640 2560";
    assert_eq!(boundaries("vllm:time_to_first_token_seconds"), expected(first));
    let between = "0.01 0.025 0.05 0.075 0.1 0.15 0.2 0.3 0.4 0.5 0.75 1 2.5 5 7.5 10 20 40 80";
    assert_eq!(boundaries("vllm:inter_token_latency_seconds"), expected(between));
    assert_eq!(
        boundaries("vllm:request_time_per_output_token_seconds"),
        expected(between)
    );
    let whole = "0.3 0.5 0.8 1 1.5 2 2.5 5 10 15 20 30 40 50 60 120 240 480 960 1920 7680";
    for name in [
        "e2e_request_latency",
        "request_queue_time",
        "request_prefill_time",
        "request_decode_time",
    ] {
        assert_eq!(boundaries(&format!("vllm:{name}_seconds")), expected(whole));
    }
    let tokens = "1 2 5 10 20 50 100 200 500 1000 2000";
    assert_eq!(boundaries("vllm:request_prompt_tokens"), expected(tokens));
    for bucket in metrics.named("vllm:time_to_first_token_seconds_bucket", &[]) {
        let most: f64 = bucket.labels["le"].parse().unwrap();
        let rows = run.rows();
        let within = rows
            .iter()
            .filter(|row| row["ttft_s"].parse::<f64>().is_ok_and(|ttft| ttft <= most));
        assert_near(bucket.value, within.count() as f64);
    }
}

#[test]
fn spans_tell_the_way_of_each_request() {
    for scenario in [ALONE.to_owned(), fleet("least_outstanding")] {
        let run = Observed::of(&scenario, &[]);
        let spans = run.spans();
        let text = |span: &Value, key: &str| span[key].as_str().unwrap().to_owned();
        let nanos = |span: &Value, key: &str| -> u64 { text(span, key).parse().unwrap() };
        let by_id: BTreeMap<String, &Value> = spans.iter().map(|span| (text(span, "spanId"), span)).collect();
        assert_eq!(by_id.len(), spans.len(), "ids are unique");
        for span in &spans {
            for (id, length) in [("traceId", 32), ("spanId", 16)] {
                let id = text(span, id);
                assert!(id.len() == length && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
            }
            assert!(nanos(span, "startTimeUnixNano") <= nanos(span, "endTimeUnixNano"));
            let Some(parent) = span.get("parentSpanId") else {
                continue;
            };
            let parent = by_id[parent.as_str().unwrap()];
            assert_eq!(parent["traceId"], span["traceId"]);
            assert!(nanos(parent, "startTimeUnixNano") <= nanos(span, "startTimeUnixNano"));
        }
        let roots: Vec<&Value> = spans.iter().filter(|span| span.get("parentSpanId").is_none()).collect();
        let rows = run.rows();
        assert_eq!(roots.len(), rows.len());
        // A root lasts as long as its request took, to the nanosecond.
        let mut lasted: Vec<u64> = roots
            .iter()
            .filter(|root| root["status"]["code"] == 1)
            .map(|root| nanos(root, "endTimeUnixNano") - nanos(root, "startTimeUnixNano"))
            .collect();
        let finished = rows.iter().filter(|row| row["outcome"] == "finished");
        let picos = |text: &str| -> u128 { text.replace('.', "").parse().unwrap() };
        let mut took: Vec<u64> = finished
            .map(|row| (picos(&row["finished_s"]) / 1_000 - picos(&row["arrival_s"]) / 1_000) as u64)
            .collect();
        lasted.sort_unstable();
        took.sort_unstable();
        assert_eq!(lasted, took);
        let attempts = spans.iter().filter(|span| span["name"] == "llm_request").count();
        assert_eq!(attempts > 0, scenario.contains("[fleet]"));
        let crashed = |span: &&Value| span["status"]["message"] == "server_failed";
        assert_eq!(spans.iter().filter(crashed).count() > 0, scenario.contains("[fleet]"));
    }
}

#[test]
fn logs_are_in_order_and_count_what_happened() {
    let run = Observed::of(&fleet("least_outstanding"), &[]);
    let logs = run.logs();
    let times: Vec<&str> = logs.iter().map(|line| line["timestamp"].as_str().unwrap()).collect();
    assert!(times.is_sorted());
    assert!(times[0].starts_with("2026-01-01T00:00:0"));
    let count = |event: &str| logs.iter().filter(|line| line["event"] == event).count() as f64;
    for (event, path) in [
        ("arrived", "/requests/arrived"),
        ("finished", "/requests/finished"),
        ("rejected", "/requests/rejected"),
        ("timed_out", "/requests/timed_out"),
        ("failed", "/requests/failed"),
        ("retried", "/fleet/retries"),
    ] {
        let rejected = if event == "arrived" { count("rejected") } else { 0.0 };
        assert_near(count(event) + rejected, run.number(path));
    }
    assert!(count("server_crash") > 0.0 && count("server_back") > 0.0);
    let served = logs.iter().filter(|line| line["event"] == "finished");
    assert!(
        served
            .clone()
            .all(|line| line["server"].as_u64().is_some_and(|server| server < 3))
    );
    assert!(served.clone().any(|line| line["class"] == "batch-2"));
    // Nobody finishes on a server that is down.
    let dead = served.filter(|line| {
        let at = line["timestamp"].as_str().unwrap();
        line["server"] == 1 && ("2026-01-01T00:00:20.1".."2026-01-01T00:00:35").contains(&at)
    });
    assert_eq!(dead.count(), 0);
}

#[test]
fn the_same_run_gives_the_same_files_and_files_change_no_result() {
    let scenario = fleet("power_of_two");
    let (one, other) = (Observed::of(&scenario, &[]), Observed::of(&scenario, &[]));
    for file in ["metrics.om", "metrics.prom", "spans.json", "logs.jsonl"] {
        assert_eq!(one.text(file), other.text(file), "{file}");
    }
    let plain = one.place.run(&[
        "run",
        "scenario.toml",
        "--format",
        "json",
        "--slo-exit-zero",
        "--warm-up",
        "none",
    ]);
    assert_eq!(plain.json(), one.result);
}

#[test]
fn a_run_starts_when_it_is_told_to() {
    let run = Observed::of(ALONE, &["--start-time", "2030-05-06T07:08:09+01:00"]);
    let first = run.over_time().samples[0].at.unwrap();
    assert_near(first, 1_904_278_089.0);
    assert!(
        run.logs()[0]["timestamp"]
            .as_str()
            .unwrap()
            .starts_with("2030-05-06T06:08:09.")
    );
}

#[test]
fn a_run_of_which_nothing_is_served_has_whole_files() {
    let scenario = ALONE.replace("max = 3000", "min = 2001, max = 3000");
    let run = Observed::of(&scenario, &[]);
    let metrics = run.at_end();
    assert_near(
        metrics.last("tailcast:requests_total", &[("outcome", "rejected")]),
        300.0,
    );
    assert_near(metrics.last("vllm:time_to_first_token_seconds_count", &[]), 0.0);
    assert_eq!(run.spans().len(), 300);
    assert_eq!(run.logs().len(), 300);
    run.over_time();
}

#[test]
fn answers_that_come_as_a_whole_are_counted_once() {
    let batch = "[batching]\npolicy = \"static\"\nresponse = \"batch_end\"\n";
    let run = Observed::of(&format!("{ALONE}{batch}"), &[]);
    let metrics = run.at_end();
    let rows = run.rows();
    let finished = rows.iter().filter(|row| row["outcome"] == "finished");
    let tokens: f64 = finished.map(|row| row["output_tokens"].parse::<f64>().unwrap()).sum();
    assert_near(metrics.last("vllm:generation_tokens_total", &[]), tokens);
    assert_near(metrics.last("vllm:inter_token_latency_seconds_count", &[]), 0.0);
    assert_near(
        metrics.last("vllm:time_to_first_token_seconds_count", &[]),
        run.number("/requests/finished"),
    );
}

#[test]
fn names_of_users_end_no_label_and_reach_no_terminal() {
    let place = Workplace::new();
    let model = include_str!("../../configs/models/llama-3.1-8b.toml");
    place.write("a\"b\\c\u{1b}[2J.toml", model);
    let scenario = ALONE.replace("name = \"llama-3.1-8b\"", r#"config = "a\"b\\c\u001b[2J.toml""#);
    place.write("scenario.toml", scenario);
    for (flag, is_json) in [
        ("--openmetrics-out", false),
        ("--metrics-out", false),
        ("--spans-out", true),
    ] {
        let ended = place.run(&["run", "scenario.toml", "-q", flag, "out"]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let text = std::fs::read_to_string(place.path("out")).unwrap();
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'));
        if is_json {
            let spans: Value = serde_json::from_str(&text).unwrap();
            let name = &spans["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["name"];
            assert_eq!(name, "chat a\"b\\c\\u001b[2J");
        } else {
            let metrics = Exposed::read(&text, flag == "--openmetrics-out");
            let labelled = metrics.named("vllm:num_requests_running", &[("model_name", "a\"b\\c\\u001b[2J")]);
            assert!(labelled.count() > 0);
        }
    }
}

#[test]
fn what_cannot_be_written_is_refused_and_nothing_is() {
    let place = Workplace::new();
    place.write("scenario.toml", ALONE);
    let refused = |arguments: &[&str], message: &str| {
        let mut all = vec!["run", "scenario.toml"];
        all.extend(arguments);
        let ended = place.run(&all);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(message), "{}", ended.stderr);
        assert_eq!(place.listing(), ["scenario.toml"]);
    };
    for flag in ["--openmetrics-out", "--metrics-out", "--spans-out", "--logs-out"] {
        refused(&[flag, "out", "--seeds", "2"], &format!("{flag} describes one run"));
        refused(&[flag, "out", "--requests-out", "out"], "out");
        refused(&[flag, "scenario.toml"], "scenario.toml");
    }
    refused(&["--logs-out", "out", "--start-time", "yesterday"], "--start-time");
    refused(
        &["--logs-out", "out", "--start-time", "1969-12-31T23:59:59Z"],
        "--start-time",
    );
    refused(&["--openmetrics-out", "out", "--timeline-interval", "1ms"], "10ms");
    let long = "workload.arrivals={ process = \"constant\", rate = 0.001 }";
    let ended = place.run(&["run", "scenario.toml", "--set", long, "--openmetrics-out", "out"]);
    assert_ne!(ended.code, Some(0));
    assert!(ended.stderr.contains("20 million samples"), "{}", ended.stderr);
    assert_eq!(place.listing(), ["scenario.toml"]);
}
