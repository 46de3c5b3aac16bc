//! What comes on top of the GPU's time: the CPU's part of each step, and the way from clients to the engine and back.

use serde_json::Value;

use crate::command::Workplace;

/// Steps of 10 ms on the GPU, one request at a time, and these overheads; the means of TTFT, TPOT and E2E [ms].
fn latencies(overheads: &str, batching: &str, rows: &str) -> [f64; 3] {
    let place = Workplace::new();
    place.write(
        "scenario.toml",
        format!(
            "[model]\nname = \"llama-3.1-8b\"\n[server]\ngpu = \"h100-sxm\"\nmax_model_len = 1000\n\
             step_time = {{ base_us = 10000, per_token_us = 0, per_seq_us = 0 }}\n{overheads}\n\
             [batching]\n{batching}\n[workload]\ntrace = {{ path = \"trace.csv\" }}\n"
        ),
    );
    let header = "arrival_s,input_tokens,output_tokens\n";
    place.write("trace.csv", format!("{header}{rows}"));
    let equal = place.run(&["check", "scenario.toml"]);
    assert_eq!(equal.code, Some(0), "{}", equal.stderr);
    let ended = place.run(&["run", "scenario.toml", "--format", "json"]);
    let json: Value = ended.json();
    ["ttft", "tpot", "e2e"].map(|metric| {
        let mean = json["latency"][metric]["mean"].as_f64();
        1e3 * mean.expect("a mean is known") // [s]
    })
}

#[track_caller]
fn assert_latencies(found: [f64; 3], expected: [f64; 3]) {
    let close = |(one, other): (&f64, &f64)| (one - other).abs() < 1e-6;
    assert!(found.iter().zip(&expected).all(close), "{found:?}, not {expected:?}");
}

#[test]
fn the_cpu_comes_before_the_gpu_or_works_beside_it() {
    let cpu = "cpu_time = { per_step_us = 3000, per_seq_us = 1000 }";
    // 4 ms and 10 ms, four times.
    assert_latencies(
        latencies(cpu, "async_scheduling = false", "0,10,4\n"),
        [14.0, 14.0, 56.0],
    );
    // 4 ms once, as nothing runs when the first step is decided.
    assert_latencies(
        latencies(cpu, "async_scheduling = true", "0,10,4\n"),
        [14.0, 10.0, 44.0],
    );
    // A CPU that takes longer than the GPU sets the pace.
    let slow = "cpu_time = { per_step_us = 15000 }";
    assert_latencies(
        latencies(slow, "async_scheduling = true", "0,10,4\n"),
        [30.0, 15.0, 75.0],
    );
}

#[test]
fn clients_get_their_tokens_later_than_the_engine_has_them() {
    let front_end = "front_end = { latency_us = 5000, per_stream_us = 500 }";
    // The first token when one runs, all others 5 ms later.
    assert_latencies(
        latencies(front_end, "async_scheduling = false", "0,10,11\n"),
        [15.5, 9.95, 115.0],
    );
    // Two run.
    assert_latencies(
        latencies(front_end, "async_scheduling = false", "0,10,11\n0,10,11\n"),
        [16.0, 9.9, 115.0],
    );
    // A single token is the first and the last.
    let place = latencies(front_end, "async_scheduling = false", "0,10,1\n0,10,2\n");
    assert_latencies(place, [15.5, 9.0, 20.0]);
}
