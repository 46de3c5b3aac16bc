//! Capacities agree with theory, with a fine sweep, and with the arithmetic of memory.

use std::fmt::Write;

use serde_json::Value;

use crate::command::{Ended, Workplace};

/// One at a time, with service times that are exponential with a mean of half a second: an M/M/1 queue but for the
/// rounding of lengths.
pub const M_M_1: &str = r#"
name = "M/M/1"
seed = 11
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
step_time = { base_us = 1000 }
[batching]
policy = "none"
[workload]
requests = 40000
arrivals = { process = "poisson", rate = 1.0 }
prompt = { dist = "fixed", value = 1 }
output = { dist = "exponential", mean = 500, max = 20000 }
"#;

pub fn json(ended: &Ended) -> Value {
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    serde_json::from_str(&ended.stdout).expect("stdout is JSON")
}

/// A number of a JSON result.
pub fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn interval(value: &Value) -> (f64, f64) {
    (number(&value[0]), number(&value[1]))
}

#[test]
fn the_capacity_of_an_m_m_1_queue_is_the_one_on_paper() {
    let place = Workplace::new();
    place.write("mm1.toml", M_M_1);
    // Mean time in the system 1 / (mu - lambda), with mu = 2: 2.5 s at 1.6 requests/s.
    let (slo, on_paper) = ("e2e.mean<2500ms", 1.6);
    let found = json(&place.run(&[
        "capacity",
        "mm1.toml",
        "--slo",
        slo,
        "--seeds",
        "8",
        "--no-changes",
        "--format",
        "json",
    ]));
    let (low, high) = interval(&found["ci95"]);
    // The search stops within one percent.
    assert!(
        low * 0.99 <= on_paper && on_paper <= high * 1.01,
        "{low}..{high}, not {on_paper}"
    );
    assert!(high - low < 0.1 * on_paper, "{low}..{high} says little");
    let capacity = number(&found["capacity"]);
    assert!((capacity / on_paper - 1.0).abs() < 0.04, "{capacity}, not {on_paper}");
}

#[test]
fn the_curve_of_an_m_m_1_queue_is_the_one_on_paper() {
    let place = Workplace::new();
    place.write("mm1.toml", M_M_1);
    let curve = json(&place.run(&[
        "curve",
        "mm1.toml",
        "--rate",
        "0.4,0.8,1.2,1.6",
        "--seeds",
        "8",
        "--refine",
        "0",
        "--format",
        "json",
    ]));
    let points = curve["points"].as_array().unwrap();
    assert_eq!(points.len(), 4);
    for point in points {
        let rate = number(&point["load"]);
        let e2e = &point["latency"]["e2e"];
        let (low, high) = interval(&e2e["ci95"]["mean"]);
        let on_paper = 1.0 / (2.0 - rate);
        assert!(
            low <= on_paper && on_paper <= high,
            "at {rate}: {low}..{high}, not {on_paper}"
        );
        // Requests in the system by Little's law: lambda / (mu - lambda).
        let queue = &point["queue"];
        let inside = number(&queue["running"]["mean"]) + number(&queue["depth"]["mean"]);
        let on_paper = rate / (2.0 - rate);
        assert!(
            (inside / on_paper - 1.0).abs() < 0.05,
            "at {rate}: {inside}, not {on_paper}"
        );
    }
    // Power, lambda (mu - lambda), is largest at half of mu.
    let refined = json(&place.run(&[
        "curve",
        "mm1.toml",
        "--rate",
        "0.25..1.75+0.25",
        "--seeds",
        "4",
        "--format",
        "json",
    ]));
    let knee = number(&refined["knee"]);
    assert!((knee - 1.0).abs() <= 0.13, "the knee is at {knee}");
}

/// The highest rate of `rates` up to which every one meets the objectives.
fn by_sweep(place: &Workplace, scenario: &[&str], rates: &[f64], slo: &str) -> f64 {
    let list: Vec<String> = rates.iter().map(ToString::to_string).collect();
    let list = list.join(",");
    let mut arguments = vec!["curve"];
    arguments.extend(scenario);
    arguments.extend(["--rate", &list, "--refine", "0", "--slo", slo, "--format", "json"]);
    let ended = place.run(&arguments);
    number(&json(&ended)["slo_met_up_to"])
}

#[test]
#[ignore = "long"]
fn bisection_finds_what_a_fine_sweep_finds() {
    let place = Workplace::new();
    place.write("mm1.toml", M_M_1);
    let demo = ["--set", "workload.requests=3000"];
    for (scenario, slo) in [
        (&["mm1.toml", "--set", "workload.requests=5000"][..], "e2e.mean<2s"),
        (&demo[..], "ttft.p99<500ms"),
    ] {
        let mut arguments = vec!["capacity"];
        arguments.extend(scenario);
        arguments.extend(["--slo", slo, "--seeds", "1", "--no-changes", "--format", "json"]);
        let found = json(&place.run(&arguments));
        let seed = &found["seeds"][0];
        let (met, missed) = (number(&seed["met"]), number(&seed["missed"]));
        assert!(met < missed && missed <= met * 1.010_001, "{met}..{missed}");
        // Every half percent from 6 % below to 6 % above.
        let rates: Vec<f64> = (-12..=12).map(|step| met * (1.0 + 0.005 * f64::from(step))).collect();
        // In runs as long as those that the search has ended with.
        let own = if scenario[0] == "mm1.toml" { 5_000.0 } else { 3_000.0 };
        let length = format!("workload.requests={}", own * number(&found["length"]));
        let swept = by_sweep(&place, &[scenario, &["--set", &length]].concat(), &rates, slo);
        // Where latency does not rise evenly, two loads close to each other may both be a boundary.
        assert!(
            (swept / met - 1.0).abs() <= 0.016,
            "{slo}: {swept} by sweep, {met} by bisection"
        );
    }
}

#[test]
fn the_fewest_servers_for_a_rate_hold_and_one_less_does_not() {
    let place = Workplace::new();
    place.write("mm1.toml", M_M_1);
    let asked = |rate: &str, router: &str| {
        let router = format!("fleet.router={router}");
        let arguments = [
            "--slo",
            "e2e.mean<2500ms",
            "--seeds",
            "1",
            "--no-changes",
            "--no-range",
            "--set",
            &router,
        ];
        let of_rate = [
            "capacity",
            "mm1.toml",
            "--rate",
            rate,
            "--requests",
            "10000",
            "--format",
            "json",
        ];
        json(&place.run(&[&of_rate[..], &arguments].concat()))
    };
    // Each of them does 2 requests/s: at random each is an M/M/1 queue, in which 1.6 requests/s take 2.5 s on paper,
    // so that 6.25 are needed; who looks for the shortest queue needs hardly more than the 5 that they keep busy.
    for (router, fewest) in [("random", 7), ("least_outstanding", 6)] {
        let servers = &asked("10", router)["servers"];
        assert_eq!(
            (&servers["router"], &servers["fewest"]),
            (&router.into(), &fewest.into())
        );
        assert_eq!(servers["fewest_with_one_down"], fewest + 1);
        let with_one_down = number(&servers["with_one_down"]["latency"]["e2e"]["mean"]);
        assert!(with_one_down > 2.5, "{with_one_down}");
        for (servers, holds) in [(fewest, true), (fewest - 1, false)] {
            let set = [format!("fleet.servers={servers}"), format!("fleet.router={router}")];
            let load = ["--rate", "10", "--requests", "40000", "--slo", "e2e.mean<2500ms"];
            let fleet = ["run", "mm1.toml", "--set", &set[0], "--set", &set[1]];
            let code = place.run(&[&fleet[..], &load].concat()).code;
            assert_eq!(code, Some(if holds { 0 } else { 99 }), "{servers} behind {router}");
        }
    }
    // So many together would take too long: each is by itself.
    let many = &asked("1000", "random")["servers"];
    assert!(many["router"].is_null() && many["with_one_down"].is_null());
    assert!(
        (600..660).contains(&many["fewest"].as_u64().unwrap()),
        "{}",
        many["fewest"]
    );
}

/// 80 GB of memory, 60 GB of weights, 200,000 bytes of KV a token.
fn hundred_users(place: &Workplace) {
    place.write(
        "config.json",
        r#"{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 5000,
            "intermediate_size": 35573,
            "num_hidden_layers": 50, "num_attention_heads": 50, "num_key_value_heads": 10, "head_dim": 100,
            "vocab_size": 32000, "max_position_embeddings": 8192, "tie_word_embeddings": false, "hidden_act": "silu",
            "rms_norm_eps": 1e-05, "rope_theta": 10000.0, "torch_dtype": "bfloat16"}"#,
    );
    place.write(
        "gpu.toml",
        r#"title = "80 GB"
memory = { gib = 74.5058, source = "80 GB" }
bandwidth = { gb_per_s = 3000, source = "example" }
bf16 = { tflops = 800, source = "example" }
link = { kind = "nvlink", gb_per_s = 450, source = "example" }
"#,
    );
    place.write(
        "users.toml",
        r#"
name = "100 users"
[model]
config = "config.json"
[server]
gpu = "gpu.toml"
max_model_len = 2048
kv_blocks = 6251                  # 20 GB in blocks of 16 tokens, and the null block
[batching]
policy = "continuous"
max_num_seqs = 512
[workload]
requests = 4000
arrivals = { process = "closed", concurrency = 200 }
prompt = { dist = "fixed", value = 976 }
output = { dist = "fixed", value = 24 }
"#,
    );
}

#[test]
#[ignore = "long"]
fn twenty_gigabytes_hold_a_hundred_users_of_two_hundred_megabytes() {
    let place = Workplace::new();
    hundred_users(&place);
    let run = json(&place.run(&["run", "users.toml", "--format", "json"]));
    let users = number(&run["memory"]["closed_form_users"]);
    assert!((users - 100.0).abs() < 0.5, "(80 - 60) GB / 200 MB = {users}");
    // A context of 1,000 tokens fills 63 blocks of 16 tokens at its end and 61 at its start: 99 to 102 fit.
    let running = number(&run["queue"]["running"]["p50"]);
    assert!((97.0..=103.0).contains(&running), "{running} run at once");
    assert!(number(&run["queue"]["depth"]["p50"]) >= 95.0);

    let explained = json(&place.run(&[
        "capacity",
        "users.toml",
        "--explain",
        "--no-changes",
        "--slo",
        "e2e.mean<60s",
        "--format",
        "json",
    ]));
    let formula = &explained["formula"];
    assert!((number(&formula["users_by_mean_context"]) - 100.0).abs() < 0.5);
    assert_eq!(formula["users_by_mean_context"], formula["users_by_p95_context"]);
    for simulated in ["simulated_users", "simulated_users_all_mean", "simulated_users_all_p95"] {
        let users = number(&formula[simulated]);
        assert!((97.0..=103.0).contains(&users), "{simulated} = {users}");
    }
}

/// What practice says of the things that the formula leaves out, each measured.
#[test]
fn long_contexts_prefixes_drafts_and_static_batches_do_to_capacity_what_practice_says() {
    let place = Workplace::new();
    place.write(
        "mixed.toml",
        r#"
name = "short and long contexts behind shared prompts"
[model]
name = "llama-3.1-8b"
[server]
gpu = "l40s"
max_model_len = 16384
[workload]
requests = 2000
arrivals = { process = "poisson", rate = 1.0 }
prompt = { dist = "mixture", parts = [
  { weight = 0.85, dist = "lognormal", median = 600, sigma = 0.4, max = 12000 },
  { weight = 0.15, dist = "lognormal", median = 5000, sigma = 0.3, max = 12000 } ] }
output = { dist = "lognormal", median = 150, sigma = 0.5, max = 1000 }
prefix = { pool = 4, tokens = 1500 }
[slo]
"ttft.p99" = "5s"
"tpot.p99" = "100ms"
"#,
    );
    let found = json(&place.run(&[
        "capacity",
        "mixed.toml",
        "--explain",
        "--no-changes",
        "--seeds",
        "2",
        "--format",
        "json",
    ]));
    let formula = &found["formula"];
    let of = |key: &str| number(&formula[key]);
    let (by_mean, by_p95) = (of("users_by_mean_context"), of("users_by_p95_context"));
    assert!(by_p95 < 0.6 * by_mean, "P95 sizes for {by_p95}, the mean for {by_mean}");
    assert!(of("simulated_users_all_p95") < 0.6 * of("simulated_users_all_mean"));
    let prefix = of("prefix_cache_times");
    assert!((1.4..=4.0).contains(&prefix), "a prefix cache gives {prefix} times");
    let drafts = of("drafts_kv_bytes_times");
    assert!((1.01..=1.2).contains(&drafts), "drafts cost {drafts} times the KV");
    let stat = of("static_output_tokens_times");
    assert!(stat < 0.7, "static batches yield {stat} of the tokens");
    let under_slo = of("concurrency_under_slo");
    assert!(
        under_slo > 0.0 && under_slo < of("simulated_users"),
        "{under_slo} under the SLOs"
    );
}

#[test]
fn an_impossible_objective_is_no_capacity_and_says_what_comes_nearest() {
    let place = Workplace::new();
    let ended = place.run(&["capacity", "--slo", "ttft.p99<1ms", "--seeds", "1"]);
    assert_eq!(ended.code, Some(99));
    assert!(
        ended.stdout.contains("No load meets ttft p99 <= 1 ms"),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.contains("ttft p99 is "), "{}", ended.stdout);
}

#[test]
fn what_would_help_is_tried_and_never_counts_gpus_for_nothing() {
    let place = Workplace::new();
    let found = json(&place.run(&[
        "capacity",
        "--set",
        "workload.requests=2000",
        "--seeds",
        "2",
        "--format",
        "json",
    ]));
    let tried = found["tried"].as_array().unwrap();
    let of = |name: &str| {
        let is_it = |it: &&Value| it["change"].as_str().unwrap().contains(name);
        tried
            .iter()
            .find(is_it)
            .unwrap_or_else(|| panic!("{name} was not tried"))
    };
    assert!(number(&of("weights in fp8")["times"]) > 1.2);
    let two = of("tensor parallel over 2 GPUs");
    assert!(number(&two["times"]) > 1.2);
    assert!((number(&two["times"]) / number(&two["times_per_gpu"]) - 2.0).abs() < 1e-9);
    // What was tried can be tried again by hand.
    let set = of("weights in fp8")["set"][0].as_str().unwrap();
    let again = json(&place.run(&[
        "capacity",
        "--set",
        "workload.requests=2000",
        "--set",
        set,
        "--seeds",
        "2",
        "--no-changes",
        "--format",
        "json",
    ]));
    let ratio = number(&again["capacity"]) / number(&of("weights in fp8")["capacity"]);
    assert!((ratio - 1.0).abs() < 0.02, "{ratio}");
}

#[test]
fn a_recorded_trace_has_a_capacity_in_rate_and_in_concurrency() {
    let place = Workplace::new();
    let mut trace = "arrival_s,input_tokens,output_tokens\n".to_owned();
    for row in 0..1500 {
        let _ = writeln!(
            trace,
            "{}.{},{},{}",
            row / 4,
            row % 4 * 25,
            200 + row % 37 * 20,
            40 + row % 11 * 10
        );
    }
    place.write("trace.csv", trace);
    place.write(
        "trace.toml",
        "name = \"recorded\"\n[model]\nname = \"llama-3.1-8b\"\n[server]\ngpu = \"l40s\"\nmax_model_len = 8192\n\
         [workload]\ntrace = { path = \"trace.csv\", speedup = 2.0 }\n[slo]\n\"tpot.p99\" = \"40ms\"\n",
    );
    let of = |load: &str| {
        let arguments = [
            "capacity",
            "trace.toml",
            "--no-changes",
            "--of",
            load,
            "--format",
            "json",
        ];
        let found = json(&place.run(&arguments));
        assert_eq!(found["seeds"].as_array().unwrap().len(), 1, "a trace has no seeds");
        number(&found["capacity"])
    };
    let (rate, concurrency) = (of("rate"), of("concurrency"));
    assert!(rate > 2.0 && rate < 100.0, "{rate}");
    assert!(concurrency > 4.0 && concurrency.fract() == 0.0, "{concurrency}");
    let curve = json(&place.run(&[
        "curve",
        "trace.toml",
        "--concurrency",
        "1..32",
        "--refine",
        "0",
        "--format",
        "json",
    ]));
    for point in curve["points"].as_array().unwrap() {
        let most = number(&point["queue"]["running"]["max"]) + number(&point["queue"]["depth"]["max"]);
        assert!(
            number(&point["queue"]["running"]["max"]) <= number(&point["load"]),
            "{most}"
        );
    }
}
