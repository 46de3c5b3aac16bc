//! Variations side by side: what practice knows of batching, and differences that are no chance.

use std::fmt::Write;

use serde_json::Value;

use crate::capacities::{json, number};
use crate::command::Workplace;

const BATCHING: &str = r#"
name = "batching"
[model]
name = "llama-3.1-8b"
[server]
gpu = "l40s"
max_model_len = 8192
[batching]
max_num_seqs = 64
max_batch_size = 64
max_wait = "0s"
response = "row_end"
[workload]
requests = 1500
arrivals = { process = "poisson", rate = 1.0 }
prompt = { dist = "lognormal", median = 400, sigma = 0.7, max = 4000 }
output = { dist = "lognormal", median = 150, sigma = 0.7, max = 1500 }
[slo]
"e2e.p99" = "60s"
"#;

const DISCIPLINES: &str = "batching.policy=none,static,continuous";

fn compared(place: &Workplace, more: &[&str]) -> Vec<Value> {
    let mut arguments = vec!["compare", "batching.toml", "--vary", DISCIPLINES, "--format", "json"];
    arguments.extend(more);
    let found = json(&place.run(&arguments));
    found["variations"].as_array().unwrap().clone()
}

#[test]
fn alone_on_the_server_all_disciplines_are_the_same() {
    let place = Workplace::new();
    place.write("batching.toml", BATCHING);
    let closed = "workload.arrivals={ process = \"closed\", concurrency = 1 }";
    // Only continuous batching decides steps ahead, which hides the CPU's time.
    let in_turn = "batching.async_scheduling=false";
    let found = compared(
        &place,
        &["--no-capacity", "--seeds", "2", "--set", closed, "--set", in_turn],
    );
    let e2e: Vec<f64> = found.iter().map(|it| number(&it["latency"]["e2e"]["mean"])).collect();
    for other in &e2e[1..] {
        assert!((other / e2e[0] - 1.0).abs() < 0.01, "{e2e:?}");
    }
}

#[test]
fn two_scenarios_that_name_one_trace_meet_the_same_requests() {
    let place = Workplace::new();
    let (above, _) = BATCHING.split_once("[workload]").unwrap();
    let mut rows = "arrival_s,input_tokens,output_tokens\n".to_owned();
    for second in 0..50 {
        let _ = writeln!(rows, "{second},100,20");
    }
    place.write("trace.csv", &rows);
    let scenario = format!("{above}[workload]\ntrace = {{ path = \"trace.csv\" }}\n");
    place.write("one.toml", &scenario);
    place.write("other.toml", scenario.replace("max_num_seqs = 64", "max_num_seqs = 4"));
    let ended = place.run(&["compare", "one.toml", "other.toml", "--no-capacity"]);
    assert!(
        ended.stdout.contains("on the same recorded requests"),
        "{}",
        ended.stdout
    );

    place.write("more.csv", rows + "50,100,20\n");
    place.write("other.toml", scenario.replace("trace.csv", "more.csv"));
    let ended = place.run(&["compare", "one.toml", "other.toml", "--no-capacity"]);
    assert!(ended.stdout.contains("whose requests are others"), "{}", ended.stdout);
}

#[test]
fn under_load_static_batches_wait_waste_rows_and_carry_less() {
    let place = Workplace::new();
    place.write("batching.toml", BATCHING);
    let found = compared(&place, &["--seeds", "2"]);
    let [none, statics, continuous] = &found[..] else {
        panic!("three variations");
    };
    let ttft = |it: &Value| number(&it["latency"]["ttft"]["p99"]);
    assert!(ttft(none) > 10.0 * ttft(statics), "one at a time queues most");
    assert!(
        ttft(statics) > 20.0 * ttft(continuous),
        "a batch under way lets nobody in"
    );
    // Rows that have ended are computed on: more requests in a step than are still being served.
    let waste = |it: &Value| number(&it["gpu"]["mean_batch"]) / number(&it["queue"]["running"]["mean"]);
    assert!(waste(statics) > 1.3, "{} rows a request", waste(statics));
    assert!(waste(continuous) < 1.1, "{} rows a request", waste(continuous));

    let capacity = |it: &Value| number(&it["capacity"]);
    let ends = |it: &Value| (number(&it["capacity_ci95"][0]), number(&it["capacity_ci95"][1]));
    assert!(capacity(continuous) > 2.0 * capacity(statics));
    assert!(capacity(statics) > 1.5 * capacity(none));
    assert!(ends(continuous).0 > ends(statics).1, "the intervals are apart");

    // One at a time has no steady state, from which latencies could differ; what is served in a second does.
    let of = |it: &Value, name: &str| {
        let mut differences = it["differences"].as_array().unwrap().iter();
        differences.find(|it| it["metric"] == name).unwrap().clone()
    };
    let (e2e, tokens) = ("e2e.p99", "throughput.output_tokens_per_s");
    assert!(of(continuous, e2e)["mean"].is_null() && of(continuous, e2e)["ci95"].is_null());
    assert!(number(&of(continuous, tokens)["ci95"][0]) > 0.0, "no chance");
    assert!(
        number(&of(none, tokens)["mean"]).abs() < 1e-12,
        "the first is its own baseline"
    );
}

#[test]
fn the_verdict_says_in_words_how_many_times_as_much_with_its_interval() {
    let place = Workplace::new();
    place.write("batching.toml", BATCHING);
    let ended = place.run(&[
        "compare",
        "batching.toml",
        "--vary",
        "batching.policy=static,continuous",
        "--seeds",
        "2",
        "--html",
        "report.html",
        "--figure",
        "bars.svg",
        "--figure",
        "queue=queue.png",
    ]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let verdict = ended.stdout.lines().next().unwrap();
    assert!(verdict.starts_with("Verdict   continuous serves "), "{verdict}");
    assert!(
        verdict.contains("x [") && verdict.contains("] the rate of static under e2e p99 <= 60 s"),
        "{verdict}"
    );
    let page = std::fs::read_to_string(place.path("report.html")).unwrap();
    assert!(
        page.contains("continuous serves ") && page.len() < 1_000_000,
        "{}",
        page.len()
    );
    assert!(
        page.contains("tailcast compare batching.toml --vary"),
        "how to do it again"
    );
    assert!(
        !page.contains("src=\"http") && !page.contains("href=\"http"),
        "no network"
    );
    assert!(std::fs::read(place.path("queue.png")).unwrap().starts_with(b"\x89PNG"));
}

#[test]
fn the_same_seeds_make_differences_smaller_than_chance() {
    let place = Workplace::new();
    place.write("batching.toml", BATCHING);
    let found = json(&place.run(&[
        "compare",
        "batching.toml",
        "--vary",
        "batching.max_num_batched_tokens=2048,4096",
        "--seeds",
        "4",
        "--no-capacity",
        "--slo",
        "e2e.mean<60s",
        "--format",
        "json",
    ]));
    let [one, other] = &found["variations"].as_array().unwrap()[..] else {
        panic!("two variations");
    };
    let width = |value: &Value| number(&value[1]) - number(&value[0]);
    let alone = width(&one["latency"]["e2e"]["ci95"]["mean"]);
    let paired = other["differences"].as_array().unwrap().iter();
    let paired = paired.clone().find(|it| it["metric"] == "e2e.mean").unwrap();
    assert!(
        width(&paired["ci95"]) < 0.2 * alone,
        "{paired} beside an interval of {alone}"
    );
}

#[test]
fn a_trace_is_compared_once_and_two_files_may_differ_in_anything() {
    let place = Workplace::new();
    place.write("batching.toml", BATCHING);
    place.write("other.toml", BATCHING.replace("l40s", "h100-sxm"));
    let ended = place.run(&[
        "compare",
        "batching.toml",
        "other.toml",
        "--seeds",
        "2",
        "--no-capacity",
    ]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(
        ended.stdout.contains("batching ") && ended.stdout.contains("other "),
        "{}",
        ended.stdout
    );
    let mut trace = "arrival_s,input_tokens,output_tokens\n".to_owned();
    for row in 0..1200 {
        let _ = writeln!(trace, "{row},300,50");
    }
    place.write("trace.csv", trace);
    let ended = place.run(&[
        "compare",
        "--set",
        "workload={ trace = { path = \"trace.csv\" } }",
        "--vary",
        "server.gpu=l40s,h100-sxm",
        "--format",
        "json",
    ]);
    let found = json(&ended);
    assert_eq!(found["variations"][0]["runs"], 1, "more of the same tells nothing");
}

#[test]
fn tables_for_documents_have_the_rows_of_the_screen() {
    let place = Workplace::new();
    let compare = |format: &str| {
        let arguments = [
            "compare",
            "--vary",
            "batching.max_num_seqs=128,256",
            "--no-capacity",
            "--seeds",
            "2",
        ];
        let small = ["--set", "workload.requests=1500", "--quiet", "--format", format];
        let ended = place.run(&[&arguments[..], &small].concat());
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended.stdout
    };
    let markdown = compare("markdown");
    let cells = |line: &str| line.matches(" | ").count();
    let table: Vec<&str> = markdown.lines().take_while(|line| !line.is_empty()).collect();
    assert!(table[0].starts_with("| variation | SLO |"), "{markdown}");
    assert!(table[1].starts_with("|---|---|--:|"), "{markdown}");
    assert_eq!(table.len(), 4, "two headings and two rows: {markdown}");
    assert!(table[2..].iter().all(|row| cells(row) == cells(table[0])), "{markdown}");
    let latex = compare("latex");
    assert_eq!(
        latex.matches("\\begin{tabular}").count(),
        2,
        "numbers and differences: {latex}"
    );
    assert!(latex.contains("    max\\_num\\_seqs=128 & met & "), "{latex}");
    let rows = latex.lines().filter(|line| line.ends_with(" \\\\"));
    assert_eq!(rows.count(), 3 + 2, "{latex}");
}
