//! A disk that takes nothing more: exit code 1, the name of the file, and nothing that is half written.

#![cfg(unix)]

use std::process::{Command, Stdio};

use crate::command::{Ended, Workplace};

const STUDY: &str = "metrics = [\"e2e.mean\"]\n[[axis]]\nkey = \"workload.requests\"\nvalues = [20, 30]\n";

/// Runs the binary where no file may grow beyond nothing.
fn run_on_a_full_disk(place: &Workplace, arguments: &[&str]) -> Ended {
    let mut command = Command::new("sh");
    command
        .args([
            "-c",
            "trap '' XFSZ; ulimit -f 0; exec \"$@\"",
            "sh",
            env!("CARGO_BIN_EXE_tailcast"),
        ])
        .args(arguments)
        .current_dir(place.path(""))
        .stdin(Stdio::null());
    Ended::of(command.output().expect("there is a shell"))
}

#[test]
fn no_verb_leaves_half_a_file_on_a_full_disk() {
    let place = Workplace::new();
    place.write("study.toml", STUDY);
    for shard in ["1/2", "2/2"] {
        let out = format!("{}.csv", &shard[..1]);
        assert_eq!(
            place
                .run(&["sweep", "study.toml", "--shard", shard, "--out", &out, "-q"])
                .code,
            Some(0)
        );
    }
    let small = ["--set", "workload.requests=20"];
    let run = |more: &[&'static str]| [&["run"], &small[..], more].concat();
    let before = place.listing();
    for (arguments, file) in [
        (vec!["init", "new.toml"], "new.toml"),
        (run(&["--requests-out", "r.csv"]), "r.csv"),
        (run(&["--timeline-out", "t.csv"]), "t.csv"),
        (run(&["--perfetto", "p.json"]), "p.json"),
        (run(&["--perfetto", "p.json.gz"]), "p.json.gz"),
        (run(&["--html", "p.html"]), "p.html"),
        (run(&["--figure", "f.svg"]), "f.svg"),
        (run(&["--figure", "f.png"]), "f.png"),
        (vec!["merge", "1.csv", "2.csv", "--out", "m.csv"], "m.csv"),
        (vec!["report", "1.csv", "--html", "p.html"], "p.html"),
    ] {
        let ended = run_on_a_full_disk(&place, &arguments);
        assert_eq!(ended.code, Some(1), "{arguments:?}: {}", ended.stderr);
        let said = format!("error: cannot write {file}: ");
        assert!(ended.stderr.contains(&said), "{arguments:?}: {}", ended.stderr);
        assert_eq!(place.listing(), before, "{arguments:?}");
    }
    // What a sweep has done stays beside its results, for it to go on; here that is nothing yet.
    let ended = run_on_a_full_disk(&place, &["sweep", "study.toml", "--out", "all.csv"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("error: cannot write all.csv.partial: "),
        "{}",
        ended.stderr
    );
    assert!(!place.listing().contains(&"all.csv".to_owned()));
    assert_eq!(
        place.run(&["sweep", "study.toml", "--out", "all.csv", "-q"]).code,
        Some(0)
    );
}

#[test]
fn a_device_that_is_full_is_no_fault_of_the_command_line() {
    let place = Workplace::new();
    if !std::path::Path::new("/dev/full").exists() {
        return;
    }
    let ended = place.run(&["init", "/dev/full", "--force"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("cannot write /dev/full: "), "{}", ended.stderr);
    for arguments in [
        &["run", "--set", "workload.requests=20"][..],
        &["gpus"],
        &["schema"],
        &["help"],
    ] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let ended = Ended::of(place.command(arguments).stdout(full).output().unwrap());
        assert_eq!(ended.code, Some(1), "{arguments:?}: {}", ended.stderr);
        assert!(
            ended.stderr.contains("cannot write to stdout: "),
            "{arguments:?}: {}",
            ended.stderr
        );
    }
}
