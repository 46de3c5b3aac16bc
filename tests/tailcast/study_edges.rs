//! Where searches and comparisons end: loads that no scenario may have, seeds without an answer, objectives that
//! differ.

use std::fs;

use serde_json::Value;

use crate::capacities::{M_M_1, json, number};
use crate::command::Workplace;

fn capacity(place: &Workplace, more: &[&str]) -> crate::command::Ended {
    let mut arguments = vec!["capacity", "mm1.toml", "--no-changes", "--seeds", "2"];
    arguments.extend(more);
    place.run(&arguments)
}

/// Short runs.
fn short() -> String {
    M_M_1.replace("requests = 40000", "requests = 2000")
}

fn m_m_1() -> Workplace {
    let place = Workplace::new();
    place.write("mm1.toml", short());
    place
}

#[test]
fn a_rate_that_some_seed_cannot_serve_at_all_ends_and_exits_with_99() {
    let place = m_m_1();
    // A tenth of the mean service time is met at no load.
    let ended = capacity(&place, &["--slo", "e2e.mean<50ms", "--rate", "2"]);
    assert_eq!(ended.code, Some(99), "{}{}", ended.stdout, ended.stderr);
    assert!(
        ended.stdout.contains("no number that was tried is enough"),
        "{}",
        ended.stdout
    );
}

#[test]
fn an_objective_that_nothing_meets_ends_below_where_runs_would_last_for_months() {
    let place = m_m_1();
    let more = ["--slo", "e2e.mean<50ms", "--set", "workload.requests=100000"];
    let ended = capacity(&place, &more);
    assert_eq!(ended.code, Some(99), "{}{}", ended.stdout, ended.stderr);
    assert!(
        ended.stdout.contains("No load meets e2e mean <= 50 ms"),
        "{}",
        ended.stdout
    );
}

#[test]
fn an_objective_that_everything_meets_says_so() {
    let place = m_m_1();
    let ended = capacity(&place, &["--slo", "e2e.mean<100h", "--of", "concurrency"]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains(" and more meet "), "{}", ended.stdout);
}

#[test]
fn a_workload_of_a_duration_has_a_capacity_too() {
    let place = m_m_1();
    place.write("mm1.toml", short().replace("requests = 2000", "duration = \"3000s\""));
    let more = ["--slo", "e2e.p99<8s", "--format", "json"];
    let found = json(&capacity(&place, &more));
    // On paper ln(100) / (2 - lambda) = 8 at 1.42 requests/s.
    let rate = number(&found["capacity"]);
    assert!((1.2..1.6).contains(&rate), "{rate}");
}

#[test]
fn a_queue_of_clients_does_not_grow_without_end() {
    let place = m_m_1();
    let closed = "workload.arrivals={ process = \"closed\", concurrency = 600 }";
    let ended = place.run(&["run", "mm1.toml", "--set", closed, "--format", "json"]);
    let run = json(&ended);
    assert_eq!(run["verdict"], "ok");
}

#[test]
#[ignore = "long"]
fn how_many_clients_a_server_carries_hardly_depends_on_the_length_of_the_run() {
    let place = Workplace::new();
    let of = |requests: &str| {
        let requests = format!("workload.requests={requests}");
        let found = json(&place.run(&[
            "capacity",
            "--of",
            "concurrency",
            "--slo",
            "ttft.p99<1s",
            "--set",
            "slo={ \"ttft.p99\" = \"1s\" }",
            "--set",
            &requests,
            "--seeds",
            "1",
            "--no-changes",
            "--format",
            "json",
        ]));
        number(&found["capacity"])
    };
    let (short, long) = (of("1000"), of("8000"));
    assert!((short / long - 1.0).abs() < 0.03, "{short} and {long}");
}

#[test]
fn rates_of_sessions_are_called_so() {
    let place = m_m_1();
    let sessions = "workload.session={ turns = 5, think = \"1s\" }";
    let more = ["--slo", "e2e.mean<5s", "--set", sessions];
    let ended = capacity(&place, &more);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains(" sessions/s"), "{}", ended.stdout);
}

#[test]
fn a_change_that_changes_nothing_gains_nothing() {
    let place = Workplace::new();
    let found = json(&place.run(&[
        "capacity",
        "--set",
        "workload.requests=1500",
        "--slo",
        "tpot.p99<20ms",
        "--seeds",
        "2",
        "--format",
        "json",
    ]));
    let tried = found["tried"].as_array().unwrap();
    let is_it = |it: &&Value| it["change"] == "max_num_seqs 512";
    let idle = tried.iter().find(is_it).unwrap();
    assert!((number(&idle["times"]) - 1.0).abs() < 1e-12, "{idle}");
}

#[test]
fn files_with_other_seeds_meet_the_same_requests_and_other_objectives_are_not_mixed() {
    let place = m_m_1();
    place.write("other.toml", short().replace("seed = 11", "seed = 99"));
    let arguments = [
        "compare",
        "mm1.toml",
        "other.toml",
        "--seeds",
        "3",
        "--no-capacity",
        "--format",
        "json",
    ];
    let found = json(&place.run(&arguments));
    for difference in found["variations"][1]["differences"].as_array().unwrap() {
        if !difference["mean"].is_null() {
            assert!(number(&difference["mean"]).abs() < 1e-12, "{difference}");
        }
    }
    place.write("a.toml", short() + "[slo]\n\"e2e.mean\" = \"2s\"\n");
    place.write("b.toml", short() + "[slo]\n\"e2e.mean\" = \"9s\"\n");
    let ended = place.run(&["compare", "a.toml", "b.toml", "--seeds", "2"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("objectives differ"), "{}", ended.stdout);
    let ended = place.run(&["compare", "a.toml", "--vary", "seed=1,2"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("--seeds 8"), "{}", ended.stderr);
}

#[test]
#[ignore = "long"]
fn a_ratio_is_one_over_the_ratio_the_other_way_round() {
    let place = m_m_1();
    let ratio = |slow_first: bool| -> f64 {
        let (slow, fast) = ("{ base_us = 2000 }", "{ base_us = 1000 }");
        let (one, other) = if slow_first { (slow, fast) } else { (fast, slow) };
        let vary = format!("server.step_time={one},{other}");
        let ended = place.run(&[
            "compare",
            "mm1.toml",
            "--vary",
            &vary,
            "--seeds",
            "3",
            "--slo",
            "e2e.mean<4s",
        ]);
        let verdict = ended.stdout.lines().next().unwrap();
        let after = verdict.split(" serves ").nth(1).unwrap_or_else(|| panic!("{verdict}"));
        after.split('x').next().unwrap().parse().unwrap()
    };
    let (one, other) = (ratio(true), ratio(false));
    assert!((one / other - 1.0).abs() < 0.02, "{one} and {other}");
    // Services twice as fast, and less of the limit is service.
    assert!((2.0..3.0).contains(&one), "{one}");
}

#[test]
fn curves_say_what_they_cannot_judge() {
    let place = m_m_1();
    let ended = place.run(&[
        "curve",
        "mm1.toml",
        "--rate",
        "0.5,1",
        "--set",
        "workload.requests=500",
        "--slo",
        "e2e.p99<9s",
    ]);
    assert_eq!(ended.code, Some(99), "{}", ended.stderr);
    assert!(ended.stdout.contains("too few samples to judge"), "{}", ended.stdout);
    let grown = place.run(&[
        "curve",
        "mm1.toml",
        "--rate",
        "1,3",
        "--slo",
        "e2e.mean<100h",
        "--format",
        "json",
        "--refine",
        "0",
    ]);
    // As for a capacity: a queue that grows to the end meets nothing.
    assert_eq!(json(&grown)["points"][1]["slo_met"], false);
}

#[test]
fn results_of_several_plans_and_axes_that_are_columns_are_refused() {
    let place = Workplace::new();
    let study = |values: &str| {
        format!(
            "set = {{ \"workload.requests\" = 50 }}\nmetrics = [\"ttft.mean\"]\n[[axis]]\nkey = \
             \"workload.arrivals.rate\"\nvalues = [{values}]\n"
        )
    };
    place.write("study.toml", study("1, 2"));
    assert_eq!(place.run(&["sweep", "study.toml", "--out", "a.csv"]).code, Some(0));
    place.write("study.toml", study("1, 3"));
    assert_eq!(place.run(&["sweep", "study.toml", "--out", "b.csv"]).code, Some(0));
    let read = |name: &str| fs::read_to_string(place.path(name)).unwrap();
    let (a, b) = (read("a.csv"), read("b.csv"));
    place.write("both.csv", a + b.split_once('\n').unwrap().1);
    let ended = place.run(&["report", "both.csv"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("it has runs of plan"), "{}", ended.stderr);

    place.write("study.toml", "[[axis]]\nkey = \"seed\"\nvalues = [1, 2]\n");
    let ended = place.run(&["sweep", "study.toml", "--out", "c.csv"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("seeds = 4"), "{}", ended.stderr);

    place.write("study.toml", study("1, 2"));
    place.write("d.csv.partial", "my own notes");
    let ended = place.run(&["sweep", "study.toml", "--out", "d.csv"]);
    assert_eq!(ended.code, Some(2));
    assert_eq!(read("d.csv.partial"), "my own notes");
}

#[test]
fn a_scenario_that_changes_during_a_sweep_changes_nothing() {
    use std::thread::sleep;
    use std::time::{Duration, Instant};

    let place = m_m_1();
    place.write(
        "study.toml",
        "scenario = \"mm1.toml\"\nseeds = 400\nmetrics = [\"ttft.mean\"]\n[[axis]]\nkey = \"workload.arrivals.rate\"\n\
         values = [0.5, 1]\n",
    );
    let undisturbed = place.run(&["sweep", "study.toml", "--out", "undisturbed.csv"]);
    assert_eq!(undisturbed.code, Some(0), "{}", undisturbed.stderr);
    let child = place
        .command(&["sweep", "study.toml", "--out", "r.csv"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let started = Instant::now();
    let has_begun = || fs::metadata(place.path("r.csv.partial")).is_ok_and(|it| it.len() > 200);
    while !has_begun() && started.elapsed() < Duration::from_secs(30) {
        sleep(Duration::from_millis(1));
    }
    place.write("mm1.toml", short().replace("mean = 500", "mean = 501"));
    let ended = crate::command::Ended::of(child.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let read = |name: &str| fs::read(place.path(name)).unwrap();
    assert_eq!(read("r.csv"), read("undisturbed.csv"));
}

#[test]
fn threads_change_no_byte_of_any_study() {
    let place = m_m_1();
    let slo = ["--slo", "e2e.mean<2s", "--format", "json"];
    for verb in [
        &[
            "compare",
            "mm1.toml",
            "--vary",
            "batching.policy=none,static",
            "--seeds",
            "3",
        ][..],
        &["curve", "mm1.toml", "--rate", "0.5..2", "--seeds", "3"],
        &["capacity", "mm1.toml", "--seeds", "3"],
        &[
            "capacity",
            "mm1.toml",
            "--seeds",
            "3",
            "--rate",
            "4",
            "--no-changes",
            "--no-range",
            "--set",
            "workload.requests=4000",
        ],
    ] {
        let printed = |jobs: &str| {
            let mut arguments = verb.to_vec();
            arguments.extend(slo);
            arguments.extend(["--jobs", jobs]);
            let ended = place.run(&arguments);
            assert_eq!(ended.code, Some(0), "{}", ended.stderr);
            ended.stdout
        };
        let one = printed("1");
        assert!(one == printed("8"), "{verb:?}");
    }
}
