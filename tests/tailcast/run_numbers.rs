//! The numbers of whole runs agree with one another and with paper.

use serde_json::Value;

use crate::command::Workplace;
use crate::metrics::close;

/// 200 requests of 300 tokens that produce 50 each, on one GPU.
const FIXED: &str = r#"
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
gpu_memory_utilization = 0.9
max_model_len = 8192
front_end = { latency_us = 0 } # what the server has is what clients have
[workload]
warm_up = "none"
requests = 200
arrivals = { process = "poisson", rate = 20.0 }
prompt = { dist = "fixed", value = 300 }
output = { dist = "fixed", value = 50 }
"#;

/// Two per multiply-add: the linear layers, the head, and a query-key pair of all layers.
const FLOPS_PER_TOKEN: f64 = 2.0 * 6_979_321_856.0;
const FLOPS_PER_SAMPLED_TOKEN: f64 = 2.0 * 128_256.0 * 4_096.0;
const FLOPS_PER_PAIR: f64 = 32.0 * 4.0 * 4_096.0;
/// 32 layers, keys and values, 8 heads of 128, two bytes each.
const KV_BYTES_PER_TOKEN: f64 = 32.0 * 2.0 * 8.0 * 128.0 * 2.0;

fn run(more: &[&str]) -> Value {
    let place = Workplace::new();
    place.write("fixed.toml", FIXED);
    let mut arguments = vec!["run", "fixed.toml", "--format", "json"];
    arguments.extend(more);
    let ended = place.run(&arguments);
    ended.json()
}

fn number(value: &Value, pointer: &str) -> f64 {
    let found = value.pointer(pointer).and_then(Value::as_f64);
    found.unwrap_or_else(|| panic!("{pointer} in {value:#}"))
}

#[track_caller]
fn assert_close(left: f64, right: f64) {
    assert!(close(left, right, 1e-6), "{left}, not {right}");
}

/// Mean numbers in the system are rate times mean time (J. D. C. Little, 1961), exactly so for a run that starts and
/// ends empty.
#[test]
fn littles_law_holds_for_every_policy() {
    for policy in ["none", "static", "continuous"] {
        for response in ["row_end", "batch_end"] {
            let policy = format!("batching.policy={policy}");
            let response = format!("batching.response={response}");
            let result = run(&[
                "--set",
                &policy,
                "--set",
                &response,
                "--set",
                "batching.max_batch_size=8",
            ]);
            let rate = number(&result, "/throughput/requests_per_s");
            let wait = number(&result, "/latency/queue_wait/mean");
            let e2e = number(&result, "/latency/e2e/mean");
            assert_close(number(&result, "/queue/depth/mean"), rate * wait);
            assert_close(number(&result, "/queue/running/mean"), rate * (e2e - wait));
        }
    }
}

/// Whoever waits is counted from the first arrival to the last finish, whatever stands before the engine and however
/// far ahead it decides.
#[test]
fn littles_law_is_exact_with_a_front_end_and_with_steps_decided_ahead() {
    let place = Workplace::new();
    let fronted = FIXED.lines().filter(|line| !line.starts_with("front_end"));
    let fronted: Vec<&str> = fronted.collect();
    place.write("fixed.toml", fronted.join("\n"));
    for policy in ["none", "static", "continuous", "sglang", "trtllm"] {
        for ahead in ["true", "false"] {
            for max_tokens in ["50", "60"] {
                let sets = [
                    format!("batching.policy={policy}"),
                    format!("batching.async_scheduling={ahead}"),
                    // Above the length of all outputs every request ends by a token that nobody sees coming.
                    format!("workload.max_tokens={max_tokens}"),
                    "workload.arrivals.rate=40".to_owned(),
                    "batching.max_num_seqs=8".to_owned(),
                    "batching.max_batch_size=8".to_owned(),
                ];
                let mut arguments = vec!["run", "fixed.toml", "--format", "json"];
                arguments.extend([
                    "--requests-out",
                    "r.csv",
                    "--timeline-out",
                    "t.csv",
                    "--timeline-interval",
                    "7ms",
                ]);
                arguments.extend(sets.iter().flat_map(|set| ["--set", set]));
                let ended = place.run(&arguments);
                let result: Value = ended.json();
                let rate = number(&result, "/throughput/requests_per_s");
                let wait = number(&result, "/latency/queue_wait/mean");
                let depth = number(&result, "/queue/depth/mean");
                assert!(
                    close(depth, rate * wait, 1e-9),
                    "{sets:?}: {depth}, not {}",
                    rate * wait
                );
                assert_rows_agree(&place, &result);
            }
        }
    }
}

/// The greatest of a timeline is the greatest of the run, and each request's latencies those that are summed up.
fn assert_rows_agree(place: &Workplace, result: &Value) {
    let column = |file: &str, name: &str| -> Vec<f64> {
        let mut rows = csv::Reader::from_path(place.path(file)).unwrap();
        let at = rows.headers().unwrap().iter().position(|found| found == name).unwrap();
        let cells = rows.records().filter_map(|row| row.unwrap()[at].parse().ok());
        cells.collect()
    };
    for (name, pointer) in [
        ("waiting_max", "/queue/depth/max"),
        ("running_max", "/queue/running/max"),
    ] {
        let most = column("t.csv", name).into_iter().fold(0.0, f64::max);
        assert_close(most, number(result, pointer));
    }
    for (name, latency) in [("ttft_s", "ttft"), ("tpot_s", "tpot")] {
        let values = column("r.csv", name);
        let latency = &result["latency"][latency];
        assert_eq!(values.len() as u64, latency["count"].as_u64().unwrap(), "{name}");
        if !values.is_empty() {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            assert_close(mean, latency["mean"].as_f64().unwrap());
        }
    }
}

#[test]
fn whoever_gave_up_has_a_row_with_the_time_it_left() {
    let place = Workplace::new();
    place.write("fixed.toml", FIXED);
    let set = ["--set", "workload.timeout=1s", "--set", "workload.arrivals.rate=400"];
    let few = ["--set", "batching.max_num_seqs=4", "--requests-out", "r.csv"];
    let ended = place.run(&[&["run", "fixed.toml", "--format", "json"][..], &set, &few].concat());
    let result: Value = ended.json();
    let mut rows = csv::Reader::from_path(place.path("r.csv")).unwrap();
    let mut timed_out = 0;
    for row in rows.records().map(Result::unwrap).filter(|row| &row[9] == "timed_out") {
        let [arrival, left]: [f64; 2] = [1, 4].map(|at| row[at].parse().unwrap());
        // It leaves when the step that runs when its client gives up has ended.
        assert!((1.0..1.1).contains(&(left - arrival)), "{row:?}");
        assert_eq!([&row[6], &row[11], &row[12]], ["", "", ""], "an answer that nobody had");
        timed_out += 1;
    }
    assert!(timed_out > 100, "{timed_out}");
    assert_eq!(result["requests"]["timed_out"], timed_out);
}

/// Sixteen billion operations a token take 16 s, so that a prompt of 4000 tokens would take 18 hours.
const SLOW_GPU: &str = r#"
title = "a slow one"
memory = { gib = 80, source = "made up" }
bandwidth = { gb_per_s = 1, source = "made up" }
bf16 = { tflops = 0.001, source = "made up" }
link = { kind = "pcie", gb_per_s = 32, source = "made up" }
"#;

#[test]
fn a_step_that_is_cut_is_told() {
    let place = Workplace::new();
    place.write("fixed.toml", FIXED.replace("200", "3"));
    place.write("slow.toml", SLOW_GPU);
    let warnings = |prompt: &str| {
        let set = [
            "--set",
            "server.gpu=./slow.toml",
            "--set",
            "workload.output.value=2",
            "--set",
            prompt,
        ];
        let ended = place.run(&[&["run", "fixed.toml", "--format", "json"][..], &set].concat());
        let result: Value = ended.json();
        result["warnings"].to_string()
    };
    let told = "steps would take longer than 6 hours";
    assert!(warnings("workload.prompt.value=4000").contains(told));
    assert!(!warnings("workload.prompt.value=40").contains(told));
}

#[test]
fn tokens_and_requests_go_together() {
    let result = run(&[]);
    let rate = number(&result, "/throughput/requests_per_s");
    assert_close(rate * number(&result, "/throughput/duration_s"), 200.0);
    assert_close(number(&result, "/throughput/input_tokens_per_s"), 300.0 * rate);
    assert_close(number(&result, "/throughput/output_tokens_per_s"), 50.0 * rate);
    assert_close(number(&result, "/latency/itl/count"), 200.0 * 49.0);
    let decoding = number(&result, "/latency/e2e/mean") - number(&result, "/latency/ttft/mean");
    assert_close(number(&result, "/latency/itl/mean"), decoding / 49.0);
    assert_close(number(&result, "/latency/tpot/mean"), decoding / 49.0);
}

#[test]
fn utilisation_is_the_arithmetic_of_the_tokens_over_the_peak() {
    let gpus = Workplace::new().run(&["gpus", "h100-sxm", "--format", "json"]).stdout;
    let gpus: Value = serde_json::from_str(&gpus).unwrap();
    let computed = 300.0 + 50.0 - 1.0;
    let flops = computed * FLOPS_PER_TOKEN
        + 50.0 * FLOPS_PER_SAMPLED_TOKEN
        + computed * (computed + 1.0) / 2.0 * FLOPS_PER_PAIR;
    for (weights, peak) in [("bf16", "/0/bf16_flops_per_s"), ("fp8", "/0/fp8_flops_per_s")] {
        let weights = format!("model.weights={weights}");
        // Padding is no need: the policy changes how long it takes, not what it takes.
        for policy in ["batching.policy=continuous", "batching.policy=static"] {
            let result = run(&["--set", &weights, "--set", policy]);
            let duration = number(&result, "/throughput/duration_s");
            assert_close(
                number(&result, "/gpu/model_flops_utilization"),
                200.0 * flops / duration / number(&gpus, peak),
            );
        }
    }
}

#[test]
fn the_memory_adds_up() {
    let release = ["--set", "batching.profile=vllm-0.15"];
    let result = run(&release);
    let memory = |key: &str| number(&result, &format!("/memory/{key}"));
    let taken = memory("weights_bytes") + memory("activations_bytes") + memory("overhead_bytes");
    let requested = (memory("total_bytes") * 0.9).ceil();
    assert_close(memory("kv_bytes"), requested - taken);
    // Hidden states of 8192 tokens, and the logits of 1024 requests, which take more than a feed-forward layer.
    let activations = 8_192.0 * 4.0 * 4_096.0 + 1_024.0 * 38.0 * 128_256.0;
    assert_close(memory("activations_bytes"), activations);
    // Beside 0.45 GiB: cosines and sines for 131,072 positions of heads of 128.
    let overhead = (0.45 * f64::from(1 << 30)).floor() + 131_072.0 * 128.0 * 2.0;
    assert_close(memory("overhead_bytes"), overhead);
    let blocks = (memory("kv_bytes") / 16.0 / KV_BYTES_PER_TOKEN).floor();
    assert_close(number(&result, "/kv/blocks"), blocks);
    let users = (memory("total_bytes") - memory("weights_bytes")) / (350.0 * KV_BYTES_PER_TOKEN);
    assert_close(memory("closed_form_users"), users);

    let given = run(&[&release[..], &["--set", "server.kv_blocks=1000"]].concat());
    assert_close(number(&given, "/memory/kv_bytes"), 1_000.0 * 16.0 * KV_BYTES_PER_TOKEN);
    assert_close(number(&given, "/memory/closed_form_users"), users);
}

#[test]
fn several_runs_are_those_of_consecutive_seeds() {
    let pooled = run(&["--seeds", "3"]);
    let means = ["42", "43", "44"].map(|seed| number(&run(&["--seed", seed]), "/latency/e2e/mean"));
    assert!(means[0] < means[1] || means[1] < means[0], "{means:?}");
    assert_close(number(&pooled, "/latency/e2e/mean"), means.iter().sum::<f64>() / 3.0);
    assert_close(number(&pooled, "/requests/finished"), 600.0);
}

#[test]
fn goodput_is_known_with_objectives_only() {
    assert!(run(&[])["throughput"]["goodput_per_s"].is_null());
    let easy = run(&["--slo", "e2e.max<1h"]);
    let rate = number(&easy, "/throughput/requests_per_s");
    assert_close(number(&easy, "/throughput/goodput_per_s"), rate);
    let hard = run(&["--slo", "e2e.max<1us"]);
    assert_close(number(&hard, "/throughput/goodput_per_s"), 0.0);
}
