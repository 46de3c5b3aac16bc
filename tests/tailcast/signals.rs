//! Whoever ends a run by a signal gets what there is so far, an exit code that says which signal it was, and no
//! unfinished files.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::command::{Ended, Workplace, send};

const SCENARIO: &str = r#"
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
[workload]
requests = 20_000_000
arrivals = { process = "poisson", rate = 8.0 }
prompt = { dist = "fixed", value = 300 }
output = { dist = "fixed", value = 40 }
"#;

/// A run that takes an hour, once it has begun to write its files; started by `shell`, if not by itself.
fn begun(place: &Workplace, shell: Option<&str>) -> Child {
    let run = [
        "run",
        "s.toml",
        "--timeline-out",
        "t.csv",
        "--requests-out",
        "r.csv",
        "--no-progress",
    ];
    let mut command = match shell {
        None => place.command(&run),
        Some(words) => {
            let mut command = std::process::Command::new("sh");
            let line = format!("{words} {} {}", env!("CARGO_BIN_EXE_tailcast"), run.join(" "));
            command.arg("-c").arg(line).current_dir(place.path(""));
            command
        }
    };
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    while !place.listing().iter().any(|name| name.starts_with(".tailcast-")) {
        assert!(start.elapsed() < Duration::from_mins(1), "the run does not begin");
        std::thread::sleep(Duration::from_millis(10));
    }
    child
}

#[test]
fn each_signal_has_its_exit_code_and_leaves_no_half_file() {
    for (signal, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let place = Workplace::new();
        place.write("s.toml", SCENARIO);
        let child = begun(&place, None);
        send(signal, &child);
        let ended = Ended::of(child.wait_with_output().unwrap());
        assert_eq!(ended.code, Some(code), "{signal}: {}", ended.stderr);
        let unfinished = |name: &String| name.starts_with('.');
        assert!(
            !place.listing().iter().any(unfinished),
            "{signal}: {:?}",
            place.listing()
        );
    }
}

#[test]
fn a_run_that_is_to_survive_its_terminal_does() {
    if !cfg!(target_os = "linux") {
        return;
    }
    let place = Workplace::new();
    place.write("s.toml", SCENARIO);
    // The shell gives way to the run, which so has its id.
    let mut child = begun(&place, Some("trap '' HUP; exec"));
    send("HUP", &child);
    std::thread::sleep(Duration::from_millis(500));
    assert!(child.try_wait().unwrap().is_none(), "it was told to go on");
    send("TERM", &child);
    assert_eq!(child.wait().unwrap().code(), Some(143));
}

/// Whatever else has threads of its own would start one a processor, of which the environment pretends sixteen.
#[test]
fn one_job_is_one_thread_beside_those_that_wait() {
    if !cfg!(target_os = "linux") {
        return;
    }
    let place = Workplace::new();
    place.write("s.toml", SCENARIO.replace("20_000_000", "30000"));
    place.write(
        "study.toml",
        "scenario = \"s.toml\"\nseeds = 2\n[[axis]]\nkey = \"workload.arrivals.rate\"\nvalues = [4, 8]\n",
    );
    let slo = "ttft.p99 < 2s";
    for verb in [
        &["run", "s.toml", "--seeds", "4"][..],
        &["sweep", "study.toml", "--out", "o.csv"],
        &["curve", "s.toml", "--concurrency", "1,2"],
        &[
            "compare",
            "s.toml",
            "--vary",
            "batching.policy=static,continuous",
            "--no-capacity",
        ],
        &["capacity", "s.toml", "--slo", slo],
    ] {
        let mut command = place.command(&[verb, &["--jobs", "1"]].concat());
        command.env("RAYON_NUM_THREADS", "16");
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let status = format!("/proc/{}/status", child.id());
        let start = Instant::now();
        let mut most = 0;
        while child.try_wait().unwrap().is_none() && start.elapsed() < Duration::from_secs(4) {
            let text = std::fs::read_to_string(&status).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix("Threads:"));
            most = most.max(line.and_then(|line| line.trim().parse().ok()).unwrap_or(0));
            std::thread::sleep(Duration::from_millis(2));
        }
        let has_ended = child.try_wait().unwrap();
        if has_ended.is_none() {
            let _ = child.kill();
        }
        let said = Ended::of(child.wait_with_output().unwrap()).stderr;
        assert!(
            has_ended.is_none_or(|status| matches!(status.code(), Some(0 | 99))),
            "{verb:?}: {said}"
        );
        // The one that listens to signals, the one that draws the progress line, the main one, the job.
        assert!((1..=4).contains(&most), "{verb:?}: {most} threads");
    }
}
