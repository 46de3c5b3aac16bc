//! The recipes in `configs/clusters` make the parts of a sweep that clusters have them make.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::command::{Ended, Workplace};

const PARTS: u32 = 5;
const STUDY: &str = r#"
seeds = 3
set = { "workload.requests" = 60 }
metrics = ["ttft.mean", "queue.depth.max"]
[[axis]]
key = "workload.arrivals.rate"
values = "1..16"
"#;

fn recipe(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("configs/clusters")
        .join(name);
    fs::read_to_string(path).unwrap()
}

/// A place with the study, and the rows of the whole of it.
fn place_with_study() -> (Workplace, String) {
    let place = Workplace::new();
    place.write("study.toml", STUDY);
    let whole = place.run(&["sweep", "study.toml", "--out", "whole.csv"]);
    assert_eq!(whole.code, Some(0), "{}", whole.stderr);
    let rows = fs::read_to_string(place.path("whole.csv")).unwrap();
    (place, rows)
}

/// A shell that runs a script where `tailcast` is the command.
fn shell(place: &Workplace, script: &str, variables: &[(&str, String)]) -> Ended {
    let binary = Path::new(env!("CARGO_BIN_EXE_tailcast"));
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("bash");
    command
        .args(["-c", script])
        .current_dir(place.path(""))
        .env("PATH", format!("{}:{path}", binary.parent().unwrap().display()))
        .envs(variables.iter().map(|(name, value)| (*name, value)));
    Ended::of(command.output().expect("there is a shell"))
}

/// All parts, made by `make` in any order and one of them twice, are the whole.
fn check_parts(make: impl Fn(&Workplace, u32) -> Ended) {
    let (place, whole) = place_with_study();
    for part in [3, 1, 5, 2, 4, 2] {
        let ended = make(&place, part);
        assert_eq!(ended.code, Some(0), "part {part}: {}", ended.stderr);
    }
    let merged = shell(&place, "tailcast merge parts/part-*.csv --out results.csv", &[]);
    assert_eq!(merged.code, Some(0), "{}", merged.stderr);
    assert_eq!(fs::read_to_string(place.path("results.csv")).unwrap(), whole);
}

#[test]
fn tasks_of_a_slurm_array_make_the_whole_sweep() {
    let script = recipe("sweep_array.sh");
    let variables = |part: u32| {
        [
            ("STUDY", "study.toml".to_owned()),
            ("PARTS", PARTS.to_string()),
            ("SLURM_ARRAY_TASK_ID", part.to_string()),
            // Some tasks alone, as when they are sent again.
            ("SLURM_ARRAY_TASK_COUNT", "1".to_owned()),
        ]
    };
    check_parts(|place, part| shell(place, &script, &variables(part)));
    let place = Workplace::new();
    let unsaid = shell(&place, &script, &variables(1)[2..]);
    assert!(
        unsaid.code != Some(0) && unsaid.stderr.contains("STUDY=study.toml"),
        "{}",
        unsaid.stderr
    );
}

#[test]
fn pods_of_an_indexed_job_make_the_whole_sweep() {
    let job = recipe("sweep_job.yaml");
    // The block behind `args:`, without what indents it.
    let (_, behind) = job
        .split_once("args:\n            - |\n")
        .expect("the recipe has a script");
    let lines = behind.lines().map_while(|line| line.strip_prefix("              "));
    let script = lines.collect::<Vec<_>>().join("\n");
    assert!(script.contains("exec tailcast sweep"), "{script}");
    let value = |name: &str| {
        let (_, behind) = job.split_once(&format!("name: {name}\n              value: ")).unwrap();
        behind.lines().next().unwrap().trim_matches('"').to_owned()
    };
    let completions = format!("completions: {} #", value("PARTS"));
    assert!(job.contains(&completions), "each part is somebody's: {completions}");
    check_parts(|place, part| {
        let variables = [
            ("STUDY", value("STUDY")),
            ("PARTS", PARTS.to_string()),
            ("JOBS", value("JOBS")),
            // Kubernetes counts from 0.
            ("JOB_COMPLETION_INDEX", (part - 1).to_string()),
        ];
        shell(place, &script, &variables)
    });
}
