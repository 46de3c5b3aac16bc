//! A run says how far its step times may be off, and `--range` what that comes to.

use serde_json::Value;

use crate::command::{Ended, Workplace};

const SCENARIO: &str = "\
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
    for (more, class, step_time) in [
        (&[][..], "measured_gpu", Some(0.05)),
        (
            &["--gpu", "l4", "--set", "server.kv_blocks=3000"],
            "datasheet",
            Some(0.10),
        ),
        // Nobody has measured all-reduces on this one.
        (
            &["--gpu", "rtx-4090", "--set", "server.tensor_parallel=2"],
            "partly_measured_gpu",
            Some(0.07),
        ),
        (&["--set", "server.step_time={base_us=8000}"], "given", None),
    ] {
        let result = run(&place, more);
        assert_eq!(result["model_error"]["class"], class);
        assert_eq!(result["model_error"]["step_time"].as_f64(), step_time);
        assert!(result["latency"]["ttft"]["model_range"].is_null());
        let percent = step_time.map(|error| format!("expected within {:.0} %", 100.0 * error));
        let fidelity = result["fidelity"].as_str().unwrap();
        assert!(percent.is_none_or(|percent| fidelity.contains(&percent)), "{fidelity}");
    }
}

#[test]
fn a_range_reaches_from_shorter_steps_to_longer_ones() {
    let place = workplace();
    let result = run(&place, &["--range"]);
    let plain = run(&place, &[]);
    // All that a step pays, a twentieth more: what a file of step times can say too.
    let longer = |served: f64| served * 1.05;
    place.write(
        "longer.toml",
        format!(
            "[fitted_on]\nmodel = \"llama-2-7b\"\ngpu = \"h100-sxm\"\ntensor_parallel = 1\nweights = \"bf16\"\ndata = \
             \"made up\"\n\
             [step]\nkernel_scale = 1.05\nstep_us = {}\nlayer_us = {}\nmixed_layer_us = {}\neager_layer_us = {}\n\
             sampler_us = {}\nsampler_ns_per_logit = {}\nsort_ns_per_entry = {}\n",
            longer(186.0),
            longer(2.6),
            longer(5.5),
            longer(16.7),
            longer(100.0),
            longer(0.022),
            longer(4.4)
        ),
    );
    let cpu_time = "server.cpu_time={ per_step_us = 2100, per_seq_us = 10.5 }";
    let longer = ["--set", "server.step_time=longer.toml", "--set", cpu_time];
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
            let longest = of(&slow, statistic).as_f64().unwrap();
            assert!(
                (high / longest - 1.0).abs() < 1e-6,
                "{metric} {statistic}: {high} {longest}"
            );
        }
        // 300 samples say nothing of a p99.
        assert!(result["latency"][metric]["model_range"]["p99"].is_null());
    }
    let screen = place.run(&["run", "scenario.toml", "--range"]).stdout;
    for part in [
        "   if off  ",
        "If off    latencies with all steps 5 % shorter and longer",
    ] {
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
