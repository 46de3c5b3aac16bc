//! The way of requests to the model and back, from the scenario to the result.

use std::fmt::Write;

use serde_json::Value;
use tailcast::answer::{Base, CheckQuestion, Control, RunQuestion};

use crate::command::Workplace;

/// Steps of a millisecond, and nothing in front of the server.
const SERVER: &str = r#"
    model.name = "llama-3.1-8b"
    [server]
    gpu = "h100-sxm"
    step_time = { base_us = 1000, per_token_us = 0, per_seq_us = 0 }
"#;

fn run(text: &str, seeds: u32) -> Value {
    let question = RunQuestion {
        seeds,
        ..RunQuestion::of(Base::from_toml(text))
    };
    let answer = question
        .answer(&Control::default())
        .unwrap_or_else(|problem| panic!("{}", problem.diagnostic));
    serde_json::from_str(&answer.to_json()).unwrap()
}

fn stage<'a>(result: &'a Value, name: &str) -> &'a Value {
    let stages = result["stages"].as_array().unwrap();
    stages
        .iter()
        .find(|stage| stage["name"] == name)
        .expect("it has the stage")
}

fn is_near(found: &Value, expected: f64) -> bool {
    (found.as_f64().unwrap() / expected - 1.0).abs() < 1e-9
}

#[test]
fn the_p99_of_stages_do_not_add_up_to_that_of_the_path() {
    // 50 + 20 + 50 + 500 + 1,500 + 100 ms. An exponential time has its p99 at ln 100 of its means.
    let p99_ms = [50.0, 20.0, 50.0, 500.0, 1500.0, 100.0];
    let mut text = format!(
        "{SERVER}
        [workload]
        requests = 40000
        arrivals = {{ process = \"poisson\", rate = 50.0 }}
        prompt = {{ dist = \"fixed\", value = 10 }}
        output = {{ dist = \"fixed\", value = 1 }}
        [[path.stage]]
        name = \"llm\"\n"
    );
    for (number, p99) in p99_ms.into_iter().enumerate() {
        let mean_us = 1e3 * p99 / 100.0_f64.ln();
        let delay = format!("{{ dist = \"exponential\", mean = \"{mean_us}us\" }}");
        writeln!(text, "[[path.stage]]\nname = \"stage {number}\"\ndelay = {delay}").unwrap();
    }
    let result = run(&text, 1);
    for (number, p99) in p99_ms.into_iter().enumerate() {
        let found = stage(&result, &format!("stage {number}"))["latency"]["p99"]
            .as_f64()
            .unwrap();
        assert!((1e3 * found / p99 - 1.0).abs() < 0.05, "{number}: {found}");
    }
    let sum = result["path"]["sum_of_p99_s"].as_f64().unwrap();
    assert!((sum / 2.22 - 1.0).abs() < 0.03, "{sum}");
    let whole = result["path"]["total"]["p99"].as_f64().unwrap();
    assert!(whole < 0.85 * sum && whole > 1.5, "{whole} of {sum}");
    let shares = result["path"]["share_of_mean"].as_object().unwrap();
    let stages = shares.iter().filter(|(name, _)| !name.starts_with("llm."));
    let all: f64 = stages.map(|(_, share)| share.as_f64().unwrap()).sum();
    assert!(
        (all - 1.0).abs() < 1e-9,
        "shares of a path without branches add up to one: {all}"
    );
    let parts = ["llm.queue", "llm.prefill", "llm.decode"].map(|name| shares[name].as_f64().unwrap());
    assert!((parts.iter().sum::<f64>() / shares["llm"].as_f64().unwrap() - 1.0).abs() < 1e-9);
}

/// An agent that calls the model three times, a tool of a second between two calls.
const AGENT: &str = r#"
    [batching]
    prefix_caching = true
    async_scheduling = false
    [workload]
    requests = 1
    arrivals = { process = "at_once" }
    prompt = { dist = "fixed", value = 160 }
    output = { dist = "fixed", value = 16 }
    [[path.stage]]
    name = "gateway"
    delay = "5ms"
    [[path.stage]]
    name = "llm"
    times = 3
    [[path.stage]]
    name = "tool"
    delay = "1s"
    between_calls = true
    result_tokens = 80
    [[path.stage]]
    name = "stream"
    delay = "2ms"
"#;

#[test]
fn an_agent_calls_the_model_again_with_all_that_was_said() {
    let place = Workplace::new();
    place.write("agent.toml", format!("{SERVER}{AGENT}"));
    let ended = place.run(&["run", "agent.toml", "--format", "json", "--requests-out", "calls.csv"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let result: Value = serde_json::from_str(&ended.stdout).unwrap();
    // A step of a millisecond a token: 5 + 3 * 16 + 2 * 1000 + 2 ms.
    assert!(is_near(&result["path"]["total"]["mean"], 2.055), "{}", result["path"]);
    // The last call's first token comes after a millisecond, and 2 ms more to the client.
    assert!(
        is_near(&result["path"]["first_token"]["mean"], 2.055 - 0.015),
        "{}",
        result["path"]
    );
    assert!(is_near(&stage(&result, "llm")["latency"]["mean"], 0.048));
    assert!(is_near(&stage(&result, "tool")["latency"]["mean"], 2.0));
    assert!(is_near(&stage(&result, "llm.decode")["latency"]["mean"], 0.045));
    assert_eq!(result["requests"]["arrived"], 3);
    let calls = std::fs::read_to_string(place.path("calls.csv")).unwrap();
    let column = |name: &str| {
        let titles: Vec<&str> = calls.lines().next().unwrap().split(',').collect();
        let place = titles.iter().position(|title| *title == name).unwrap();
        let values = calls
            .lines()
            .skip(1)
            .map(|line| line.split(',').nth(place).unwrap().to_owned());
        values.collect::<Vec<_>>()
    };
    assert_eq!(column("input_tokens"), ["160", "256", "352"]);
    // The last token of an answer is never computed, so that the block of 16 that it is in is not found.
    assert_eq!(column("cached_tokens"), ["0", "160", "256"]);
}

#[test]
fn a_prompt_that_grows_stays_within_the_model() {
    let text = format!("{SERVER} max_model_len = 300\n{AGENT}");
    let result = run(&text, 1);
    assert_eq!(result["requests"]["finished"], 3);
    assert_eq!(result["requests"]["rejected"], 0);
    // 160, 256 and, cut, 284.
    let tokens = result["throughput"]["input_tokens_per_s"].as_f64().unwrap();
    let seconds = result["throughput"]["duration_s"].as_f64().unwrap();
    assert!((tokens * seconds - 700.0).abs() < 1e-6);
}

/// Retrieval that is down at times, one that is full at times, and a model that is slow for its clients' patience.
const DEGRADED: &str = r#"
    [workload]
    requests = 3000
    arrivals = { process = "poisson", rate = 30.0 }
    prompt = { dist = "fixed", value = 100 }
    output = { dist = "exponential", mean = 100 }
    [client]
    timeout = "300ms"
    [[path.stage]]
    name = "retrieval"
    delay = { dist = "gamma", mean = "30ms", cv = 0.5 }
    down = [{ at = "20s", duration = "10s" }]
    fallback = "memory"
    [[path.stage]]
    name = "memory"
    delay = "1ms"
    [[path.stage]]
    name = "rerank"
    servers = 1
    service = { dist = "exponential", mean = "30ms" }
    queue = 4
    fallback = "skip"
    [[path.stage]]
    name = "moderation"
    servers = 1
    service = "30ms"
    queue = 10
    [[path.stage]]
    name = "llm"
    fallback = "stale"
    [[path.stage]]
    name = "stale"
    delay = "10ms"
"#;

#[test]
fn every_path_ends_once_as_a_whole_degraded_or_failed() {
    let result = run(&format!("{SERVER}{DEGRADED}"), 1);
    let path = &result["path"];
    let answered = path["total"]["count"].as_f64().unwrap();
    let failed = path["failed_share"].as_f64().unwrap();
    assert!((answered + failed * 3000.0 - 3000.0).abs() < 1e-6);
    assert!(
        failed > 0.0 && path["degraded_share"].as_f64().unwrap() > 0.05,
        "{path}"
    );
    let by = path["degraded_by"].as_object().unwrap();
    assert_eq!(by.keys().collect::<Vec<_>>(), ["memory", "skip rerank", "stale"]);
    assert!(by.values().all(|count| count.as_u64() > Some(0)), "{by:?}");
    // All that the model did not answer is answered by what stands in for it.
    assert_eq!(by["stale"], result["requests"]["timed_out"]);
    assert_eq!(stage(&result, "llm")["refused"], result["requests"]["timed_out"]);
    let failed = (failed * 3000.0).round() as u64;
    assert_eq!(stage(&result, "moderation")["failed"], failed);
    // The model is called by those who get so far.
    assert_eq!(result["requests"]["arrived"], 3000 - failed);
    // Retrieval is down for 10 s of 100, at 30 requests a second.
    let memory = by["memory"].as_f64().unwrap();
    assert!((230.0..370.0).contains(&memory), "{memory}");
}

#[test]
fn the_text_says_who_takes_most_and_what_was_degraded() {
    let place = Workplace::new();
    place.write("path.toml", format!("{SERVER}{DEGRADED}"));
    let ended = place.run(&["run", "path.toml"]);
    for part in [
        "path (ms)",
        "  llm.decode",
        "memory (fallback)",
        "the p99 of the stages add up to",
        "Budget    ",
        "Degraded  ",
        " at moderation",
    ] {
        assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
    }
    let longest = ended.stdout.lines().filter(|line| line.starts_with("retrieval"));
    assert_eq!(longest.count(), 1);
}

#[test]
fn objectives_on_the_path_are_judged_and_a_failed_path_misses_them() {
    let place = Workplace::new();
    place.write(
        "agent.toml",
        format!("{SERVER}{AGENT}").replace("requests = 1\n", "requests = 1000\n"),
    );
    place.write("path.toml", format!("{SERVER}{DEGRADED}"));
    place.write(
        "plain.toml",
        format!("{SERVER}{}", AGENT.split("[[path").next().unwrap()),
    );
    let code = |arguments: &[&str]| place.run(&[&["run"], arguments].concat()).code;
    assert_eq!(code(&["agent.toml", "--slo", "path.p99<60s"]), Some(0));
    assert_eq!(code(&["agent.toml", "--slo", "path.p50<1s"]), Some(99));
    assert_eq!(code(&["agent.toml", "--slo", "path_ttft.p99<1s"]), Some(99));
    let ended = place.run(&["run", "path.toml", "--slo", "path.max<60s", "--slo", "success>=10%"]);
    assert_eq!(ended.code, Some(99));
    assert!(
        ended.stdout.contains("path max <= 60 s   got no end"),
        "{}",
        ended.stdout
    );
    let ended = place.run(&["run", "plain.toml", "--slo", "path.p99<2s"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("[[path.stage]]"), "{}", ended.stderr);
}

#[test]
fn paths_are_the_same_bytes_on_any_number_of_threads_and_pool_over_seeds() {
    let place = Workplace::new();
    place.write("path.toml", format!("{SERVER}{DEGRADED}"));
    let with_jobs = |jobs: &str| {
        let arguments = ["run", "path.toml", "--seeds", "6", "--jobs", jobs, "--format", "json"];
        place.run(&[&arguments[..], &["--slo-exit-zero"]].concat()).stdout
    };
    let one = with_jobs("1");
    assert_eq!(one, with_jobs("4"));
    let result: Value = serde_json::from_str(&one).unwrap();
    assert!(
        result["path"]["total"]["ci95"]["p99"][0].is_number(),
        "{}",
        result["path"]
    );
    let answered = result["path"]["total"]["count"].as_f64().unwrap();
    let failed = result["path"]["failed_share"].as_f64().unwrap();
    assert!((answered + failed * 18_000.0 - 18_000.0).abs() < 1e-6);
}

#[test]
fn both_engines_and_both_fleets_tell_the_same_of_requests_on_a_path() {
    let fleet = r#"
        [fleet]
        servers = 3
        router = "prefix_aware"
        [[fleet.fault]]
        kind = "crash"
        mtbf = "30s"
        restart = "5s"
        [client.retry]
        max = 1
    "#;
    let sessions = "session = { turns = { dist = \"uniform\", min = 1, max = 4 }, think = \"50ms\" }\n[client]";
    let closed = "arrivals = { process = \"closed\", concurrency = 20 }";
    let tool = "[[path.stage]]\nname = \"tool\"\nservers = 2\nservice = { dist = \"exponential\", mean = \"20ms\" }\n\
                between_calls = true\nresult_tokens = 40\nfallback = \"skip\"\nqueue = 3\n";
    let agent = DEGRADED.replace("name = \"llm\"", "name = \"llm\"\ntimes = 3");
    let in_sessions = DEGRADED.replace("[client]", sessions);
    let in_loop = DEGRADED.replace("arrivals = { process = \"poisson\", rate = 30.0 }", closed);
    let outstanding = DEGRADED.replace("[client]", "[client]\nmax_outstanding = 8");
    for path in [
        DEGRADED.to_owned(),
        format!("{agent}{tool}"),
        in_sessions,
        in_loop,
        outstanding,
    ] {
        let path = path.replace("requests = 3000", "requests = 400");
        for servers in ["", fleet] {
            let caching = "[batching]\nprefix_caching = true\n";
            let text = format!("{SERVER}{caching}{path}{servers}");
            let base = Base::from_toml(&text);
            let answer = CheckQuestion { base }.answer(&Control::default());
            let answer = answer.unwrap_or_else(|problem| panic!("{}: {text}", problem.diagnostic));
            assert!(answer.events > 400, "{answer:?}: {text}");
        }
    }
}
