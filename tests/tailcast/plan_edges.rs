//! Plans, curves and searches at their edges: what cannot be shown is not shown, and says why.

use serde_json::Value;

use crate::command::Workplace;

const SCENARIO: &str = r#"
name = "edges"
seed = 3
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
max_model_len = 8192
kv_blocks = 1000
step_time = { base_us = 10000, per_seq_us = 1000 }
[slo]
"e2e.p50" = "60s"
[workload]
"#;
const ROWS: u32 = 120;

/// A folder with a trace of a request a second, and a scenario that replays it.
fn with_short_trace() -> Workplace {
    let workplace = Workplace::new();
    let rows = (0..ROWS).map(|second| format!("{second},100,20\n"));
    let trace = std::iter::once("arrival_s,input_tokens,output_tokens\n".to_owned()).chain(rows);
    workplace.write("rows.csv", trace.collect::<String>());
    let workload = "trace = { path = \"rows.csv\", format = \"csv\" }\n";
    workplace.write("s.toml", format!("{SCENARIO}{workload}"));
    workplace
}

#[test]
fn a_crowd_has_no_more_users_than_there_are_requests() {
    let workplace = with_short_trace();
    let ended = workplace.run(&["plan", "s.toml", "--format", "json"]);
    let crowds = &ended.json()["concurrency"]["crowds"];
    let levels: Vec<u64> = crowds["levels"].as_array().unwrap().iter().map(users).collect();
    assert_eq!(levels, [1, 3, 10, 30, 100], "{}", ended.stderr);
    let text = workplace.run(&["plan", "s.toml"]).stdout;
    let said = "300 concurrent requests and more are never there at once, as a run has only 120 requests: left out";
    assert!(text.contains(said), "{text}");
}

fn users(level: &Value) -> u64 {
    level["users"].as_f64().unwrap() as u64
}

#[test]
fn a_curve_leaves_out_what_no_run_reaches() {
    let workplace = with_short_trace();
    let curve = |loads| {
        let all = [
            "curve",
            "s.toml",
            "--concurrency",
            loads,
            "--refine",
            "0",
            "--format",
            "json",
        ];
        workplace.run(&all)
    };
    let ended = curve("1,120,121,500");
    let points = ended.json()["points"].as_array().unwrap().len();
    assert_eq!(points, 2, "{}", ended.stdout);
    let said = "121 concurrent requests and more are never there at once, as a run has only 120 requests: left out";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    let ended = curve("500");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    assert!(ended.stderr.contains("ask for fewer at once"), "{}", ended.stderr);
}

#[test]
fn a_capacity_is_no_more_than_a_run_has_requests() {
    let workplace = with_short_trace();
    let all = [
        "capacity",
        "s.toml",
        "--no-changes",
        "--set",
        "workload.trace.concurrency=16",
    ];
    let ended = workplace.run(&[&all[..], &["--format", "json"]].concat());
    let capacity = ended.json();
    assert_eq!(capacity["is_at_least"], true, "{capacity}");
    let found = capacity["capacity"].as_f64().unwrap();
    assert!((16.0..=f64::from(ROWS)).contains(&found), "{capacity}");
}

#[test]
fn a_budget_is_judged_or_said_to_be_unknown() {
    let workplace = Workplace::new();
    // Every prompt is longer than the longest context, so that all are rejected.
    let workload = "requests = 500\narrivals = { process = \"poisson\", rate = 2.0 }\nprompt = { dist = \"fixed\", \
                    value = 9000 }\noutput = { dist = \"fixed\", value = 20 }\n[budget]\nper_day = 100\nbeyond = \
                    \"refuse\"\n";
    workplace.write("s.toml", format!("{SCENARIO}{workload}"));
    let ended = workplace.run(&["plan", "s.toml", "--format", "json"]);
    let plan = ended.json();
    let checks = plan["checks"].as_array().unwrap();
    let budget = checks.iter().find(|check| check["name"] == "budget").unwrap();
    assert_eq!(
        (&budget["outcome"], &budget["is_asked"]),
        (&"unknown".into(), &true.into())
    );
    let finding = budget["finding"].as_str().unwrap();
    assert!(finding.contains("no request was answered"), "{finding}");
    assert_eq!(ended.code, Some(99));
}

#[test]
fn servers_for_what_comes_at_once_are_refused_before_anything_is_simulated() {
    let workplace = Workplace::new();
    let workload = "requests = 500\narrivals = { process = \"at_once\" }\nprompt = { dist = \"fixed\", value = 100 }\n\
                    output = { dist = \"fixed\", value = 20 }\n";
    workplace.write("s.toml", format!("{SCENARIO}{workload}"));
    let ended = workplace.run(&["plan", "s.toml", "--over", "gpu=l40s", "--kubernetes", "fleet.yaml"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    assert!(
        ended.stderr.contains("--over: all its requests come at once"),
        "{}",
        ended.stderr
    );
    assert_eq!(workplace.listing(), ["s.toml"]);
}

#[test]
fn a_run_with_more_clients_than_requests_says_so() {
    let workplace = with_short_trace();
    let said = |clients| {
        let setting = format!("workload.trace.concurrency={clients}");
        workplace.run(&["run", "s.toml", "--set", &setting]).stderr
    };
    let warning = "there are 121 clients but only 120 requests";
    assert!(said(121).contains(warning));
    assert!(!said(120).contains("clients but only"));
}

#[test]
fn where_no_path_reaches_the_model_nothing_is_said_of_tokens() {
    let workplace = Workplace::new();
    let workload = "requests = 500\narrivals = { process = \"poisson\", rate = 2.0 }\nprompt = { dist = \"fixed\", \
                    value = 100 }\noutput = { dist = \"fixed\", value = 20 }\n[[path.stage]]\nname = \"gateway\"\n\
                    delay = \"1ms\"\ndown = [{ at = \"0s\", duration = \"100000s\" }]\n[[path.stage]]\nname = \
                    \"llm\"\n";
    workplace.write("s.toml", format!("{SCENARIO}{workload}"));
    let ended = workplace.run(&["plan", "s.toml", "--format", "json"]);
    let plan = ended.json();
    let why = |part: &Value| part["unknown"].as_str().unwrap().to_owned();
    assert_eq!(
        why(&plan["concurrency"]["servers"]),
        "at 2 req/s no request was answered"
    );
    let crowds = why(&plan["concurrency"]["crowds"]);
    assert_eq!(crowds, "no request reaches a server, whatever the load");
}
