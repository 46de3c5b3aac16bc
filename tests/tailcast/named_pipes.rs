//! A named pipe whose other end nobody opens is an error that names it, and one that somebody opens is a file as any
//! other.

use std::fmt::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::command::{Ended, Workplace};

const SCENARIO: &str = r#"
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
[workload]
requests = 5
arrivals = { process = "poisson", rate = 8.0 }
prompt = { dist = "fixed", value = 300 }
output = { dist = "fixed", value = 40 }
"#;
const TRACE: &str = "arrival_s,input_tokens,output_tokens\n0,10,5\n1,10,7\n";

/// A place with a scenario, and pipes.
fn place_with_a_pipe() -> Workplace {
    let place = Workplace::new();
    place.write("s.toml", SCENARIO);
    place.write("trace.csv", TRACE);
    place.write(
        "m.toml",
        "[[experiment]]\nscenario = \"s.toml\"\n[experiment.measured]\nfile = \"pipe\"\n",
    );
    let pipes = ["pipe", "pipe.csv"].map(|name| place.path(name));
    let made = Command::new("mkfifo").args(pipes).status();
    assert!(made.unwrap().success());
    place
}

/// The arguments of runs that read a pipe.
const READS: [&[&str]; 13] = [
    &["run", "pipe"],
    &["check", "pipe"],
    &[
        "run",
        "s.toml",
        "--set",
        "workload.prompt={ dist = \"quantiles\", path = \"pipe\" }",
    ],
    &["run", "s.toml", "--set", "server.step_time=pipe"],
    &["run", "s.toml", "--set", "server.gpu=./pipe"],
    &["run", "s.toml", "--set", "model.config=pipe"],
    &["trace", "info", "pipe"],
    &["sweep", "pipe", "--out", "o.csv"],
    &["merge", "pipe.csv", "--out", "o.csv"],
    &["report", "pipe.csv"],
    &["calibrate", "s.toml", "pipe"],
    &["validate", "m.toml"],
    &["steps", "pipe"],
];

#[test]
fn a_pipe_without_another_end_is_an_error_that_names_it() {
    let start = Instant::now();
    let children = READS.map(|arguments| {
        let place = place_with_a_pipe();
        let mut command = place.command(arguments);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        (place, child)
    });
    for ((_place, child), arguments) in children.into_iter().zip(READS) {
        let ended = Ended::of(child.wait_with_output().unwrap());
        assert!(matches!(ended.code, Some(1 | 2)), "{arguments:?}: {:?}", ended.code);
        assert!(
            ended.stderr.contains("named pipe that nobody writes to"),
            "{arguments:?}: {}",
            ended.stderr
        );
    }
    assert!(start.elapsed() < Duration::from_secs(90), "{:?}", start.elapsed());
}

#[test]
fn traces_and_results_are_no_pipes() {
    let place = place_with_a_pipe();
    let trace = place.run(&["run", "s.toml", "--set", "workload.trace={ path = \"pipe\" }"]);
    assert_eq!(trace.code, Some(2));
    for flag in ["--requests-out", "--timeline-out", "--html"] {
        let written = place.run(&["run", "s.toml", flag, "pipe"]);
        assert_eq!(written.code, Some(2), "{flag}: {}", written.stderr);
        assert!(written.stderr.contains("pipe"), "{flag}: {}", written.stderr);
    }
    let written = place.run(&["init", "pipe"]);
    assert!(matches!(written.code, Some(1 | 2)), "{}", written.stderr);
    let swept = ["sweep", "--vary", "workload.requests=4,5", "s.toml", "--out", "pipe"];
    let swept = place.run(&swept);
    assert_eq!(swept.code, Some(2), "{}", swept.stderr);
}

fn shell(place: &Workplace, line: &str) -> Ended {
    let line = line.replace("tailcast", env!("CARGO_BIN_EXE_tailcast"));
    let output = Command::new("bash")
        .args(["-c", &line])
        .current_dir(place.path(""))
        .output();
    Ended::of(output.unwrap())
}

#[test]
fn whoever_writes_to_a_pipe_may_take_its_time() {
    let place = place_with_a_pipe();
    let named = shell(&place, "tailcast run s.toml --format json");
    for line in [
        "tailcast run <(sleep 1; cat s.toml) --format json",
        "(sleep 1; cat s.toml > pipe) & tailcast run pipe --format json",
        "(exec > pipe; sleep 1; cat s.toml) & tailcast run pipe --format json",
    ] {
        let ended = shell(&place, line);
        assert_eq!(
            (ended.code, &ended.stdout),
            (Some(0), &named.stdout),
            "{line}: {}",
            ended.stderr
        );
    }
    let info = shell(&place, "tailcast trace info trace.csv");
    for line in [
        "tailcast trace info <(sleep 1; cat trace.csv)",
        "tailcast trace info <(gzip -c trace.csv)",
    ] {
        assert_eq!(shell(&place, line).stdout, info.stdout, "{line}");
    }
}

#[test]
fn measurements_come_from_a_pipe() {
    let place = place_with_a_pipe();
    let mut steps = "batch,context,step_us\n".to_owned();
    for (batch, context) in [
        (1, 500),
        (8, 500),
        (32, 500),
        (128, 500),
        (1, 4000),
        (8, 4000),
        (32, 4000),
        (128, 4000),
    ] {
        let micros = 8000 + 20 * batch + context * batch / 100;
        writeln!(steps, "{batch},{context},{micros}").unwrap();
    }
    place.write("steps.csv", steps);
    let named = shell(&place, "tailcast calibrate s.toml steps.csv");
    let piped = shell(&place, "cat steps.csv > pipe & tailcast calibrate s.toml pipe");
    // What the steps come to, which shows that all of them were read.
    assert!(
        named.stderr.contains("kernel_scale: the data leave it at"),
        "{}",
        named.stderr
    );
    assert_eq!(
        (piped.code, piped.stderr, piped.stdout),
        (named.code, named.stderr, named.stdout)
    );
}
