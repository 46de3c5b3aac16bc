//! `-` stands for stdin and stdout, and each of them is there once; completions, the manual and help are printed.

use std::io::Write;
use std::process::Stdio;

use crate::command::{Ended, Workplace};

const SCENARIO: &str = r#"
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
[workload]
requests = 60
arrivals = { process = "poisson", rate = 8.0 }
prompt = { dist = "fixed", value = 300 }
output = { dist = "fixed", value = 40 }
"#;

fn piped(place: &Workplace, arguments: &[&str], stdin: &str) -> Ended {
    let mut command = place.command(arguments);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Whoever refuses its arguments reads nothing.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    Ended::of(child.wait_with_output().unwrap())
}

#[test]
fn a_scenario_comes_from_stdin() {
    let place = Workplace::new();
    place.write("scenario.toml", SCENARIO);
    let named = place.run(&["run", "scenario.toml", "--format", "json", "--seeds", "2"]);
    let ended = piped(&place, &["run", "-", "--format", "json", "--seeds", "2"], SCENARIO);
    assert_eq!(
        (ended.code, &ended.stdout),
        (Some(0), &named.stdout),
        "{}",
        ended.stderr
    );
    let compared = [
        "compare",
        "-",
        "--vary",
        "batching.policy=static,continuous",
        "--seeds",
        "2",
        "--no-capacity",
    ];
    assert_eq!(piped(&place, &compared, SCENARIO).code, Some(0));
}

#[test]
fn a_trace_comes_from_stdin_however_often_it_is_read() {
    let place = Workplace::new();
    let trace = "arrival_s,input_tokens,output_tokens\n0.0,100,20\n0.5,200,30\n1.5,300,10\n";
    place.write("trace.csv", trace);
    place.write(
        "scenario.toml",
        "[model]\nname = \"llama-3.1-8b\"\n[server]\ngpu = \"h100-sxm\"\n",
    );
    let from = |path: &str| {
        let set = format!("workload.trace={{ path = \"{path}\" }}");
        let arguments = [
            "curve",
            "scenario.toml",
            "--set",
            &set,
            "--rate",
            "1,4",
            "--refine",
            "0",
            "--format",
            "csv",
        ];
        piped(&place, &arguments, trace)
    };
    let (named, piped_in) = (from("trace.csv"), from("-"));
    assert_eq!(
        (piped_in.code, piped_in.stdout),
        (Some(0), named.stdout),
        "{}",
        piped_in.stderr
    );
    let info = piped(&place, &["trace", "info", "-"], trace);
    assert_eq!(info.stdout, place.run(&["trace", "info", "trace.csv"]).stdout);
    let both = ["run", "-", "--set", "workload.trace={ path = \"-\" }"];
    let scenario = "[model]\nname = \"llama-3.1-8b\"\n[server]\ngpu = \"h100-sxm\"\n";
    let refused = piped(&place, &both, scenario);
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.stderr.contains("cannot both come from stdin"),
        "{}",
        refused.stderr
    );
}

#[test]
fn one_result_goes_to_stdout_and_the_text_beside_it_to_stderr() {
    let place = Workplace::new();
    place.write("scenario.toml", SCENARIO);
    let rows = place.run(&["run", "scenario.toml", "--requests-out", "-"]);
    assert_eq!(
        (rows.code, rows.stdout.lines().count()),
        (Some(0), 61),
        "{}",
        rows.stderr
    );
    assert!(rows.stderr.contains("Verdict"), "{}", rows.stderr);
    let page = place.run(&["run", "scenario.toml", "--html", "-"]);
    assert!(page.stdout.starts_with("<!"), "{}", &page.stdout[..40]);
    let figure = place.run(&["run", "scenario.toml", "--figure", "tail=-"]);
    assert!(figure.stdout.contains("<svg"));
    for two in [
        ["--format", "json", "--html", "-"],
        ["--html", "-", "--requests-out", "-"],
    ] {
        let arguments = [&["run", "scenario.toml"], &two[..]].concat();
        let refused = place.run(&arguments);
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""), "{two:?}");
        assert!(refused.stderr.contains("stdout"), "{}", refused.stderr);
    }
    let starter = place.run(&["init", "-"]);
    assert!(starter.stdout.contains("[workload]") && starter.stderr.is_empty());
    assert_eq!(place.listing(), ["scenario.toml"]);
}

#[test]
fn results_and_measurements_come_from_stdin() {
    let place = Workplace::new();
    place.write("scenario.toml", SCENARIO);
    place.write(
        "study.toml",
        "scenario = \"scenario.toml\"\nseeds = 2\n[[axis]]\nkey = \"workload.arrivals.rate\"\nvalues = [2, 8]\n",
    );
    let swept = place.run(&["sweep", "study.toml", "--out", "r.csv"]);
    assert_eq!(swept.code, Some(0), "{}", swept.stderr);
    let results = std::fs::read_to_string(place.path("r.csv")).unwrap();
    let report = piped(&place, &["report", "-"], &results);
    assert_eq!(report.code, Some(0), "{}", report.stderr);
    let merged = piped(&place, &["merge", "-", "--out", "-"], &results);
    assert_eq!(merged.stdout, results, "{}", merged.stderr);
    let refused = place.run(&["sweep", "study.toml", "--out", "-"]);
    assert_eq!(refused.code, Some(2));
    let steps = "batch,context,step_time_ms\n1,100,9\n2,100,9.2\n4,200,9.5\n8,200,10\n16,300,11\n32,300,13\n";
    place.write("steps.csv", steps);
    let named = place.run(&["calibrate", "scenario.toml", "steps.csv", "--coefficients", "step_us"]);
    let piped_in = piped(
        &place,
        &["calibrate", "scenario.toml", "-", "--coefficients", "step_us"],
        steps,
    );
    assert_eq!(piped_in.code, named.code, "{}", piped_in.stderr);
}

#[test]
fn completions_and_the_manual_know_every_verb() {
    let place = Workplace::new();
    let manual = place.run(&["man"]);
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ended = place.run(&["completions", shell]);
        assert_eq!(ended.code, Some(0), "{shell}");
        assert!(ended.stdout.contains("calibrate"), "{shell}");
    }
    for verb in [
        "run",
        "check",
        "compare",
        "capacity",
        "trace",
        "completions",
        "man",
        "help",
    ] {
        assert!(
            manual.stdout.contains(&format!(".SH {}\n", verb.to_uppercase())),
            "{verb}"
        );
        let page = place.run(&["man", verb]);
        assert!(page.stdout.contains(".TH"), "{verb}: {}", page.stderr);
        let help = place.run(&["help", verb]);
        assert_eq!(help.stdout, place.run(&[verb, "--help"]).stdout, "{verb}");
    }
    assert_eq!(place.run(&["help"]).stdout, place.run(&["--help"]).stdout);
    for verb in ["help", "man"] {
        let ended = place.run(&[verb, "rum"]);
        assert_eq!(ended.code, Some(2));
        assert!(ended.stderr.contains("did you mean `run`?"), "{}", ended.stderr);
    }
}
