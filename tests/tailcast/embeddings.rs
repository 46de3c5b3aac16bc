//! Requests that ask for no token (`output = 0`): an embedding or a score is there when the whole prompt is computed,
//! takes one pass, and leaves nothing behind.

use serde_json::Value;

use crate::command::Workplace;

/// A step takes 1 ms and 10 us a token.
const SERVER: &str = r#"
seed = 1
[model]
name = "qwen3-embedding-0.6b"
[server]
gpu = "l40s"
max_model_len = 512
step_time = { base_us = 1000, per_token_us = 10 }
"#;

/// 32 prompts of 100 tokens that come together.
const CROWD: &str = r#"
[workload]
requests = 32
arrivals = { process = "at_once" }
prompt = { dist = "fixed", value = 100 }
output = 0
warm_up = "none"
"#;

const STREAM: &str = r#"
[workload]
requests = 3000
arrivals = { process = "poisson", rate = 300 }
prompt = { dist = "uniform", min = 20, max = 200 }
output = { dist = "fixed", value = 0 }
"#;

fn run(scenario: &str, more: &[&str]) -> Value {
    let workplace = Workplace::new();
    workplace.write("s.toml", format!("{SERVER}{scenario}"));
    let mut all = vec!["run", "s.toml", "--format", "json"];
    all.extend(more);
    let ended = workplace.run(&all);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.json()
}

fn refused(scenario: &str, more: &[&str]) -> String {
    let workplace = Workplace::new();
    workplace.write("s.toml", format!("{SERVER}{scenario}"));
    let mut all = vec!["run", "s.toml"];
    all.extend(more);
    let ended = workplace.run(&all);
    assert_eq!(ended.code, Some(2), "{}", ended.stdout);
    assert_eq!(workplace.listing(), ["s.toml"], "nothing is written");
    ended.stderr
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn assert_near(found: &Value, wanted: f64) {
    let found = number(found);
    assert!((found / wanted - 1.0).abs() < 1e-6, "{found} instead of {wanted}");
}

#[test]
fn one_prompt_takes_one_pass() {
    let one = CROWD.replace("requests = 32", "requests = 1");
    for policy in ["none", "static", "continuous"] {
        // Without look-ahead, so that a step starts when it is decided.
        let set = format!("batching.policy={policy}");
        let result = run(&one, &["--set", &set]);
        assert_near(&result["latency"]["e2e"]["mean"], 0.001 + 100.0 * 10e-6);
        assert_eq!(result["gpu"]["steps"], 1, "{policy}");
    }
}

#[test]
fn nothing_is_said_of_tokens_that_nobody_gets() {
    let result = run(STREAM, &[]);
    for name in ["ttft", "tpot", "itl"] {
        assert_eq!(result["latency"][name]["count"], 0, "{name}");
        assert!(result["latency"][name]["mean"].is_null(), "{name}");
    }
    assert!(number(&result["latency"]["e2e"]["p99"]) > 0.0);
    assert_eq!(result["throughput"]["output_tokens_per_s"], 0.0);
    assert!(number(&result["throughput"]["input_tokens_per_s"]) > 0.0);
    assert!(number(&result["throughput"]["requests_per_s"]) > 0.0);
    assert_eq!(result["requests"]["finished"], 3000);
}

#[test]
fn a_static_batch_is_one_step_and_ends_together() {
    let batch = ["--set", "batching.policy=static", "--set", "batching.max_batch_size=16"];
    let result = run(CROWD, &batch);
    assert_eq!(result["gpu"]["steps"], 2);
    let step = 0.001 + 16.0 * 100.0 * 10e-6;
    assert_near(&result["latency"]["e2e"]["min"], step);
    assert_near(&result["latency"]["e2e"]["max"], 2.0 * step);
    assert_near(&result["latency"]["e2e"]["mean"], 1.5 * step);
}

#[test]
fn memory_holds_prompts_only_until_their_answers_are_there() {
    // Seven blocks of 16 tokens for each prompt of 100, in batches of 4: 28 blocks at once and none in the end, or the
    // engine would stop at its own checks.
    for (policy, reserve) in [("static", "batch"), ("continuous", "batch")] {
        let policy = format!("batching.policy={policy}");
        let reserve = format!("batching.reserve={reserve}");
        let more = [
            "--set",
            &policy,
            "--set",
            &reserve,
            "--set",
            "batching.max_batch_size=4",
            "--set",
            "batching.max_num_seqs=4",
            "--set",
            "server.kv_blocks=101",
        ];
        let result = run(CROWD, &more);
        assert_near(&result["kv"]["usage"]["max"], 28.0 / 100.0);
        assert_eq!(result["requests"]["finished"], 32, "{policy}");
    }
    // A prompt that fills its blocks needs none for a token beyond.
    let full = CROWD.replace("value = 100", "value = 96");
    let more = [
        "--set",
        "batching.policy=static",
        "--set",
        "batching.max_batch_size=4",
        "--set",
        "server.kv_blocks=101",
    ];
    assert_near(&run(&full, &more)["kv"]["usage"]["max"], 24.0 / 100.0);
}

#[test]
fn a_prompt_may_be_as_long_as_the_model() {
    for (tokens, rejected) in [(512, 0), (513, 32)] {
        let prompts = CROWD.replace("value = 100", &format!("value = {tokens}"));
        for policy in ["none", "static", "continuous"] {
            let set = format!("batching.policy={policy}");
            let workplace = Workplace::new();
            workplace.write("s.toml", format!("{SERVER}{prompts}"));
            let ended = workplace.run(&["run", "s.toml", "--format", "json", "--set", &set]);
            if rejected == 0 {
                assert_eq!(ended.json()["requests"]["finished"], 32, "{policy}");
            } else {
                assert_ne!(ended.code, Some(0), "{policy}");
            }
        }
    }
}

#[test]
fn every_prompt_token_is_computed_once() {
    // 3 requests of 100 tokens behind 48 that are in the cache from the first of them on.
    let shared = CROWD
        .replace("requests = 32", "requests = 3")
        .replace("output = 0", "output = 0\nprefix = { tokens = 48 }");
    let more = [
        "--set",
        "batching.max_num_seqs=1",
        "--set",
        "batching.async_scheduling=false",
    ];
    let result = run(&shared, &more);
    assert_eq!(result["kv"]["prefix_hit_tokens"], 96);
    // 148 tokens, and twice 100.
    assert_near(&result["latency"]["e2e"]["max"], 3.0 * 0.001 + 348.0 * 10e-6);
}

#[test]
fn both_engines_tell_the_same() {
    for more in [
        "batching.policy=none",
        "batching.policy=static",
        "batching.policy=continuous",
        "workload.prefix={ tokens = 40, pool = 3 }",
        "batching.max_num_batched_tokens=64",
    ] {
        let workplace = Workplace::new();
        workplace.write("s.toml", format!("{SERVER}{STREAM}"));
        let ended = workplace.run(&["check", "s.toml", "--set", more]);
        assert_eq!(ended.code, Some(0), "{more}: {}{}", ended.stdout, ended.stderr);
    }
}

#[test]
fn neither_steps_nor_memory_hold_a_head_or_a_sampler() {
    let modelled = |output: &str| {
        let scenario = CROWD.replace("output = 0", output);
        let workplace = Workplace::new();
        let server = SERVER.replace("step_time", "# step_time");
        workplace.write("s.toml", format!("{server}{scenario}"));
        workplace.run(&["run", "s.toml", "--format", "json"]).json()
    };
    let (without, with) = (modelled("output = 0"), modelled("output = 1"));
    let e2e = |result: &Value| number(&result["latency"]["e2e"]["max"]);
    assert!(e2e(&without) < e2e(&with), "{} {}", e2e(&without), e2e(&with));
    let kv = |result: &Value| number(&result["memory"]["kv_bytes"]);
    assert!(kv(&without) > kv(&with), "{} {}", kv(&without), kv(&with));
    let utilisation = |result: &Value| number(&result["gpu"]["model_flops_utilization"]);
    assert!(utilisation(&without) > 0.0);
}

#[test]
fn objectives_on_tokens_are_refused() {
    for name in ["ttft.p99", "tpot.p99", "itl.p90"] {
        let error = refused(STREAM, &["--slo", &format!("{name}<2s")]);
        assert!(
            error.contains(name) && error.contains("\"e2e.p99\" = \"2s\""),
            "{error}"
        );
    }
    let error = refused(&format!("{STREAM}[slo]\n\"output_tokens_per_s\" = 10\n"), &[]);
    assert!(
        error.contains("output_tokens_per_s") && error.contains("s.toml:"),
        "{error}"
    );
    let result = run(&format!("{STREAM}[slo]\n\"e2e.p99\" = \"1s\"\n"), &[]);
    assert_eq!(result["verdict"], "ok");
}

#[test]
fn requests_with_and_without_an_output_do_not_mix() {
    let part = |value: u32| format!("{{ weight = 1, dist = \"fixed\", value = {value} }}");
    let mixture = format!("output = {{ dist = \"mixture\", parts = [{}, {}] }}", part(0), part(9));
    let scenario = CROWD.replace("output = 0", &mixture);
    let error = refused(&scenario, &[]);
    assert!(
        error.contains("parts[0].value") && error.contains("output = 0"),
        "{error}"
    );
    let class = |name: &str, output: u32| {
        format!(
            "[[class]]\nname = \"{name}\"\n[class.workload]\nrequests = 5\narrivals = {{ process = \"at_once\" }}\n\
             prompt = {{ dist = \"fixed\", value = 9 }}\noutput = {output}\n"
        )
    };
    let error = refused(&format!("{}{}", class("search", 0), class("chat", 5)), &[]);
    assert!(error.contains("`search`") && error.contains("`chat`"), "{error}");
    let result = run(&format!("{}{}", class("search", 0), class("index", 0)), &[]);
    assert_eq!(result["classes"]["index"]["requests"]["finished"], 5);
}

#[test]
fn what_makes_no_sense_without_tokens_is_refused() {
    for (more, words) in [
        ("batching.policy=sglang", "\"sglang\""),
        (
            "batching.speculative={ method = \"ngram\", tokens = 3, acceptance = 0.5 }",
            "batching.speculative",
        ),
        ("workload.max_tokens=5", "workload.max_tokens"),
        ("workload.session={ turns = 3, think = \"1s\" }", "workload.session"),
        (
            "fleet.autoscale={ signal = \"ttft\", target = 1.0, min = 1, max = 3, start = \"10s\" }",
            "fleet.autoscale.signal",
        ),
        ("path.stage=[{ name = \"llm\", times = 2 }]", "the path calls"),
    ] {
        let error = refused(STREAM, &["--set", more]);
        assert!(error.contains(words) && error.contains("output"), "{more}: {error}");
    }
}

#[test]
fn prompts_of_a_trace_may_go_without_their_outputs() {
    let workplace = Workplace::new();
    workplace.write("t.csv", "arrival_s,input_tokens,output_tokens\n0,100,7\n1,200,1\n");
    let trace = "[workload]\ntrace = { path = \"t.csv\", prompts_only = true }\n";
    workplace.write("s.toml", format!("{SERVER}{trace}"));
    let result = workplace.run(&["run", "s.toml", "--format", "json"]).json();
    assert_near(&result["latency"]["e2e"]["max"], 0.001 + 200.0 * 10e-6);
    assert_eq!(result["latency"]["ttft"]["count"], 0);
    workplace.write("t.csv", "arrival_s,input_tokens,output_tokens\n0,100,0\n");
    let error = workplace.run(&["run", "s.toml"]);
    assert!(error.stderr.contains("prompts_only"), "{}", error.stderr);
}

#[test]
fn files_of_a_run_have_no_first_token() {
    let workplace = Workplace::new();
    workplace.write("s.toml", format!("{SERVER}{CROWD}"));
    let files = [
        "--requests-out",
        "r.csv",
        "--timeline-out",
        "t.csv",
        "--perfetto",
        "p.json",
    ];
    let ended = workplace.run(&[&["run", "s.toml"][..], &files].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let rows = std::fs::read_to_string(workplace.path("r.csv")).unwrap();
    let mut rows = csv::Reader::from_reader(rows.as_bytes());
    let headers = rows.headers().unwrap().clone();
    let column = |name: &str| headers.iter().position(|header| header == name).unwrap();
    let (first, output, end) = (column("first_token_s"), column("output_tokens"), column("finished_s"));
    let mut count = 0;
    for row in rows.records().map(Result::unwrap) {
        assert_eq!((&row[first], &row[output]), ("", "0"));
        assert!(!row[end].is_empty());
        count += 1;
    }
    assert_eq!(count, 32);
    let trace: Value = serde_json::from_str(&std::fs::read_to_string(workplace.path("p.json")).unwrap()).unwrap();
    assert!(!trace.to_string().contains("decode"), "nothing decodes");
}

#[test]
fn a_plan_judges_whole_answers_and_tries_batches_of_several_sizes() {
    let workplace = Workplace::new();
    workplace.write("s.toml", format!("{SERVER}{STREAM}"));
    let plan = workplace
        .run(&["plan", "s.toml", "--format", "json", "--seeds", "1"])
        .json();
    assert_eq!(
        plan["latency_budget"]["slo"][0]["metric"], "e2e",
        "{}",
        plan["latency_budget"]
    );
    let decisions = plan["decisions"].as_array().unwrap();
    let batching = decisions.iter().find(|it| it["name"] == "batching").unwrap();
    let because = batching["because"].as_str().unwrap();
    for words in [
        "static batches of 16 to 128",
        "static, 16 at most",
        "static, 128 at most",
        "continuous p99",
    ] {
        assert!(because.contains(words), "{because}");
    }
    let share = &plan["latency_budget"]["share_of_mean"];
    assert_eq!(share["decode"], 0.0);
}

#[test]
fn studies_work_without_tokens() {
    let workplace = Workplace::new();
    workplace.write("s.toml", format!("{SERVER}{STREAM}"));
    let set = ["--format", "json", "--seeds", "2"];
    let compare = ["compare", "s.toml", "--vary", "batching.policy=static,continuous"];
    let compared = workplace.run(&[&compare[..], &set].concat()).json();
    let metrics = compared["variations"][1]["differences"].as_array().unwrap();
    let names: Vec<_> = metrics.iter().map(|it| it["metric"].as_str().unwrap()).collect();
    assert_eq!(names, ["e2e.p99", "throughput.requests_per_s", "queue.depth.mean"]);
    let capacity = ["capacity", "s.toml", "--slo", "e2e.p90<50ms", "--no-range"];
    let found = workplace.run(&[&capacity[..], &set].concat()).json();
    assert!(number(&found["capacity"]) > 300.0, "{found}");
    let curve = workplace.run(&["curve", "s.toml", "--rate", "100,400,700", "--html", "c.html"]);
    assert_eq!(curve.code, Some(0), "{}", curve.stderr);
}
