//! A sweep gives the same file in one piece, in shards, and after any interruption.

use std::fmt::Write;
use std::fs;
use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::command::{Ended, Workplace};

/// 125 points with 4 seeds.
const STUDY: &str = r#"
name = "five hundred runs"
seeds = 4
set = { "workload.requests" = 120 }
metrics = ["ttft.mean", "e2e.p50", "throughput.output_tokens_per_s", "queue.depth.max", "ttft.p99"]

[[axis]]
key = "workload.arrivals.rate"
values = "2..32"

[[axis]]
keys = ["workload.prompt.median", "workload.output.median"]
values = [[100, 50], [200, 100], [400, 150], [800, 200], [1600, 300]]

[[axis]]
key = "batching.policy"
values = ["none", "static", "continuous", "orca", "sarathi"]
"#;

fn swept(place: &Workplace, out: &str, more: &[&str]) -> Ended {
    let mut arguments = vec!["sweep", "study.toml", "--out", out];
    arguments.extend(more);
    place.run(&arguments)
}

fn text(place: &Workplace, name: &str) -> String {
    fs::read_to_string(place.path(name)).unwrap()
}

#[test]
fn shards_of_a_sweep_merge_to_the_bytes_of_the_whole() {
    for extension in ["csv", "jsonl"] {
        let place = Workplace::new();
        place.write("study.toml", STUDY);
        let whole = format!("whole.{extension}");
        let ended = swept(&place, &whole, &[]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let header = usize::from(extension == "csv");
        assert_eq!(text(&place, &whole).lines().count(), 500 + header);

        // The last one first, as machines are done in any order.
        let shards: Vec<String> = (1..=7)
            .rev()
            .map(|number| format!("shard{number}.{extension}"))
            .collect();
        for (shard, number) in shards.iter().zip((1..=7).rev()) {
            let part = format!("{number}/7");
            let ended = swept(&place, shard, &["--shard", &part, "--jobs", "2"]);
            assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        }
        let merged = format!("merged.{extension}");
        let mut arguments = vec!["merge", "--out", &merged];
        arguments.extend(shards.iter().map(String::as_str));
        let ended = place.run(&arguments);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(text(&place, &merged) == text(&place, &whole));

        // A shard is missing, or there twice.
        let mut fewer = arguments.clone();
        fewer.pop();
        let ended = place.run(&fewer);
        assert_eq!(ended.code, Some(2));
        assert!(
            ended.stderr.contains("72 of 500 runs are missing: 0, 7, 14"),
            "{}",
            ended.stderr
        );
        let mut twice = arguments.clone();
        twice.push(&shards[0]);
        let ended = place.run(&twice);
        assert_eq!(ended.code, Some(2));
        assert!(ended.stderr.contains("run 6 is in"), "{}", ended.stderr);
    }
}

#[test]
fn shards_of_different_plans_are_not_merged() {
    let place = Workplace::new();
    place.write("study.toml", STUDY);
    assert_eq!(swept(&place, "one.csv", &["--shard", "1/100"]).code, Some(0));
    let changed = ["--shard", "2/100", "--set", "workload.requests=121"];
    assert_eq!(swept(&place, "two.csv", &changed).code, Some(0));
    let ended = place.run(&["merge", "one.csv", "two.csv", "--out", "both.csv"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("belongs to plan"), "{}", ended.stderr);
    place.write("study.toml", STUDY.replace("\"ttft.p99\"", "\"ttft.p90\""));
    assert_eq!(swept(&place, "three.csv", &["--shard", "2/100"]).code, Some(0));
    let ended = place.run(&["merge", "one.csv", "three.csv", "--out", "both.csv"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("other columns"), "{}", ended.stderr);
    assert!(!place.path("both.csv").exists());
}

/// Starts a sweep and ends it with SIGKILL, which no program hears, when its unfinished file is so long.
fn killed(place: &Workplace, bytes: u64) -> bool {
    let mut child: Child = place
        .command(&["sweep", "study.toml", "--out", "killed.csv", "--jobs", "2"])
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let is_long = || fs::metadata(place.path("killed.csv.partial")).is_ok_and(|it| it.len() >= bytes);
    while !is_long() && child.try_wait().unwrap().is_none() {
        sleep(Duration::from_micros(200));
    }
    // It may have ended just now.
    let came_in_time = child.kill().is_ok() && is_long();
    child.wait().unwrap();
    came_in_time
}

#[test]
fn a_sweep_that_was_killed_twenty_times_goes_on_to_the_same_file() {
    let place = Workplace::new();
    place.write("study.toml", STUDY);
    assert_eq!(swept(&place, "whole.csv", &[]).code, Some(0));
    let whole = text(&place, "whole.csv");
    let mut kills = 0;
    while kills < 20 {
        // At odd lengths, some in the middle of a line.
        let bytes = (kills + 1) * whole.len() as u64 / 23 + kills % 7;
        if killed(&place, bytes) && place.path("killed.csv.partial").exists() {
            kills += 1;
            assert!(!place.path("killed.csv").exists(), "no half of a file has its name");
            let partial = text(&place, "killed.csv.partial");
            assert!(whole.starts_with(&partial), "every line is one of the whole");
        } else {
            // It was done before anybody looked.
            assert!(text(&place, "killed.csv") == whole);
            fs::remove_file(place.path("killed.csv")).unwrap();
        }
    }
    let ended = swept(&place, "killed.csv", &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("going on after"), "{}", ended.stderr);
    assert!(text(&place, "killed.csv") == whole);
    assert_eq!(place.listing(), ["killed.csv", "study.toml", "whole.csv"]);
}

#[test]
fn a_torn_last_line_is_made_again_and_another_plan_is_not_gone_on_with() {
    let place = Workplace::new();
    place.write("study.toml", STUDY);
    assert_eq!(swept(&place, "whole.csv", &["--shard", "1/50"]).code, Some(0));
    let whole = text(&place, "whole.csv");
    for kept in [0, 3, whole.find('\n').unwrap() + 1, whole.len() / 2, whole.len() - 1] {
        place.write("torn.csv.partial", &whole[..kept]);
        let ended = swept(&place, "torn.csv", &["--shard", "1/50"]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(text(&place, "torn.csv") == whole, "kept {kept}");
        fs::remove_file(place.path("torn.csv")).unwrap();
    }
    place.write("torn.csv.partial", &whole);
    for (other, hint) in [
        (&["--seed", "7", "--shard", "1/50"][..], "belongs to plan"),
        (&["--shard", "2/50"], "not the next of this shard"),
    ] {
        let ended = swept(&place, "torn.csv", other);
        assert_eq!(ended.code, Some(2));
        assert!(ended.stderr.contains(hint), "{}", ended.stderr);
        assert_eq!(text(&place, "torn.csv.partial"), whole, "nothing is lost");
    }
}

#[test]
fn results_that_are_complete_are_left_alone_and_those_of_another_plan_are_kept() {
    let place = Workplace::new();
    place.write("study.toml", STUDY);
    let part = ["--shard", "1/100"];
    assert_eq!(swept(&place, "r.csv", &part).code, Some(0));
    let before = text(&place, "r.csv");
    let again = swept(&place, "r.csv", &part);
    assert_eq!(again.code, Some(0));
    assert!(again.stderr.contains("has all 5 runs already"), "{}", again.stderr);
    let other = swept(&place, "r.csv", &["--shard", "1/100", "--seed", "7"]);
    assert_eq!(other.code, Some(2));
    assert!(other.stderr.contains("--overwrite"), "{}", other.stderr);
    assert_eq!(text(&place, "r.csv"), before);
    let replaced = swept(&place, "r.csv", &["--shard", "1/100", "--seed", "7", "--overwrite"]);
    assert_eq!(replaced.code, Some(0), "{}", replaced.stderr);
    assert_ne!(text(&place, "r.csv"), before);
}

#[cfg(unix)]
#[test]
fn an_interrupted_sweep_says_how_to_go_on() {
    let place = Workplace::new();
    place.write("study.toml", STUDY.replace("= 120", "= 3000"));
    let child = place
        .command(&["sweep", "study.toml", "--out", "r.csv"])
        .stderr(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while !place.path("r.csv.partial").exists() && started.elapsed() < Duration::from_secs(30) {
        sleep(Duration::from_millis(5));
    }
    sleep(Duration::from_millis(200));
    let ended = Ended::interrupted(child);
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    assert!(ended.stderr.contains("goes on from there"), "{}", ended.stderr);
    assert!(!place.path("r.csv").exists());
}

#[test]
fn two_sweeps_do_not_write_one_file_at_once() {
    let place = Workplace::new();
    place.write("study.toml", STUDY);
    let held = fs::File::create(place.path("r.csv.partial")).unwrap();
    held.lock().unwrap();
    let ended = swept(&place, "r.csv", &["--shard", "1/100"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("another sweep is writing"), "{}", ended.stderr);
}

#[test]
fn a_dry_run_shows_every_point_and_simulates_nothing() {
    let place = Workplace::new();
    place.write("study.toml", STUDY);
    let ended = place.run(&["sweep", "study.toml", "--dry-run", "--shard", "2/7"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    for part in [
        "125 points x 4 seeds = 500 runs, 72 of them in this shard, 60000 requests in all",
        "ttft.mean, e2e.p50",
        "rate",
        "sarathi",
        "496-499",
    ] {
        assert!(ended.stdout.contains(part), "{part} in {}", ended.stdout);
    }
    assert_eq!(place.listing(), ["study.toml"]);
}

#[test]
fn a_row_has_the_numbers_of_the_run_with_its_values_and_its_seed() {
    let place = Workplace::new();
    place.write("study.toml", STUDY);
    assert_eq!(swept(&place, "r.jsonl", &["--shard", "38/100"]).code, Some(0));
    let first: Value = serde_json::from_str(text(&place, "r.jsonl").lines().next().unwrap()).unwrap();
    assert_eq!(
        (&first["run"], &first["point"], &first["seed"]),
        (&37.into(), &9.into(), &43.into())
    );
    let set = |key: &str| format!("{key}={}", first[key]);
    let keys = [
        "workload.arrivals.rate",
        "workload.prompt.median",
        "workload.output.median",
        "batching.policy",
    ];
    let sets: Vec<String> = keys.iter().map(|key| set(key)).collect();
    let mut arguments = vec!["run", "--format", "json", "--slo-exit-zero", "--seed", "43"];
    arguments.extend(["--set", "workload.requests=120"]);
    arguments.extend(sets.iter().flat_map(|set| ["--set", set.as_str()]));
    let ended = place.run(&arguments);
    let run: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(first["ttft.mean"], run["latency"]["ttft"]["mean"]);
    assert_eq!(first["e2e.p50"], run["latency"]["e2e"]["p50"]);
    assert_eq!(first["queue.depth.max"].as_f64(), run["queue"]["depth"]["max"].as_f64());
    assert!(first["ttft.p99"].is_null(), "120 samples have no 99th percentile");
}

#[test]
fn results_become_a_table_figures_and_a_page() {
    let place = Workplace::new();
    place.write(
        "study.toml",
        STUDY.replace("seeds = 4", "seeds = 2").replace(
            "[\"none\", \"static\", \"continuous\", \"orca\", \"sarathi\"]",
            "[\"continuous\"]",
        ),
    );
    assert_eq!(swept(&place, "r.csv", &[]).code, Some(0));
    let ended = place.run(&[
        "report",
        "r.csv",
        "--html",
        "r.html",
        "--figure",
        "lines.svg",
        "--figure",
        "pareto=pareto.png",
    ]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("50 runs at 25 points"), "{}", ended.stdout);
    let page = text(&place, "r.html");
    assert!(page.contains("throughput.output_tokens_per_s") && page.len() < 1_000_000);
    assert!(text(&place, "lines.svg").contains("<svg"));
    let refused = place.run(&["report", "r.csv", "--figure", "heat-map=h.svg"]);
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.stderr.contains("a sweep over exactly two keys"),
        "{}",
        refused.stderr
    );
}

/// 60,000 points over two keys, of which one far from any that is kept by its number is the best.
#[test]
fn a_page_of_many_points_stays_small_and_says_what_it_shows() {
    let place = Workplace::new();
    let (rates, medians) = (300_u32, 200_u32);
    let points = rates * medians;
    let mut results = "plan,runs,run,point,seed,workload.arrivals.rate,workload.output.median,ttft.p99,\
                       throughput.output_tokens_per_s\n"
        .to_owned();
    for point in 0..points {
        let (rate, median) = (point / medians + 1, point % medians + 1);
        let ttft = if point == 31_234 { 0.001 } else { f64::from(rate) / 7.0 };
        let throughput = rate * median;
        let run = format!("0123456789abcdef,{points},{point},{point},42");
        let _ = writeln!(results, "{run},{rate},{median},{ttft},{throughput}");
    }
    place.write("results.csv", results);
    let ended = place.run(&["report", "results.csv", "--html", "page.html"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.lines().count() > 60_000, "the screen has them all");
    let page = text(&place, "page.html");
    assert!(page.len() < 3_000_000, "{} bytes", page.len());
    let (_, said) = page.split_once("Showing ").expect("it says what it shows");
    let rows: usize = said.split(' ').next().unwrap().parse().unwrap();
    let shows = "showing 64 of 300 values of rate · showing 64 of 200 values of median";
    assert!(said.starts_with(&format!("{rows} of 60000 points: ")) && page.contains(shows));
    let best = "<td class=\"number\" data-number=\"157\">157</td><td class=\"number\" data-number=\"35\">35</td>";
    assert!(page.contains(best) && (1_000..1_010).contains(&rows), "{rows} rows");
    let small = text_of_small_page(&place);
    assert!(!small.contains("Showing ") && !small.contains("showing "));
}

/// What is shown of few points is all of them.
fn text_of_small_page(place: &Workplace) -> String {
    let results = text(place, "results.csv");
    let lines: Vec<String> = results
        .lines()
        .take(51)
        .map(|line| line.replace(",60000,", ",50,"))
        .collect();
    place.write("few.csv", lines.join("\n") + "\n");
    let ended = place.run(&["report", "few.csv", "--html", "few.html"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    text(place, "few.html")
}

/// Points are read by several threads: what is wrong with the first of them is told, and the plan is named alike.
#[test]
fn a_plan_of_many_points_is_the_same_each_time_and_tells_of_its_first_mistake() {
    let place = Workplace::new();
    let study = |most: u32| {
        format!(
            "seeds = 1\nmetrics = [\"e2e.mean\"]\n[set]\n\"workload.requests\" = 1\n[[axis]]\n\
             key = \"server.max_model_len\"\nvalues = \"1000..{most}+100\"\n"
        )
    };
    place.write("good.toml", study(50_000));
    let dry = |name: &str| place.run(&["sweep", name, "--dry-run"]);
    let first = dry("good.toml");
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    for _ in 0..4 {
        assert_eq!(dry("good.toml").stdout, first.stdout);
    }
    place.write("bad.toml", study(500_000));
    let first = dry("bad.toml");
    assert_eq!(first.code, Some(3), "{}", first.stdout);
    for _ in 0..4 {
        assert_eq!(dry("bad.toml").stderr, first.stderr);
    }
    assert!(first.stderr.contains("max_model_len=453100:"), "{}", first.stderr);
}
