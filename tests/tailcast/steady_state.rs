//! A run is reported without its warm-up and its drain, so that its numbers are those of the steady state.

use serde_json::Value;
use tailcast::answer::{Base, Control, RunQuestion};

/// One request at a time, its service nearly exponential with a mean of 1 s.
fn mm1(rate: f64, requests: u64, seed: u64, more: &str) -> String {
    format!(
        r#"
seed = {seed}
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
step_time = {{ base_us = 5000 }}
[batching]
policy = "none"
[workload]
requests = {requests}
arrivals = {{ process = "poisson", rate = {rate} }}
prompt = {{ dist = "fixed", value = 16 }}
output = {{ dist = "exponential", mean = 200, max = 100000 }}
{more}
"#
    )
}

fn run(text: &str, seeds: u32) -> Value {
    let question = RunQuestion {
        seeds,
        ..RunQuestion::of(Base::from_toml(text))
    };
    serde_json::from_str(&question.answer(&Control::default()).unwrap().to_json()).unwrap()
}

fn interval(json: &Value, metric: &str, statistic: &str) -> (f64, f64) {
    let interval = &json["latency"][metric]["ci95"][statistic];
    let end = |at: usize| interval[at].as_f64().expect("there is an interval");
    (end(0), end(1))
}

/// Of so many runs, how many have theory's mean and p99 wait of an M/M/1 queue at 0.9 in their intervals.
fn runs_with_theory_inside(runs: u64, requests: u64) -> [usize; 2] {
    let (load, service_rate) = (0.9, 1.0);
    let spare = service_rate - load * service_rate;
    let mean = load / spare;
    let p99 = (100.0_f64 * load).ln() / spare;
    let mut inside = [0, 0];
    for run_number in 0..runs {
        let json = run(&mm1(load, requests, 1 + 1_000 * run_number, ""), 8);
        for (count, (statistic, theory)) in inside.iter_mut().zip([("mean", mean), ("p99", p99)]) {
            let (low, high) = interval(&json, "queue_wait", statistic);
            *count += usize::from(low <= theory && theory <= high);
        }
    }
    inside
}

#[test]
fn theory_lies_in_the_intervals_of_an_mm1_queue() {
    let [mean, p99] = runs_with_theory_inside(5, 100_000);
    assert!(mean >= 4 && p99 >= 4, "mean {mean}, p99 {p99} of 5");
}

#[test]
#[ignore = "long"]
fn theory_lies_in_the_intervals_of_most_mm1_queues() {
    let [mean, p99] = runs_with_theory_inside(100, 100_000);
    println!("theory inside: mean {mean}, p99 {p99} of 100");
    assert!(mean >= 90 && p99 >= 90, "mean {mean}, p99 {p99} of 100");
}

/// Of so many pairs of a run and one twice as long, with seeds of its own, how many agree: two 95 % intervals overlap
/// if both hold the same truth, and nearly always if each does so 95 times of 100.
fn pairs_that_agree(pairs: u64, requests: u64, text: impl Fn(u64, u64) -> String) -> u32 {
    let mut agree = 0;
    for number in 0..pairs {
        let short = run(&text(requests, 7 + 1_000 * number), 6);
        let long = run(&text(2 * requests, 500_007 + 1_000 * number), 6);
        let overlap = ["mean", "p50", "p99"].iter().all(|statistic| {
            let (one, other) = (interval(&short, "e2e", statistic), interval(&long, "e2e", statistic));
            one.0 <= other.1 && other.0 <= one.1
        });
        agree += u32::from(overlap);
    }
    agree
}

/// A server that batches, at loads of a third to three quarters of what it carries.
fn batching(requests: u64, seed: u64) -> String {
    // The same for both runs of a pair.
    let rate = 8 + seed / 1_000 % 500 % 12;
    format!(
        r#"
seed = {seed}
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
[workload]
requests = {requests}
arrivals = {{ process = "gamma", rate = {rate}, cv = 1.5 }}
prompt = {{ dist = "lognormal", median = 512, sigma = 0.8, max = 8000 }}
output = {{ dist = "lognormal", median = 200, sigma = 0.6, max = 2000 }}
"#
    )
}

#[test]
fn a_run_and_one_twice_as_long_agree() {
    let agree = pairs_that_agree(20, 10_000, |requests, seed| mm1(0.8, requests, seed, ""));
    assert!(agree >= 19, "{agree} of 20");
}

#[test]
#[ignore = "long"]
fn most_runs_agree_with_those_that_are_twice_as_long() {
    let queues = pairs_that_agree(100, 10_000, |requests, seed| mm1(0.8, requests, seed, ""));
    let servers = pairs_that_agree(100, 5_000, batching);
    println!("agree: {queues} of 100 M/M/1 queues, {servers} of 100 servers");
    assert!(
        queues >= 95 && servers >= 95,
        "{queues} queues, {servers} servers of 100"
    );
}

#[test]
fn what_is_left_out_is_said_and_can_be_asked_for() {
    let said = run(&mm1(0.5, 5_000, 3, ""), 1);
    let window = &said["steady_state"];
    assert!(
        window["warm_up_requests"].as_f64().is_some_and(|it| it <= 2_500.0),
        "{window}"
    );
    assert!(window["drain_s"].as_f64().is_some_and(|it| it >= 0.0), "{window}");
    let left_out = window["warm_up_requests"].as_f64().unwrap();
    assert_eq!(said["latency"]["e2e"]["count"].as_f64(), Some(5_000.0 - left_out));
    assert_eq!(said["requests"]["finished"], 5_000);

    let kept = run(&mm1(0.5, 5_000, 3, "warm_up = \"none\""), 1);
    assert!(kept["steady_state"].is_null());
    assert_eq!(kept["latency"]["e2e"]["count"], 5_000);

    let given = run(&mm1(0.5, 5_000, 3, "warm_up = \"1000s\""), 1);
    let left_out = given["steady_state"]["warm_up_requests"].as_f64().unwrap();
    assert!((400.0..600.0).contains(&left_out), "{given:#}");
    assert_eq!(given["latency"]["e2e"]["count"].as_f64(), Some(5_000.0 - left_out));
}

#[test]
fn a_rate_is_that_of_arrivals_whatever_the_drain() {
    // Without a cut, the drain after 400 arrivals would make it 5 % lower.
    let text = mm1(0.5, 400, 5, "")
        .replace("rate = 0.5", "rate = 20")
        .replace("\"none\"", "\"continuous\"");
    let cut = run(&text, 8);
    let rate = cut["throughput"]["requests_per_s"].as_f64().unwrap();
    let whole = run(&text.replace("[workload]", "[workload]\nwarm_up = \"none\""), 8);
    let whole = whole["throughput"]["requests_per_s"].as_f64().unwrap();
    assert!(whole < 19.0 && (18.5..21.5).contains(&rate), "{whole} {rate}");
}

#[test]
fn loads_that_change_keep_everything() {
    let stages = mm1(0.5, 2_000, 5, "").replace(
        "{ process = \"poisson\", rate = 0.5 }",
        "{ process = \"stages\", stages = [{ rate = 0.5, duration = \"1h\" }] }",
    );
    let at_once = mm1(0.5, 2_000, 5, "").replace("{ process = \"poisson\", rate = 0.5 }", "{ process = \"at_once\" }");
    for text in [stages, at_once] {
        assert!(run(&text, 1)["steady_state"].is_null());
        let asked = text.replace("[workload]", "[workload]\nwarm_up = \"auto\"");
        let refused = RunQuestion::of(Base::from_toml(&asked)).answer(&Control::default());
        let refused = refused.err().expect("nothing can be found").to_string();
        assert!(refused.contains("warm_up = \"30s\""), "{refused}");
    }
}
