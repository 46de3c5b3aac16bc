//! A run says how far its step times may be off, and `--range` what that comes to.

use serde_json::Value;
use tailcast::config::ErrorCause::{
    AnyRun, Datasheet, DecodingBesidePrompts, EarlyLookAhead, EightBitWeights, Experts, FourBitWeights, NewerRelease,
    OtherChip, SeveralGpusWithoutLinks, Sglang, SomeKernels, Windows,
};
use tailcast::config::joined;

use crate::command::{Ended, Workplace};

pub const SCENARIO: &str = "\
[model]
name = \"llama-2-7b\"
[server]
gpu = \"h100-sxm\"
[workload]
requests = 300
arrivals = { process = \"poisson\", rate = 4.0 }
prompt = { dist = \"fixed\", value = 300 }
output = { dist = \"fixed\", value = 50 }
";

fn run(place: &Workplace, more: &[&str]) -> Value {
    let arguments = [&["run", "scenario.toml", "--format", "json"], more].concat();
    let ended = place.run(&arguments);
    ended.json()
}

fn workplace() -> Workplace {
    let place = Workplace::new();
    place.write("scenario.toml", SCENARIO);
    place
}

#[test]
fn what_is_known_of_a_gpu_says_how_far_steps_may_be_off() {
    let place = workplace();
    let gpt_oss = [
        "--model",
        "gpt-oss-120b",
        "--gpu",
        "h200",
        "--set",
        "server.kv_blocks=30000",
    ];
    let fp8 = [
        "--set",
        "model.weights=fp8",
        "--set",
        "batching.profile=vllm-0.11",
        "--set",
    ];
    for (more, class, causes) in [
        (&[][..], "measured_gpu", &[AnyRun, NewerRelease][..]),
        (&["--set", "batching.profile=vllm-0.15"], "measured_gpu", &[AnyRun]),
        (
            &["--gpu", "l4", "--set", "server.kv_blocks=3000"],
            "datasheet",
            &[AnyRun, Datasheet, OtherChip, DecodingBesidePrompts, NewerRelease],
        ),
        // Nobody has measured all-reduces on this one.
        (
            &["--gpu", "rtx-4090", "--set", "server.tensor_parallel=2"],
            "partly_measured_gpu",
            &[AnyRun, SomeKernels, OtherChip, SeveralGpusWithoutLinks, NewerRelease],
        ),
        (
            &gpt_oss,
            "measured_gpu",
            &[AnyRun, FourBitWeights, Experts, Windows, NewerRelease],
        ),
        (
            &[&fp8[..], &["batching.async_scheduling=true"]].concat(),
            "measured_gpu",
            &[AnyRun, EightBitWeights, EarlyLookAhead],
        ),
        (&["--set", "batching.policy=sglang"], "measured_gpu", &[AnyRun, Sglang]),
        (&["--set", "server.step_time={base_us=8000}"], "given", &[]),
    ] {
        let result = run(&place, more);
        let error = &result["model_error"];
        assert_eq!(error["class"], class);
        let names = causes.iter().map(|cause| cause.errors().name);
        let found = error["parts"].as_array().unwrap().iter();
        let found: Vec<&str> = found.map(|part| part["cause"].as_str().unwrap()).collect();
        assert_eq!(found, names.collect::<Vec<_>>(), "{more:?}");
        let step_time = (!causes.is_empty()).then(|| joined(causes.iter().map(|cause| cause.errors().tpot)));
        let ttft = (!causes.is_empty()).then(|| joined(causes.iter().map(|cause| cause.errors().ttft)));
        assert_eq!(error["step_time"].as_f64(), step_time);
        assert_eq!(error["ttft"].as_f64(), ttft);
        assert!(result["latency"]["ttft"]["model_range"].is_null());
        let percent = step_time.map(|error| format!("TPOT expected within {:.0} %, TTFT", 100.0 * error));
        let fidelity = result["fidelity"].as_str().unwrap();
        assert!(percent.is_none_or(|percent| fidelity.contains(&percent)), "{fidelity}");
    }
}

#[test]
fn a_range_reaches_from_shorter_steps_to_longer_ones() {
    let place = workplace();
    let result = run(&place, &["--range"]);
    let plain = run(&place, &[]);
    let [error, of_ttft] = ["step_time", "ttft"].map(|name| result["model_error"][name].as_f64().unwrap());
    // All that a step pays, so much more: what a file of step times can say too.
    let longer = |served: f64| served * (1.0 + error);
    place.write(
        "longer.toml",
        format!(
            "[fitted_on]\nmodel = \"llama-2-7b\"\ngpu = \"h100-sxm\"\ntensor_parallel = 1\nweights = \"bf16\"\ndata = \
             \"made up\"\n\
             [step]\nkernel_scale = {}\nstep_us = {}\nlayer_us = {}\nmixed_layer_us = {}\neager_layer_us = {}\n\
             sampler_us = {}\nsampler_ns_per_logit = {}\nsort_ns_per_entry = {}\n",
            longer(1.0),
            longer(66.0),
            longer(3.4),
            longer(9.6),
            longer(24.0),
            longer(100.0),
            longer(0.022),
            longer(6.3)
        ),
    );
    let (per_step, per_seq) = (longer(2000.0), longer(10.0));
    let cpu_time = format!("server.cpu_time={{ per_step_us = {per_step}, per_seq_us = {per_seq} }}");
    let longer = ["--set", "server.step_time=longer.toml", "--set", &cpu_time];
    let slow = run(&place, &longer);
    for metric in ["ttft", "tpot", "e2e"] {
        let of = |result: &Value, statistic: &str| result["latency"][metric][statistic].clone();
        assert_eq!(of(&result, "mean"), of(&plain, "mean"), "the run itself stays as it is");
        for statistic in ["mean", "p50"] {
            let range = &result["latency"][metric]["model_range"][statistic];
            let [low, high] = [0, 1].map(|end| range[end].as_f64().unwrap());
            let value = of(&plain, statistic).as_f64().unwrap();
            assert!(
                low < value && value < high,
                "{metric} {statistic}: {low} {value} {high}"
            );
            let longest = |metric: &str| slow["latency"][metric][statistic].as_f64().unwrap();
            // What first tokens may be off besides steps comes on top, for them and for whole requests.
            let besides = (of_ttft * of_ttft - error * error).sqrt();
            let longest = match metric {
                "ttft" => longest(metric) * (1.0 + besides),
                "e2e" => longest(metric) + longest("ttft") * besides,
                _ => longest(metric),
            };
            assert!(
                (high / longest - 1.0).abs() < 1e-6,
                "{metric} {statistic}: {high} {longest}"
            );
        }
        // 300 samples say nothing of a p99.
        assert!(result["latency"][metric]["model_range"]["p99"].is_null());
    }
    let screen = place.run(&["run", "scenario.toml", "--range"]).stdout;
    let percent = (100.0 * error).round();
    let line = format!("If off    latencies with all steps {percent} % shorter and longer");
    for part in ["   if off  ", &line] {
        assert!(screen.contains(part), "{screen}");
    }
}

#[test]
fn given_step_times_have_no_range() {
    let place = workplace();
    let given = ["--set", "server.step_time={base_us=8000}", "--range"];
    let ended = place.run(&[&["run", "scenario.toml"], &given[..]].concat());
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("leave --range out"), "{}", ended.stderr);
}

#[test]
fn steps_that_are_off_by_all_of_their_time_have_no_range() {
    let place = workplace();
    let about = "[fitted_on]\nmodel = \"llama-2-7b\"\ngpu = \"h100-sxm\"\ntensor_parallel = 1\nweights = \"bf16\"\n\
                 data = \"made up\"\n";
    let arguments = ["run", "scenario.toml", "--set", "server.step_time=far.toml", "--range"];
    for (error, reason) in [
        ("5.0", "step times are off by 500 %"),
        ("-1", "`error.tpot.mean` must be a number from 0 to 1000000, not -1"),
    ] {
        place.write("far.toml", format!("{about}[error]\n\"tpot.mean\" = {error}\n"));
        let ended = place.run(&arguments);
        assert_eq!(ended.code, Some(2), "{}", ended.stdout);
        assert!(ended.stderr.contains(reason), "{}", ended.stderr);
    }
}

/// The timeline is written when the run itself has ended, so what is interrupted after that are the shorter and longer
/// steps.
#[cfg(unix)]
#[test]
fn an_interrupted_range_is_left_out() {
    let place = workplace();
    let child = place
        .command(&[
            "run",
            "scenario.toml",
            "--range",
            "--set",
            "workload.requests=300000",
            "--timeline-out",
            "timeline.csv",
            "--timeline-interval",
            "1h",
            "--format",
            "json",
        ])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    while !place.path("timeline.csv").exists() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let ended = Ended::interrupted(child);
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    let result: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(result["requests"]["finished"], 300_000);
    assert!(result["latency"]["ttft"]["model_range"].is_null());
}
