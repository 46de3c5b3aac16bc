//! `calibrate` with a factor for each kind of kernels: what the data tell is found and predicts other loads, and what
//! they do not tell keeps its default.

use serde_json::{Value, json};
use tailcast::config::catalogue;
use tailcast::hardware::{KvPrecision, WeightPrecision};
use tailcast::step_time::{Execution, KernelScales, Roofline, StepShape, StepTime, StepsOnGpu};

use crate::calibrate::fitted;
use crate::command::Workplace;

const SCENARIO: &str = "[model]\nname = \"qwen3-30b-a3b\"\n[server]\ngpu = \"h100-sxm\"\n[batching]\nprofile = \
                        \"vllm-0.15\"\n[workload]\nrequests = 400\nsampling = \"plain\"\narrivals = { process = \
                        \"closed\", concurrency = 16 }\nprompt = { dist = \"lognormal\", median = 512, sigma = 0.8, \
                        max = 4000 }\noutput = { dist = \"lognormal\", median = 200, sigma = 0.6, max = 1000 }\n";

/// A server that is off by another factor for each kind of kernels.
const SERVER: &str = "[fitted_on]\nmodel = \"qwen3-30b-a3b\"\ngpu = \"h100-sxm\"\ntensor_parallel = 1\nweights = \
                      \"bf16\"\ndata = \"written by hand\"\n[step]\ndecode_scale = 1.2\nprompt_scale = \
                      0.8\nexpert_scale = 1.3\n";

const SCALES: [(&str, f64); 3] = [("decode_scale", 1.2), ("prompt_scale", 0.8), ("expert_scale", 1.3)];

fn place(server: &str) -> Workplace {
    let place = Workplace::new();
    place.write("scenario.toml", SCENARIO);
    place.write("server.toml", server);
    place
}

/// What a run of so many clients comes to with the step times of a file.
fn run(place: &Workplace, times: &str, clients: u32, requests: u32, seed: &str) -> Value {
    let times = format!("server.step_time={times}");
    let load = format!("workload.arrivals={{ process = \"closed\", concurrency = {clients} }}");
    let count = format!("workload.requests={requests}");
    let sets = ["--set", &times, "--set", &load, "--set", &count];
    let arguments = [
        "run",
        "scenario.toml",
        "--warm-up",
        "none",
        "--seed",
        seed,
        "--format",
        "json",
    ];
    place.run(&[&arguments[..], &sets[..]].concat()).json()
}

/// The result of a benchmark of the server, with the latencies that are named.
fn result(place: &Workplace, (clients, requests): (u32, u32), latencies: &[&str]) -> Value {
    let run = run(place, "server.toml", clients, requests, "77");
    let mut result = json!({
        "num_prompts": requests, "completed": requests, "request_rate": "inf", "max_concurrency": clients,
    });
    for latency in latencies {
        for (statistic, name) in [("mean", "mean"), ("p50", "median"), ("p99", "p99")] {
            if let Some(seconds) = run["latency"][latency][statistic].as_f64() {
                result[format!("{name}_{latency}_ms")] = json!(1e3 * seconds);
            }
        }
    }
    result
}

/// Calibrates on results, and writes what is found to `times.toml`.
fn calibrate(place: &Workplace, results: &[Value]) -> Value {
    place.write("results.json", Value::from(results.to_vec()).to_string());
    let arguments = ["calibrate", "scenario.toml", "results.json", "--format", "json"];
    place.run(&[&arguments[..], &["--out", "times.toml"]].concat()).json()
}

fn reason(found: &Value, name: &str) -> String {
    let all = found["left_out"].as_array().expect("a list");
    let one = all.iter().find(|one| one["name"] == name);
    let one = one.unwrap_or_else(|| panic!("{name} is left out: {found:#}"));
    one["reason"].as_str().expect("a text").to_owned()
}

#[test]
fn each_kind_of_kernels_gets_its_own_factor_and_another_load_is_predicted() {
    let place = place(SERVER);
    let loads = [(1, 60), (4, 120), (16, 200), (64, 400)];
    let results = loads.map(|load| result(&place, load, &["ttft", "tpot"]));
    let found = calibrate(&place, &results);
    for (name, expected) in SCALES {
        let one = fitted(&found, name).unwrap_or_else(|| panic!("{name} is fitted: {found:#}"));
        let value = one["fitted"].as_f64().unwrap();
        assert!((value / expected - 1.0).abs() < 0.05, "{name} = {value}: {found:#}");
    }
    let written = std::fs::read_to_string(place.path("times.toml")).unwrap();
    assert!(SCALES.iter().all(|(name, _)| written.contains(name)), "{written}");
    let [there, here] = ["server.toml", "times.toml"].map(|times| run(&place, times, 32, 800, "5"));
    for latency in ["ttft", "tpot", "e2e"] {
        let mean = |run: &Value| run["latency"][latency]["mean"].as_f64().unwrap();
        let off = mean(&here) / mean(&there) - 1.0;
        assert!(off.abs() < 0.02, "{latency}: {off}");
    }
    // Each load is predicted from the others with these coefficients too.
    for load in found["loads"].as_array().unwrap() {
        let all = load["errors"].as_array().unwrap();
        let tpot = all.iter().find(|one| one["metric"] == "tpot.mean").unwrap();
        assert!(tpot["left_out"].as_f64().unwrap().abs() < 0.02, "{load:#}");
    }
}

#[test]
fn one_load_moves_no_factor_of_a_kind() {
    let place = place(SERVER);
    let found = calibrate(&place, &[result(&place, (16, 400), &["ttft", "tpot"])]);
    for (name, _) in SCALES {
        let reason = reason(&found, name);
        assert!(reason.contains("one load only"), "{name}: {reason}");
    }
    let written = std::fs::read_to_string(place.path("times.toml")).unwrap();
    for (name, _) in SCALES {
        assert!(!written.contains(name), "{written}");
    }
}

#[test]
fn one_factor_for_all_is_not_split() {
    let place = place(&SERVER.replace(
        "decode_scale = 1.2\nprompt_scale = 0.8\nexpert_scale = 1.3",
        "kernel_scale = 1.1",
    ));
    let results = [(1, 60), (16, 200), (64, 400)].map(|load| result(&place, load, &["ttft", "tpot"]));
    let found = calibrate(&place, &results);
    let value = fitted(&found, "kernel_scale").expect("it is fitted")["fitted"].as_f64();
    assert!((value.unwrap() - 1.1).abs() < 0.02, "{found:#}");
    for (name, _) in SCALES {
        let reason = reason(&found, name);
        assert!(reason.contains("one factor for all kernels"), "{name}: {reason}");
    }
}

#[test]
fn gaps_between_tokens_take_the_place_of_times_per_token() {
    let place = place(&SERVER.replace("expert_scale = 1.3\n", ""));
    let results = [(1, 60), (16, 200), (64, 400)].map(|load| result(&place, load, &["ttft", "itl"]));
    let found = calibrate(&place, &results);
    let after = crate::calibrate::after(&found, "itl.mean");
    assert!(after < 0.01, "{found:#}");
    let [there, here] = ["server.toml", "times.toml"].map(|times| run(&place, times, 32, 800, "5"));
    let mean = |run: &Value| run["latency"]["tpot"]["mean"].as_f64().unwrap();
    assert!((mean(&here) / mean(&there) - 1.0).abs() < 0.02, "{found:#}");
}

#[test]
fn results_of_another_deployment_are_warned_of() {
    let place = place(SERVER);
    let mut one = result(&place, (16, 400), &["ttft", "tpot"]);
    let warnings = |result: &Value| calibrate(&place, std::slice::from_ref(result))["warnings"].to_string();
    one["model_id"] = json!("Qwen/Qwen3-30B-A3B-Instruct-2507");
    one["tensor_parallel_size"] = json!("1");
    one["gpu"] = json!("NVIDIA H100 80GB HBM3");
    one["block-size"] = json!(16);
    one["enable_prefix_caching"] = json!("True");
    one["gpu_memory_utilization"] = json!(0.9);
    assert!(!warnings(&one).contains("was measured"), "{}", warnings(&one));
    for (key, value, expected) in [
        (
            "model_id",
            json!("meta-llama/Llama-3.1-8B"),
            "meta-llama/Llama-3.1-8B was measured",
        ),
        (
            "tensor_parallel_size",
            json!(2),
            "tensor_parallel is 1 and 2 was measured",
        ),
        ("gpu", json!("NVIDIA A100-SXM4-80GB"), "the GPU is"),
        ("max_num_seqs", json!("24"), " and 24 was measured"),
        ("max-num-batched-tokens", json!(999), " and 999 was measured"),
        (
            "enable_prefix_caching",
            json!(false),
            "enable_prefix_caching is on and off was measured",
        ),
        (
            "gpu_memory_utilization",
            json!(0.5),
            "gpu_memory_utilization is 0.90 and 0.50 was measured",
        ),
        ("max_concurrency", json!(8), "were sent all at once, 8 outstanding"),
    ] {
        let mut other = one.clone();
        other[key] = value;
        let warnings = warnings(&other);
        assert!(warnings.contains(expected), "{key}: {warnings}");
    }
}

/// The steps of a model with experts, with factors on its kernels.
fn steps(scales: KernelScales) -> StepsOnGpu {
    let gpu = catalogue::gpu("h100-sxm").unwrap();
    let model = catalogue::model("qwen3-30b-a3b").unwrap();
    let execution = Execution {
        scales,
        ..Execution::default()
    };
    let [decoding, prompts] = [execution.of_decoding(), execution.of_prompts()]
        .map(|it| Roofline::run_as(it, &model, &gpu, WeightPrecision::Bf16, KvPrecision::Bf16, 1));
    StepsOnGpu::by_kind(decoding, prompts)
}

#[test]
fn runs_of_steps_stay_progressions_with_any_factors() {
    let steps = steps(KernelScales {
        decoding: 1.2,
        prompts: 0.8,
        experts: 1.3,
    });
    for requests in [1, 7, 64, 300] {
        for prompt in [0, 2, 900] {
            let mut shape = StepShape::default();
            (0..requests).for_each(|it| shape.add(100 + it, 1, 101 + it));
            if prompt > 0 {
                shape.add(0, prompt, 1000);
            }
            let ramp = steps.ramp(&shape);
            for step in [0, 1, 2, 50].into_iter().filter(|step| *step < ramp.len) {
                assert_eq!(ramp.step(step), steps.step(&shape.later(step)), "{shape:?}");
            }
        }
    }
}

#[test]
fn each_factor_is_on_its_own_kind_of_steps() {
    let mut decoding = StepShape::default();
    (0..8).for_each(|_| decoding.add(499, 1, 500));
    let mut mixed = decoding;
    mixed.add(0, 500, 500);
    let times = |scales| {
        let steps = steps(scales);
        [&decoding, &mixed].map(|shape| steps.step(shape).seconds())
    };
    let none = KernelScales::NONE;
    let [decode, mix] = times(none);
    let slow = |change: fn(&mut KernelScales)| {
        let mut scales = none;
        change(&mut scales);
        times(scales)
    };
    let same = |one: f64, other: f64| (one - other).abs() < 1e-12;
    let [first, second] = slow(|it| it.decoding = 2.0);
    assert!(first > 1.8 * decode && first < 2.0 * decode && same(second, mix));
    let [first, second] = slow(|it| it.prompts = 2.0);
    assert!(same(first, decode) && second > 1.8 * mix && second < 2.0 * mix);
    let [first, second] = slow(|it| it.experts = 2.0);
    assert!(first > decode && first < 2.0 * decode && second > mix && second < 2.0 * mix);
}

#[test]
fn both_engines_agree_with_factors_and_shares_of_time_add_up() {
    let place = place(SERVER);
    let set = ["--set", "server.step_time=server.toml"];
    let ended = place.run(&[&["check", "scenario.toml"][..], &set].concat());
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let run = run(&place, "server.toml", 16, 200, "1");
    let shares = run["step_time"].as_object().expect("an object");
    let sum: f64 = (shares.iter())
        .filter(|(name, _)| *name != "idle")
        .map(|(_, share)| share.as_f64().unwrap())
        .sum();
    assert!((sum - 1.0).abs() < 1e-9, "{shares:?}");
}

#[test]
fn a_factor_that_is_none_is_shown_with_its_line() {
    let place = place(&SERVER.replace("0.8", "0.0"));
    let ended = place.run(&["run", "scenario.toml", "--set", "server.step_time=server.toml"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("prompt_scale"), "{}", ended.stderr);
}
