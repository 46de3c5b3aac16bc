//! `calibrate` finds the coefficients of a server from what was measured on it: here on a simulated one, whose
//! coefficients are known.

use std::fmt::Write;

use serde_json::Value;
use tailcast::config::{Layers, Scenario};
use tailcast::step_time::StepShape;

use crate::command::Workplace;

/// A server that differs from the default in all that can be fitted.
pub const SERVER: &str = r#"[fitted_on]
model = "llama-3.1-8b"
gpu = "h100-sxm"
tensor_parallel = 1
weights = "bf16"
data = "written by hand"
[step]
kernel_scale = 1.08
step_us = 400
[front_end]
latency_us = 9000
per_stream_us = 100
"#;

pub const SEVERAL_LOADS: &str = r#"arrivals = { process = "stages", stages = [
  { rate = 2.0, duration = "120s" }, { rate = 8.0, duration = "120s" }, { rate = 20.0, duration = "60s" }
] }"#;
pub const ONE_LOAD: &str = "requests = 1000\narrivals = { process = \"poisson\", rate = 6.0 }";
const LENGTHS: &str = "prompt = { dist = \"lognormal\", median = 512, sigma = 0.8, max = 4000 }\noutput = \
                       { dist = \"lognormal\", median = 200, sigma = 0.6, max = 1000 }";

/// A scenario without `server.step_time`, of a release that sorts for top-p: all that can be fitted is charged.
pub fn scenario(workload: &str) -> String {
    format!(
        "[model]\nname = \"llama-3.1-8b\"\n[server]\ngpu = \"h100-sxm\"\n[batching]\nprofile = \"vllm-0.15\"\n\
         [workload]\n{LENGTHS}\n{workload}\n"
    )
}

/// A folder with a scenario, a server that is `file`, and what was measured on it as requests and as JSON.
pub fn measured(workload: &str, file: &str, seed: &str) -> Workplace {
    let place = Workplace::new();
    place.write("scenario.toml", scenario(workload));
    measure(&place, file, seed);
    place
}

fn measure(place: &Workplace, file: &str, seed: &str) {
    place.write("server.toml", file);
    let set = "server.step_time=server.toml";
    let arguments = [
        "run",
        "scenario.toml",
        "--warm-up",
        "none",
        "--set",
        set,
        "--seed",
        seed,
    ];
    let outputs = ["--requests-out", "requests.csv", "--format", "json"];
    let ended = place.run(&[&arguments[..], &outputs[..]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    place.write("run.json", ended.stdout);
}

/// What `calibrate` says of the data, in JSON.
pub fn calibrate(place: &Workplace, data: &str, more: &[&str]) -> Value {
    let arguments = ["calibrate", "scenario.toml", data, "--format", "json"];
    let ended = place.run(&[&arguments[..], more].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    serde_json::from_str(&ended.stdout).expect("results are JSON")
}

/// The fitted coefficient of that name.
pub fn fitted<'a>(found: &'a Value, name: &str) -> Option<&'a Value> {
    let all = found["coefficients"].as_array().expect("a list");
    all.iter().find(|one| one["name"] == name)
}

/// Why the coefficient of that name was left out.
fn left_out<'a>(found: &'a Value, name: &str) -> Option<&'a str> {
    let all = found["left_out"].as_array().expect("a list");
    all.iter().find(|one| one["name"] == name)?["reason"].as_str()
}

#[track_caller]
fn assert_found(found: &Value, name: &str, expected: f64) {
    let one = fitted(found, name).unwrap_or_else(|| panic!("{name} is left out: {found:#}"));
    let [low, high] = [0, 1].map(|end| one["ci95"][end].as_f64().expect("an interval"));
    assert!(
        low <= expected && expected <= high,
        "{name}: {low} to {high}, not {expected}"
    );
}

/// The error of a metric after the fit.
pub fn after(found: &Value, metric: &str) -> f64 {
    let all = found["errors"].as_array().expect("a list");
    let one = all.iter().find(|one| one["metric"] == metric);
    one.and_then(|one| one["after"].as_f64())
        .unwrap_or_else(|| panic!("{metric} is not known: {found:#}"))
        .abs()
}

#[test]
fn requests_at_several_loads_tell_all_coefficients() {
    let place = measured(SEVERAL_LOADS, SERVER, "7");
    // Another seed: recorded arrivals and lengths count, not the scenario's own.
    let found = calibrate(&place, "requests.csv", &[]);
    assert_found(&found, "step_us", 400.0);
    assert_found(&found, "kernel_scale", 1.08);
    assert_found(&found, "latency_us", 9_000.0);
    assert_found(&found, "per_stream_us", 100.0);
    for metric in ["ttft.mean", "tpot.mean", "e2e.mean", "tpot.p99"] {
        assert!(after(&found, metric) < 0.01, "{metric}: {found:#}");
    }
}

/// A load that does not vary: requests of one size, a fifth of a second apart. Where gaps are a whole number of steps,
/// arrivals keep the same place in them, and a search for how long steps are ends where they do.
fn measured_steadily(server: &str) -> Workplace {
    let arrivals = "requests = 500\narrivals = { process = \"constant\", rate = 5.0 }";
    let lengths = "prompt = { dist = \"fixed\", value = 500 }\noutput = { dist = \"fixed\", value = 200 }";
    let place = Workplace::new();
    place.write("scenario.toml", scenario(arrivals).replace(LENGTHS, lengths));
    measure(&place, server, "7");
    place
}

#[test]
fn requests_at_one_load_tell_a_constant_and_the_front_end() {
    let slower = SERVER
        .replace("kernel_scale = 1.08\n", "")
        .replace("per_stream_us = 100\n", "");
    let place = measured_steadily(&slower);
    let found = calibrate(&place, "requests.csv", &[]);
    assert_found(&found, "step_us", 400.0);
    assert_found(&found, "latency_us", 9_000.0);
    for name in ["kernel_scale", "per_stream_us"] {
        let reason = left_out(&found, name).expect("it is left out");
        assert!(reason.contains("the load hardly varied"), "{reason}");
    }
}

#[test]
fn at_one_load_a_constant_stands_for_kernels_too() {
    let place = measured_steadily(SERVER);
    let found = calibrate(&place, "requests.csv", &[]);
    assert!(fitted(&found, "step_us").is_some(), "{found:#}");
    for metric in ["ttft.mean", "tpot.mean", "e2e.mean"] {
        assert!(after(&found, metric) < 0.01, "{metric}: {found:#}");
    }
}

#[test]
fn a_closed_loop_is_one_load() {
    let clients = "requests = 400\narrivals = { process = \"closed\", concurrency = 16 }";
    let place = measured(clients, SERVER, "7");
    let found = calibrate(&place, "requests.csv", &[]);
    for name in ["kernel_scale", "per_stream_us"] {
        let reason = left_out(&found, name).expect("it is left out");
        assert!(reason.contains("one load"), "{reason}");
    }
    let compared = found["compared"].as_str().unwrap();
    assert!(compared.contains("closed loop"), "{compared}");
    assert!(after(&found, "tpot.mean") < 0.01, "{found:#}");
}

#[test]
fn a_constant_below_nothing_gives_way_to_kernels() {
    let faster = SERVER.replace("= 1.08", "= 0.9").replace("step_us = 400\n", "");
    let place = measured_steadily(&faster);
    let found = calibrate(&place, "requests.csv", &[]);
    assert_found(&found, "kernel_scale", 0.9);
    let reason = left_out(&found, "step_us").expect("it is left out");
    assert!(reason.contains("kernel_scale"), "{reason}");
}

#[test]
fn what_prompts_share_comes_from_the_scenario() {
    let shared = format!("{SEVERAL_LOADS}\nprefix = {{ pool = 4, tokens = 1000 }}");
    let place = measured(&shared, SERVER, "42");
    let found = calibrate(&place, "requests.csv", &[]);
    assert_found(&found, "step_us", 400.0);
    assert_found(&found, "kernel_scale", 1.08);
    assert!(after(&found, "ttft.mean") < 0.01, "{found:#}");
}

#[test]
fn the_front_end_that_a_scenario_gives_is_left_alone() {
    let place = measured(SEVERAL_LOADS, SERVER, "7");
    let set = "server.front_end={ latency_us = 9000, per_stream_us = 100, per_prompt_token_us = 2.5 }";
    let found = calibrate(&place, "requests.csv", &["--set", set]);
    assert_found(&found, "step_us", 400.0);
    for name in ["latency_us", "per_stream_us"] {
        let reason = left_out(&found, name).expect("it is left out");
        assert!(reason.contains("server.front_end"), "{reason}");
    }
}

#[test]
fn one_may_ask_for_coefficients() {
    let place = measured(SEVERAL_LOADS, SERVER, "7");
    let more = ["--coefficients", "latency_us,kernel_scale"];
    let found = calibrate(&place, "requests.csv", &more);
    assert!(fitted(&found, "kernel_scale").is_some());
    assert!(fitted(&found, "latency_us").is_some());
    assert_eq!(left_out(&found, "step_us"), Some("not asked for"));
}

/// The result of a benchmark with the numbers of a run.
pub fn summary(place: &Workplace) -> String {
    let run = std::fs::read_to_string(place.path("run.json")).unwrap();
    let run: Value = serde_json::from_str(&run).unwrap();
    let rates = &run["throughput"];
    let number = |value: &Value| value.as_f64().expect("a number");
    let duration = number(&rates["duration_s"]);
    let mut found = serde_json::json!({
        "completed": run["requests"]["finished"],
        "duration": duration,
        "request_throughput": rates["requests_per_s"],
        "output_throughput": rates["output_tokens_per_s"],
        "total_input_tokens": (number(&rates["input_tokens_per_s"]) * duration).round() as u64,
    });
    for (latency, key) in [("ttft", "ttft"), ("tpot", "tpot"), ("e2e", "e2el")] {
        for (statistic, name) in [("mean", "mean"), ("p50", "median"), ("p99", "p99")] {
            let seconds = number(&run["latency"][latency][statistic]);
            found[format!("{name}_{key}_ms")] = (1e3 * seconds).into();
        }
    }
    found.to_string()
}

#[test]
fn a_summary_tells_a_constant_and_the_front_end() {
    let place = measured(ONE_LOAD, SERVER, "7");
    place.write("bench.json", summary(&place));
    let found = calibrate(&place, "bench.json", &[]);
    assert!(fitted(&found, "step_us").is_some(), "{found:#}");
    assert!(fitted(&found, "latency_us").is_some(), "{found:#}");
    let reason = left_out(&found, "kernel_scale").expect("it is left out");
    assert!(reason.contains("one load only"), "{reason}");
    for metric in ["ttft.mean", "tpot.mean", "e2e.mean"] {
        assert!(after(&found, metric) < 0.03, "{metric}: {found:#}");
    }
}

#[test]
fn a_detailed_result_is_replayed_as_rows_are() {
    let place = measured(ONE_LOAD, SERVER, "7");
    let from_rows = calibrate(&place, "requests.csv", &[]);
    let mut rows = csv::Reader::from_path(place.path("requests.csv")).unwrap();
    let header = rows.headers().unwrap().clone();
    let mut lists: [Vec<Value>; 5] = Default::default();
    for row in rows.records().map(Result::unwrap) {
        let number = |column: &str| -> f64 {
            let at = header.iter().position(|it| it == column).unwrap();
            row[at].parse().unwrap()
        };
        let (arrival, first) = (number("arrival_s"), number("first_token_s"));
        let one = [
            (number("input_tokens") as u64).into(),
            (number("output_tokens") as u64).into(),
            (first - arrival).into(),
            vec![number("finished_s") - first].into(),
            (arrival + 1e9).into(),
        ];
        lists.iter_mut().zip(one).for_each(|(list, it)| list.push(it));
    }
    let [input_lens, output_lens, ttfts, itls, start_times] = lists;
    let result = serde_json::json!({
        "input_lens": input_lens, "output_lens": output_lens,
        "ttfts": ttfts, "itls": itls, "start_times": start_times,
    });
    place.write("bench.json", result.to_string());
    let found = calibrate(&place, "bench.json", &[]);
    assert_eq!(found["compared"], from_rows["compared"]);
    for metric in ["ttft.mean", "tpot.mean", "e2e.mean"] {
        assert!(after(&found, metric) < 0.01, "{metric}: {found:#}");
    }
}

#[test]
fn a_trace_is_replayed_if_it_has_the_measured_requests() {
    let place = measured(SEVERAL_LOADS, SERVER, "7");
    let rows = std::fs::read_to_string(place.path("requests.csv")).unwrap();
    let replay = |place: &Workplace| {
        let set = "workload={ trace = { path = \"trace.csv\", format = \"csv\" } }";
        calibrate(place, "requests.csv", &["--set", set])
    };
    place.write("trace.csv", &rows);
    let found = replay(&place);
    assert_found(&found, "step_us", 400.0);
    assert_found(&found, "kernel_scale", 1.08);
    let compared = found["compared"].as_str().unwrap();
    assert!(compared.contains("trace replayed, request by request"), "{compared}");
    // All but the last row.
    place.write("trace.csv", rows.trim_end().rsplit_once('\n').unwrap().0);
    let warnings = replay(&place)["warnings"].to_string();
    assert!(warnings.contains("not the measured ones"), "{warnings}");
}

/// A table of the steps that a server takes.
fn table(place: &Workplace, batches: &[u32], contexts: &[u32]) -> String {
    place.write("scenario.toml", scenario(ONE_LOAD));
    place.write("server.toml", SERVER);
    place.write(
        "served.toml",
        scenario(ONE_LOAD).replace("[server]", "[server]\nstep_time = \"server.toml\""),
    );
    let layers = Layers {
        file: Some(place.path("served.toml")),
        ..Layers::default()
    };
    let step_time = Scenario::load(&layers).expect("it is a scenario").step_time();
    let mut text = "batch,context,step_time_ms\n".to_owned();
    for &batch in batches {
        for &context in contexts {
            let shape = StepShape {
                decoding: batch,
                context: u64::from(batch) * u64::from(context),
                sequences: batch,
                sampling: batch,
                ..StepShape::default()
            };
            let seconds = step_time.step(&shape).seconds();
            writeln!(text, "{batch},{context},{:.4}", 1e3 * seconds).unwrap();
        }
    }
    text
}

#[test]
fn steps_of_many_sizes_tell_a_constant_from_kernels() {
    let place = Workplace::new();
    place.write("steps.csv", table(&place, &[1, 8, 32, 128, 256], &[200, 2_000, 8_000]));
    let found = calibrate(&place, "steps.csv", &[]);
    assert_found(&found, "step_us", 400.0);
    assert_found(&found, "kernel_scale", 1.08);
    assert!(after(&found, "step") < 0.001, "{found:#}");
    for name in ["latency_us", "per_stream_us"] {
        let reason = left_out(&found, name).expect("it is left out");
        assert!(reason.contains("nothing about the front end"), "{reason}");
    }
    // Who measures steps may well sample greedily.
    let warning = found["warnings"][0].as_str().expect("a warning");
    assert!(warning.contains("workload.sampling"), "{warning}");
}

#[test]
fn steps_of_one_size_tell_a_constant() {
    let place = Workplace::new();
    let rows = table(&place, &[8, 9, 10], &[500, 510]);
    place.write("steps.csv", rows.replace("step_time_ms", "step_ms"));
    let found = calibrate(&place, "steps.csv", &[]);
    assert!(fitted(&found, "step_us").is_some(), "{found:#}");
    assert!(left_out(&found, "kernel_scale").is_some(), "{found:#}");
    assert!(after(&found, "step") < 0.002, "{found:#}");
}

#[test]
fn the_same_data_give_the_same_bytes() {
    let place = measured(ONE_LOAD, SERVER, "7");
    let arguments = ["calibrate", "scenario.toml", "requests.csv", "--out"];
    let both = ["one.toml", "other.toml"].map(|out| {
        let ended = place.run(&[&arguments[..], &[out]].concat());
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let file = std::fs::read_to_string(place.path(out)).unwrap();
        (ended.stdout, file)
    });
    assert_eq!(both[0], both[1]);
}

#[test]
fn json_has_its_keys() {
    let place = measured(ONE_LOAD, SERVER, "7");
    let found = calibrate(&place, "requests.csv", &[]);
    assert_eq!(found["schema"], "tailcast/calibrate/v1");
    assert_eq!(found["fitted_on"]["model"], "llama-3.1-8b");
    assert_eq!(found["fitted_on"]["data"], "requests.csv: 1000 requests");
    for key in ["tool", "scenario_hash", "seed", "compared", "warnings"] {
        assert!(!found[key].is_null(), "{key}");
    }
    let one = fitted(&found, "latency_us").expect("it is fitted");
    for key in ["default", "fitted", "ci95"] {
        assert!(!one[key].is_null(), "{key}");
    }
    for key in ["metric", "measured_s", "before", "after"] {
        assert!(!found["errors"][0][key].is_null(), "{key}");
    }
}
