//! Met means met: one rule says in every verb whether what was asked for is shown to be met.

use rand::RngExt;

use serde_json::Value;
use tailcast::answer::{
    Base, CapacityQuestion, CompareQuestion, Control, CurveQuestion, LoadKind, MeasuredPoints, RunQuestion,
};

use crate::command::{Ended, Workplace};

/// One request at a time, 100 ms each: ten requests per second and no more.
const TEN_PER_SECOND: &str = r#"
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
max_model_len = 2048
step_time = { base_us = 10000 }
[batching]
policy = "none"
"#;

fn scenario(workload: &str) -> String {
    format!(
        "{TEN_PER_SECOND}\n[workload]\nprompt = {{ dist = \"fixed\", value = 100 }}\n\
         output = {{ dist = \"fixed\", value = 10 }}\n{workload}\n"
    )
}

fn run(workload: &str, flags: &[&str]) -> (Ended, Value) {
    let place = Workplace::new();
    place.write("s.toml", scenario(workload));
    let ended = place.run(&[&["run", "s.toml", "--format", "json"], flags].concat());
    let json = serde_json::from_str(&ended.stdout).unwrap_or(Value::Null);
    (ended, json)
}

/// Twice as many clients as are served, each of whom gives up after half a second.
const IMPATIENT: &str = "requests = 2000\narrivals = { process = \"poisson\", rate = 20 }\ntimeout = \"500ms\"";

#[test]
fn a_run_whose_clients_give_up_is_not_ok() {
    for flags in [&[][..], &["--slo", "ttft.p50<10s"]] {
        let (ended, json) = run(IMPATIENT, flags);
        assert_eq!(
            (ended.code, json["verdict"].as_str()),
            (Some(99), Some("slo_missed")),
            "{json:#}"
        );
        let success = json["slo"]
            .as_array()
            .unwrap()
            .iter()
            .find(|slo| slo["metric"] == "success");
        let success = success.expect("it says what is missed");
        assert_eq!((&success["limit"], &success["met"]), (&0.99.into(), &false.into()));
    }
    let (ended, json) = run(IMPATIENT, &["--slo-exit-zero"]);
    assert_eq!((ended.code, json["verdict"].as_str()), (Some(0), Some("slo_missed")));
    // Who asks for less gets it.
    let (ended, json) = run(IMPATIENT, &["--slo", "success>=10%"]);
    assert_eq!(
        (ended.code, json["verdict"].as_str()),
        (Some(0), Some("ok")),
        "{json:#}"
    );
}

#[test]
fn those_who_gave_up_count_as_misses_of_every_latency() {
    // A p50 of all is a p99.9 or so of those who were served; more than a tenth was never served.
    for (objective, verdict) in [("queue_wait.p50<10s", "ok"), ("queue_wait.p90<10s", "slo_missed")] {
        let (_, json) = run(
            IMPATIENT,
            &[
                "--slo",
                objective,
                "--slo",
                "success>=10%",
                "--set",
                "workload.arrivals.rate=13",
            ],
        );
        assert_eq!(json["verdict"].as_str(), Some(verdict), "{objective}: {json:#}");
    }
}

#[test]
fn refused_requests_are_no_success() {
    let mixed = "requests = 3000\narrivals = { process = \"poisson\", rate = 2 }\n\
                 prompt = { dist = \"mixture\", parts = [{ weight = 1, dist = \"fixed\", value = 100 }, \
                 { weight = 1, dist = \"fixed\", value = 4000 }] }\noutput = { dist = \"fixed\", value = 10 }";
    let place = Workplace::new();
    place.write("s.toml", format!("{TEN_PER_SECOND}\n[workload]\n{mixed}\n"));
    let ended = place.run(&["run", "s.toml", "--slo", "ttft.p99<10s", "--format", "json"]);
    let json: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((ended.code, json["verdict"].as_str()), (Some(99), Some("slo_missed")));
    let all_refused = "requests = 100\narrivals = { process = \"poisson\", rate = 2 }\nmax_tokens = 3000\n";
    for flags in [&[][..], &["--slo", "ttft.p99<10s"]] {
        let (ended, json) = run(
            &all_refused.replace("max_tokens = 3000\n", ""),
            &[flags, &["--set", "workload.prompt.value=4000"]].concat(),
        );
        assert_eq!(json["requests"]["rejected"], 100, "{}", ended.stderr);
        assert_eq!((ended.code, json["verdict"].as_str()), (Some(99), Some("slo_missed")));
    }
}

#[test]
fn too_few_samples_show_nothing() {
    let few = "requests = 100\narrivals = { process = \"poisson\", rate = 2 }";
    let (ended, json) = run(few, &["--slo", "ttft.p99<10s"]);
    assert_eq!((ended.code, json["verdict"].as_str()), (Some(99), Some("slo_unknown")));
    let (ended, _) = run(few, &["--slo", "ttft.p99<10s", "--slo-exit-zero"]);
    assert_eq!(ended.code, Some(0));
}

#[test]
fn what_is_served_can_be_an_objective() {
    let calm = "requests = 2000\narrivals = { process = \"poisson\", rate = 5 }";
    for (objective, code) in [
        ("output_tokens_per_s>=45", 0),
        ("output_tokens_per_s>=60", 99),
        ("requests_per_s>=4", 0),
        ("success>=99.9%", 0),
        ("errors<=0.1%", 0),
    ] {
        let (ended, json) = run(calm, &["--slo", objective]);
        assert_eq!(ended.code, Some(code), "{objective}: {json:#}");
    }
    for (wrong, hint) in [
        ("success<=99%", "success>=99%"),
        ("ttft.p99>2s", "ttft.p99<=2s"),
        ("success>=2s", "\"success\" = \"99.9%\""),
        ("output_tokens_per_s>=9%", "\"output_tokens_per_s\" = \"1000\""),
        ("sucess>=99%", "success"),
        ("errors<=200%", "errors"),
        ("ttft.p99", "'success>=99.9%'"),
    ] {
        let (ended, _) = run(calm, &["--slo", wrong]);
        assert!(
            ended.code == Some(2) && ended.stderr.contains(hint),
            "{wrong}: {}",
            ended.stderr
        );
    }
}

#[test]
fn a_comparison_names_no_winner_that_fails_its_clients() {
    let place = Workplace::new();
    place.write("s.toml", scenario(IMPATIENT));
    let compare = |vary: &str, flags: &[&str]| {
        place.run(
            &[
                &["compare", "s.toml", "--no-capacity", "--seeds", "2", "--vary", vary],
                flags,
            ]
            .concat(),
        )
    };
    // The short timeout has the shorter latencies, of those few who are served.
    let ended = compare("workload.timeout=500ms,600s", &["--set", "workload.arrivals.rate=9"]);
    let winner = ended.stdout.lines().next().unwrap();
    assert!(winner.contains("600s has the lowest"), "{}", ended.stdout);
    assert!(ended.stdout.contains("success"), "{}", ended.stdout);
    let ended = compare("workload.timeout=500ms,600ms", &[]);
    assert!(ended.stdout.contains("None of them is good enough"), "{}", ended.stdout);
    assert_eq!(ended.code, Some(99));
}

#[test]
fn numbers_without_a_steady_state_have_neither_intervals_nor_differences() {
    let place = Workplace::new();
    place.write(
        "s.toml",
        scenario("requests = 2000\narrivals = { process = \"poisson\", rate = 12 }"),
    );
    let arguments = [
        "compare",
        "s.toml",
        "--no-capacity",
        "--seeds",
        "3",
        "--vary",
        "workload.arrivals.rate=5,12",
    ];
    let ended = place.run(&arguments);
    assert!(ended.stdout.contains("no steady state of rate=12"), "{}", ended.stdout);
    let json: Value =
        serde_json::from_str(&place.run(&[&arguments[..], &["--format", "json"]].concat()).stdout).unwrap();
    let [calm, crowded] = [0, 1].map(|at| &json["variations"][at]);
    assert_eq!((&calm["steady"], &crowded["steady"]), (&true.into(), &false.into()));
    assert!(!calm["latency"]["e2e"]["ci95"].is_null() && crowded["latency"]["e2e"]["ci95"].is_null());
    for difference in crowded["differences"].as_array().unwrap() {
        let has_one = !difference["mean"].is_null();
        assert_eq!(
            has_one,
            difference["metric"] == "throughput.output_tokens_per_s",
            "{difference}"
        );
    }
}

#[test]
fn a_sweep_keeps_the_verdict_and_calls_no_failure_the_best() {
    let place = Workplace::new();
    place.write(
        "s.toml",
        scenario("requests = 2000\narrivals = { process = \"poisson\", rate = 12 }"),
    );
    place.write(
        "study.toml",
        "scenario = \"s.toml\"\nmetrics = [\"slo.met\", \"requests.success\", \"queue.grows\", \
         \"throughput.output_tokens_per_s\", \"e2e.mean\"]\n\
         [[axis]]\nkey = \"workload.arrivals.rate\"\nvalues = [2, 5, 12]\n",
    );
    let ended = place.run(&["sweep", "study.toml", "--slo", "e2e.p99<1s", "--out", "r.csv"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let report = place.run(&["report", "r.csv"]);
    let best = report
        .stdout
        .lines()
        .find(|line| line.contains("Best      throughput"))
        .unwrap();
    assert!(best.contains("rate=5"), "{}", report.stdout);
    assert!(
        report.stdout.contains("no steady state at 1 of 3 points"),
        "{}",
        report.stdout
    );
    let results = std::fs::read_to_string(place.path("r.csv")).unwrap();
    let met: Vec<&str> = results.lines().filter_map(|line| line.split(',').nth(6)).collect();
    assert_eq!(met, ["slo.met", "1", "1", "0"], "{results}");
}

#[test]
fn a_sweep_of_latencies_says_where_the_queue_grows_whether_asked_or_not() {
    let place = Workplace::new();
    place.write(
        "s.toml",
        scenario("requests = 2000\narrivals = { process = \"poisson\", rate = 12 }"),
    );
    for (metric, says_so) in [
        ("ttft.p99", true),
        ("queue.depth.mean", true),
        ("gpu.busy_fraction", false),
    ] {
        place.write(
            "study.toml",
            format!(
                "scenario = \"s.toml\"\nmetrics = [\"{metric}\"]\n\
                 [[axis]]\nkey = \"workload.arrivals.rate\"\nvalues = [2, 12]\n"
            ),
        );
        let results = format!("{metric}.csv");
        let ended = place.run(&["sweep", "study.toml", "--out", &results]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let report = place.run(&["report", &results]).stdout;
        assert_eq!(
            report.contains("no steady state at 1 of 2 points"),
            says_so,
            "{metric}: {report}"
        );
    }
}

#[test]
fn an_interrupted_run_has_no_verdict_and_leaves_no_files() {
    let place = Workplace::new();
    place.write(
        "s.toml",
        scenario("requests = 50000000\narrivals = { process = \"poisson\", rate = 5 }"),
    );
    let child = place
        .command(&[
            "run",
            "s.toml",
            "--format",
            "json",
            "--timeline-out",
            "t.csv",
            "--timeline-interval",
            "1h",
        ])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    let ended = Ended::interrupted(child);
    let json: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(
        (ended.code, &json["complete"], &json["verdict"]),
        (Some(130), &false.into(), &Value::Null)
    );
    assert_eq!(place.listing(), ["s.toml"]);
}

/// A random scenario, with a load and an objective on it.
fn world(random: &mut impl rand::Rng) -> (String, f64) {
    let rate = [3.0, 8.0, 9.5, 12.0, 20.0][random.random_range(0..5)];
    let requests = [150, 1_200, 2_500][random.random_range(0..3)];
    let policy = ["none", "static", "continuous"][random.random_range(0..3)];
    let timeout = ["", "timeout = \"800ms\"\n", "timeout = \"3s\"\n"][random.random_range(0..3)];
    let longest = [100, 900, 5_000][random.random_range(0..3)];
    let slo = [
        "",
        "\"ttft.p99\" = \"2s\"",
        "\"e2e.mean\" = \"1s\"",
        "\"success\" = \"90%\"",
        "\"e2e.p50\" = \"400ms\"",
    ];
    let slo = slo[random.random_range(0..slo.len())];
    let text = format!(
        "{}\n[workload]\nrequests = {requests}\n{timeout}arrivals = {{ process = \"poisson\", rate = {rate} }}\n\
         prompt = {{ dist = \"uniform\", min = 1, max = {longest} }}\noutput = {{ dist = \"fixed\", value = 10 }}\n\
         [slo]\n{slo}\n",
        TEN_PER_SECOND.replace("\"none\"", &format!("\"{policy}\"")),
    );
    (text, rate)
}

#[test]
fn all_verbs_agree_on_what_is_met_and_none_calls_failing_runs_ok() {
    let mut random = tailcast::stats::streams::stream(14, "verdicts");
    let control = Control::default();
    for number in 0..60 {
        let (text, rate) = world(&mut random);
        let base = Base::from_toml(&text);
        let run = RunQuestion::of(base.clone()).answer(&control).unwrap();
        let run: Value = serde_json::from_str(&run.to_json()).unwrap();
        let verdict = run["verdict"].as_str().unwrap();
        let requests = &run["requests"];
        let [finished, arrived] = ["finished", "arrived"].map(|name| requests[name].as_f64().unwrap());
        let least = if text.contains("\"success\"") { 0.9 } else { 0.99 };
        assert!(
            verdict != "ok" || finished >= least * arrived,
            "{number}: {text}\n{run:#}"
        );

        let has_slo = run["slo"].as_array().unwrap().iter().any(|slo| !slo["limit"].eq(&0.99));
        let expected = match verdict {
            "ok" => has_slo.then_some(true),
            "slo_missed" => Some(false),
            "saturated" => has_slo.then_some(false),
            _ => None,
        };
        let curve = CurveQuestion {
            finds_ranges: false,
            base: base.clone(),
            kind: LoadKind::Rate,
            loads: vec![rate],
            seeds: 1,
            refinements: 0,
            measured: MeasuredPoints::default(),
        };
        let curve: Value = serde_json::from_str(&curve.answer(&control).unwrap().to_json()).unwrap();
        assert_eq!(
            curve["points"][0]["slo_met"].as_bool(),
            expected,
            "{number}: {text}\n{run:#}"
        );

        let compare = CompareQuestion {
            scenarios: vec![base.clone(), base.clone()],
            seeds: Some(1),
            finds_capacities: false,
            ..CompareQuestion::default()
        };
        if let Ok(compare) = compare.answer(&control) {
            let compare: Value = serde_json::from_str(&compare.to_json()).unwrap();
            assert_eq!(
                compare["variations"][0]["slo_met"].as_bool(),
                expected,
                "{number}: {text}"
            );
        }
    }
}

#[test]
fn a_capacity_is_a_load_that_a_run_as_long_meets() {
    let text = scenario("requests = 1500\narrivals = { process = \"poisson\", rate = 4 }\n[slo]\n\"e2e.p99\" = \"1s\"");
    let base = Base::from_toml(&text);
    let question = CapacityQuestion {
        base: base.clone(),
        seeds: Some(1),
        tries_changes: false,
        ..CapacityQuestion::default()
    };
    let capacity: Value = serde_json::from_str(&question.answer(&Control::default()).unwrap().to_json()).unwrap();
    let length = capacity["length"].as_u64().unwrap();
    for (place, verdict) in [("met", "ok"), ("missed", "slo_missed")] {
        let load = capacity["seeds"][0][place].as_f64().unwrap();
        let text = text.replace("rate = 4", &format!("rate = {load}"));
        let text = text.replace("requests = 1500", &format!("requests = {}", 1_500 * length));
        let run = RunQuestion::of(Base::from_toml(&text))
            .answer(&Control::default())
            .unwrap();
        let run: Value = serde_json::from_str(&run.to_json()).unwrap();
        assert_eq!(run["verdict"].as_str(), Some(verdict), "{place} {load}");
    }
}

#[test]
fn a_server_of_ten_requests_per_second_is_given_no_more() {
    for requests in [2_000, 10_000] {
        let text = scenario(&format!(
            "requests = {requests}\narrivals = {{ process = \"poisson\", rate = 4 }}\n[slo]\n\"e2e.p99\" = \"30s\""
        ));
        let question = CapacityQuestion {
            base: Base::from_toml(&text),
            tries_changes: false,
            ..CapacityQuestion::default()
        };
        let capacity: Value = serde_json::from_str(&question.answer(&Control::default()).unwrap().to_json()).unwrap();
        let found = capacity["capacity"].as_f64().unwrap();
        assert!((9.7..=10.0).contains(&found), "{requests}: {capacity:#}");
    }
}
