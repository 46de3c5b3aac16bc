//! Reports say where the time of steps goes, and servers may be new or badly linked.

use serde_json::Value;

use crate::command::Workplace;
use crate::model_error::SCENARIO;

const PARTS: [&str; 8] = [
    "weights",
    "attention",
    "experts",
    "all_reduce",
    "sampler",
    "other",
    "drafts",
    "cpu",
];

fn run(more: &[&str]) -> (Value, String) {
    let place = Workplace::new();
    place.write("scenario.toml", SCENARIO);
    let ended = place.run(&[&["run", "scenario.toml", "--format", "json"], more].concat());
    (ended.json(), ended.stderr)
}

fn number(result: &Value, section: &str, name: &str) -> f64 {
    result[section][name].as_f64().unwrap()
}

#[test]
fn shares_add_up_to_the_time_of_steps() {
    let several = ["--set", "server.tensor_parallel=2"];
    let experts = ["--model", "qwen3-30b-a3b"];
    let slow = [
        "--set",
        "fleet.fault=[{ kind = \"slow\", server = 0, at = \"5s\", factor = 2.0, duration = \"20s\" }]",
    ];
    let drafts = [
        "--set",
        "batching.speculative={ method = \"eagle\", tokens = 2, acceptance = 0.6 }",
    ];
    let before_the_gpu = ["--set", "batching.async_scheduling=false"];
    for (more, there, not_there) in [
        (&[][..], "attention", "cpu"),
        (&several, "all_reduce", "experts"),
        (&experts, "experts", "all_reduce"),
        (&slow, "cpu", "drafts"),
        (&drafts, "drafts", "experts"),
        (&before_the_gpu, "cpu", "drafts"),
    ] {
        let (result, _) = run(more);
        let of = |name: &str| number(&result, "step_time", name);
        let sum: f64 = PARTS.into_iter().map(of).sum();
        assert!((sum - 1.0).abs() < 1e-9, "{more:?}: {sum}");
        assert!(
            of("weights") > 0.1 && of("sampler") > 0.0 && of(there) > 0.01,
            "{more:?}"
        );
        assert!(of(not_there) < 1e-6, "{more:?}: {}", of(not_there));
        let idle = 1.0 - number(&result, "gpu", "busy_fraction");
        assert!((of("idle") - idle).abs() < 1e-9, "{more:?}");
    }
    let (given, _) = run(&["--set", "server.step_time={base_us=8000}"]);
    assert!(given["step_time"].is_null());
}

#[test]
fn the_cpu_has_what_it_takes_before_each_step() {
    let (result, _) = run(&["--set", "batching.async_scheduling=false"]);
    let (steps, requests) = (number(&result, "gpu", "steps"), number(&result, "gpu", "mean_batch"));
    let cpu_s = steps * (1500e-6 + 30e-6 * requests);
    // The time that is covered is that of all steps and of none.
    let duration = number(&result, "throughput", "duration_s");
    let busy_s = duration * number(&result, "gpu", "busy_fraction");
    let share = number(&result, "step_time", "cpu");
    assert!(
        (share * busy_s / cpu_s - 1.0).abs() < 0.01,
        "{share} of {busy_s}, {cpu_s}"
    );
}

#[test]
fn gpus_without_links_are_told_of_and_may_have_others() {
    let slow = ["--gpu", "l40s", "--set", "server.tensor_parallel=8"];
    let (before, said) = run(&slow);
    assert!(said.contains("goes into all-reduces between 8 GPUs"), "{said}");
    let (after, said) = run(&[&slow[..], &["--set", "server.link_gb_per_s=900"]].concat());
    assert!(!said.contains("all-reduces"), "{said}");
    let of = |result: &Value| result["latency"]["tpot"]["mean"].as_f64().unwrap();
    assert!(of(&after) < 0.8 * of(&before));
}

#[test]
fn a_fresh_server_is_slow_until_enough_requests_have_come() {
    let of = |result: &Value, statistic: &str| result["latency"]["tpot"][statistic].as_f64().unwrap();
    // Its start would be left out.
    let all = ["--set", "workload.warm_up=none"];
    let (used, _) = run(&all);
    let (fresh, _) = run(&[&all[..], &["--set", "server.warm_up={ requests = 20, factor = 10 }"]].concat());
    assert!(of(&fresh, "max") > 5.0 * of(&used, "max"));
    assert!((of(&fresh, "p50") / of(&used, "p50") - 1.0).abs() < 0.1);
    let place = Workplace::new();
    place.write("scenario.toml", SCENARIO);
    let checked = place.run(&["check", "scenario.toml", "--set", "server.warm_up={ requests = 20 }"]);
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
}
