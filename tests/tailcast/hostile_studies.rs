//! What users write by mistake, in studies, results and loads: nothing is lost, nothing is misread, and every search
//! ends.

use std::fs;

use crate::command::{Ended, Workplace};

const SCENARIO: &str = r#"
seed = 1
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
step_time = { base_us = 1000 }
[batching]
policy = "continuous"
[workload]
requests = 20
arrivals = { process = "poisson", rate = 1.0 }
prompt = { dist = "fixed", value = 1 }
output = { dist = "exponential", mean = 500, max = 20000 }
"#;
const TRACE: &str = "arrival_s,input_tokens,output_tokens\n0,10,5\n1,10,7\n";
const RATES: &str = "[[axis]]\nkey = \"workload.arrivals.rate\"\nvalues = [1, 2]\n";

/// A place with a scenario, and a study of it with these axes.
fn place_of(axes: &str) -> Workplace {
    let place = Workplace::new();
    place.write("s.toml", SCENARIO);
    place.write(
        "study.toml",
        format!("scenario = \"s.toml\"\nmetrics = [\"e2e.mean\"]\n{axes}"),
    );
    place
}

fn text(place: &Workplace, name: &str) -> String {
    fs::read_to_string(place.path(name)).unwrap()
}

#[track_caller]
fn expect(ended: &Ended, code: i32, hint: &str) {
    assert_eq!(ended.code, Some(code), "{}{}", ended.stdout, ended.stderr);
    let said = format!("{}{}", ended.stdout, ended.stderr);
    assert!(said.contains(hint), "{hint:?} is not in {said}");
}

#[test]
fn values_may_stand_on_several_lines_with_comments() {
    let place = place_of(
        "[[axis]]\nkey = \"workload.output\"\nvalues = [ # all\n  { dist = \"fixed\", value = 5 }, # one, or\n  \
         { dist = \"mixture\", parts = [ # two\n    { weight = 1, dist = \"fixed\", value = 3 }, # short\n    \
                    { weight = 1, dist = \"fixed\", value = 4 } ] } ]\n",
    );
    let ended = place.run(&["sweep", "study.toml", "--out", "r.csv", "-q"]);
    expect(&ended, 0, "");
    assert!(!text(&place, "r.csv").contains('#'));
    assert_eq!(text(&place, "r.csv").lines().count(), 3);
}

#[test]
fn a_key_that_varies_twice_is_refused_in_whatever_spelling() {
    let axes = "[[axis]]\nkey = \"batching.max-num-seqs\"\nvalues = [8]\n[[axis]]\nkey = \"batching.max_num_seqs\"\n\
                values = [4]\n";
    let ended = place_of(axes).run(&["sweep", "study.toml", "--dry-run"]);
    expect(&ended, 2, "`batching.max_num_seqs` varies twice");
    let ended = Workplace::new().run(&[
        "compare",
        "--vary",
        "batching.max-num-seqs=8,4",
        "--vary",
        "batching.max_num_seqs=2,1",
    ]);
    expect(&ended, 2, "`batching.max_num_seqs` varies twice");
}

#[test]
fn results_never_overwrite_what_any_point_reads() {
    let place = place_of("");
    place.write("a.csv", TRACE);
    place.write("b.csv", TRACE);
    let (server, _) = SCENARIO.split_once("[workload]").unwrap();
    let scenario = format!("{server}[workload]\ntrace = {{ path = \"a.csv\" }}\n");
    place.write("trace.toml", scenario);
    place.write(
        "study.toml",
        "scenario = \"trace.toml\"\n[[axis]]\nkey = \"workload.trace.path\"\nvalues = [\"a.csv\", \"b.csv\"]\n",
    );
    let ended = place.run(&["sweep", "study.toml", "--out", "b.csv", "--overwrite"]);
    expect(&ended, 2, "would overwrite");
    assert_eq!(text(&place, "b.csv"), TRACE);
}

#[test]
fn an_unfinished_file_of_somebody_else_is_kept() {
    for extension in ["csv", "jsonl"] {
        let place = place_of(RATES);
        let (out, partial) = (format!("r.{extension}"), format!("r.{extension}.partial"));
        place.write(&partial, "my notes");
        let ended = place.run(&["sweep", "study.toml", "--out", &out]);
        expect(&ended, 2, "no sweep wrote it");
        assert_eq!(text(&place, &partial), "my notes");
        // What a sweep left of its first line is made again.
        let torn = if extension == "csv" { "pla" } else { "{\"pl" };
        place.write(&partial, torn);
        expect(&place.run(&["sweep", "study.toml", "--out", &out]), 0, "");
    }
    let place = place_of("");
    place.write("r.csv.partial", text(&place, "study.toml") + RATES);
    let ended = place.run(&["sweep", "r.csv.partial", "--out", "r.csv"]);
    expect(&ended, 2, "would overwrite the study");
}

#[test]
fn a_shard_without_runs_is_a_shard_too() {
    for extension in ["csv", "jsonl"] {
        let place = place_of(RATES);
        let files: Vec<String> = (1..=3).map(|part| format!("{part}.{extension}")).collect();
        for (file, part) in files.iter().zip(1..) {
            let shard = format!("{part}/3");
            for hint in ["", "runs already"] {
                let ended = place.run(&["sweep", "study.toml", "--shard", &shard, "--out", file]);
                expect(&ended, 0, hint);
            }
        }
        let out = format!("all.{extension}");
        let merged = place.run(&["merge", &files[2], &files[0], &files[1], "--out", &out]);
        expect(&merged, 0, "2 runs of 3 files");
    }
}

#[test]
fn results_that_would_be_misread_are_refused() {
    let place = Workplace::new();
    let first = "plan,runs,run,point,seed,k,ttft.mean\n";
    for (content, hint) in [
        (
            "plan,runs,run,point,seed,ttft.mean,k\na,1,0,0,1,0.5,2\n".to_owned(),
            "not in the order",
        ),
        (format!("{first}a,1,0,0,1,2,NaN\n"), "\"NaN\" is not a number"),
        (format!("{first}a,1,0,0,1,2,1e999\n"), "is not a number"),
        (format!("{first}a,2,0,0,1,2,1\na,2,0,0,1,2,1\n"), "run 0 is there twice"),
        (format!("{first}a,2,0,0,1,2,1\nb,2,1,0,1,2,1\n"), "plan a and of plan b"),
    ] {
        place.write("r.csv", &content);
        expect(&place.run(&["report", "r.csv"]), 2, hint);
    }
}

#[test]
fn a_search_ends_even_if_some_seeds_meet_the_objective_at_no_load() {
    let place = place_of("");
    let slo = "e2e.max<2600ms";
    let ended = place.run(&[
        "capacity",
        "s.toml",
        "--slo",
        slo,
        "--seeds",
        "6",
        "--no-changes",
        "--rate",
        "10",
    ]);
    expect(&ended, 99, "no number that was tried is enough for 10 req/s");
    expect(&ended, 99, "2 of 6 seeds meet it at no load");
    let too_high = place.run(&["capacity", "s.toml", "--slo", slo, "--rate", "1e300"]);
    expect(&too_high, 2, "up to 1e9");
}

#[test]
fn many_servers_are_found_in_few_steps() {
    let place = place_of("");
    let ended = place.run(&[
        "capacity",
        "s.toml",
        "--slo",
        "e2e.mean<510ms",
        "--seeds",
        "2",
        "--no-changes",
        "--rate",
        "1e5",
        "--set",
        "batching.policy=none",
        "--set",
        "workload.output={ dist = \"fixed\", value = 500 }",
    ]);
    expect(&ended, 0, "Servers");
}

#[test]
fn a_search_stops_where_no_scenario_can_be() {
    let place = place_of("");
    // At the lowest rates the requests would take years to arrive.
    let ended = place.run(&[
        "capacity",
        "s.toml",
        "--slo",
        "e2e.p50<1us",
        "--seeds",
        "1",
        "--set",
        "workload.requests=2000",
        "--set",
        "workload.arrivals.rate=0.001",
    ]);
    expect(&ended, 99, "No load meets");
    // More clients than a closed loop can have.
    place.write("trace.csv", TRACE);
    let ended = place.run(&[
        "capacity",
        "s.toml",
        "--slo",
        "e2e.p50<10s",
        "--of",
        "concurrency",
        "--set",
        "workload={ trace = { path = \"trace.csv\", concurrency = 16 } }",
    ]);
    expect(&ended, 0, "no higher load that was tried misses it");
}

#[test]
fn scenarios_of_the_same_name_are_told_apart() {
    let place = Workplace::new();
    for folder in ["a", "b"] {
        fs::create_dir(place.path(folder)).unwrap();
        place.write(&format!("{folder}/s.toml"), SCENARIO);
    }
    let ended = place.run(&[
        "compare",
        "a/s.toml",
        "b/s.toml",
        "--seeds",
        "2",
        "--slo",
        "ttft.p50<1s",
        "--no-capacity",
    ]);
    for name in ["a/s.toml", "b/s.toml"] {
        expect(&ended, 0, name);
    }
}
