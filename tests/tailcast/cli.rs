//! What scripts rely on: exit codes, streams, help, and bytes that do not depend on threads.

use std::io::Read;
use std::process::Stdio;

use crate::command::{Ended, Workplace};
use crate::reports::assert_contract;

const VERBS: [&[&str]; 18] = [
    &["run"],
    &["compare"],
    &["curve"],
    &["capacity"],
    &["sweep"],
    &["merge"],
    &["report"],
    &["check"],
    &["validate"],
    &["steps"],
    &["trace"],
    &["trace", "info"],
    &["models"],
    &["gpus"],
    &["init"],
    &["completions"],
    &["man"],
    &["help"],
];

/// A scenario that takes no time.
const SMALL: &[&str] = &["run", "--set", "workload.requests=200"];

#[test]
fn every_verb_explains_itself() {
    let place = Workplace::new();
    for verb in VERBS {
        for help in ["-h", "--help"] {
            let mut arguments = verb.to_vec();
            arguments.push(help);
            let ended = place.run(&arguments);
            assert_eq!(ended.code, Some(0), "{verb:?}");
            assert!(ended.stdout.contains("Usage: tailcast"), "{}", ended.stdout);
            assert!(ended.stderr.is_empty(), "{}", ended.stderr);
        }
    }
    let all = place.run(&["--help"]);
    for verb in VERBS {
        assert!(all.stdout.contains(verb[0]), "{verb:?} in {}", all.stdout);
    }
    assert!(all.stdout.contains("Exit codes"));
    assert_eq!(
        place.run(&["--version"]).stdout,
        format!("tailcast {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn the_demo_runs_alone_and_says_what_came_of_it() {
    let place = Workplace::new();
    let ended = place.run(&["run"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    for label in ["Verdict", "TTFT", "Queue", "KV cache", "seed 42"] {
        assert!(ended.stdout.contains(label), "{label} in {}", ended.stdout);
    }
    assert_eq!(ended.stderr, "", "progress and warnings only where they belong");
    assert!(place.listing().is_empty());
}

#[test]
fn json_holds_the_contract_and_nothing_else_is_on_stdout() {
    let place = Workplace::new();
    let mut arguments = SMALL.to_vec();
    arguments.extend(["--format", "json", "--explain"]);
    let ended = place.run(&arguments);
    let json: serde_json::Value = serde_json::from_str(&ended.stdout).expect("stdout is JSON");
    assert_contract(&ended.stdout);
    assert_eq!(json["requests"]["arrived"], 200);
    assert!(ended.stderr.contains("Settings"), "the explanation goes to stderr");
}

#[test]
fn results_are_the_same_bytes_on_any_number_of_threads() {
    let place = Workplace::new();
    let with_jobs = |jobs: &'static str| {
        let mut arguments = SMALL.to_vec();
        arguments.extend(["--seeds", "8", "--jobs", jobs, "--format", "json"]);
        place.run(&arguments).stdout
    };
    let one = with_jobs("1");
    assert!(one.contains("\"replications\": 8"), "{one}");
    assert_eq!(one, with_jobs("8"));
    assert_eq!(one, with_jobs("3"));
}

#[test]
fn exit_codes_tell_how_it_went() {
    let place = Workplace::new();
    let code = |more: &[&str]| {
        let mut arguments = SMALL.to_vec();
        arguments.extend(more);
        place.run(&arguments).code
    };
    assert_eq!(code(&["--set", "workload.requests=2000"]), Some(0));
    assert_eq!(code(&["--slo", "ttft.max<1us"]), Some(99));
    assert_eq!(code(&["--slo", "ttft.max<1us", "--slo-exit-zero"]), Some(0));
    assert_eq!(code(&["--nonsense"]), Some(2));
    assert_eq!(place.run(&[]).code, Some(2));
    assert_eq!(place.run(&["nonsense"]).code, Some(2));
}

#[test]
fn a_server_that_rejects_everyone_is_said_to() {
    let ended = Workplace::new().run(&["run", "--max-model-len", "3"]);
    let all = "all 10000 requests were rejected";
    assert!(ended.stdout.contains(all), "{}", ended.stdout);
    assert!(!ended.stdout.contains("simulate more"), "{}", ended.stdout);
}

#[test]
fn what_does_not_fit_shows_the_arithmetic_and_a_way_out() {
    let place = Workplace::new();
    let ended = place.run(&["run", "--model", "llama-3.1-70b"]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    for part in ["weights", "left for the KV cache", "tensor_parallel"] {
        assert!(ended.stderr.contains(part), "{part} in {}", ended.stderr);
    }
    assert_eq!(ended.stdout, "");
    // The remedy it gives works.
    let ended = place.run(&[
        "run",
        "--model",
        "llama-3.1-70b",
        "--tensor-parallel-size",
        "4",
        "--set",
        "workload.requests=50",
        "--slo-exit-zero",
    ]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[test]
fn files_are_written_whole_and_beside_nothing_else() {
    let place = Workplace::new();
    let mut arguments = SMALL.to_vec();
    arguments.extend([
        "--requests-out",
        "requests.csv",
        "--timeline-out",
        "timeline.csv",
        "--slo-exit-zero",
    ]);
    assert_eq!(place.run(&arguments).code, Some(0));
    assert_eq!(place.listing(), ["requests.csv", "timeline.csv"]);
    let requests = std::fs::read_to_string(place.path("requests.csv")).unwrap();
    assert_eq!(requests.lines().count(), 201);
    let timeline = std::fs::read_to_string(place.path("timeline.csv")).unwrap();
    assert!(
        timeline.starts_with("t_s,waiting,running,kv_usage,waiting_max,running_max\n0,"),
        "{timeline}"
    );
}

#[test]
fn init_writes_a_scenario_that_runs_and_overwrites_nothing() {
    let place = Workplace::new();
    assert_eq!(place.run(&["init", "scenario.toml"]).code, Some(0));
    assert_eq!(
        place
            .run(&[
                "run",
                "scenario.toml",
                "--set",
                "workload.requests=50",
                "--slo-exit-zero"
            ])
            .code,
        Some(0)
    );
    let again = place.run(&["init", "scenario.toml"]);
    assert_eq!(again.code, Some(2));
    assert!(again.stderr.contains("--force"), "{}", again.stderr);
    assert_eq!(place.run(&["init", "scenario.toml", "--force"]).code, Some(0));
}

#[test]
fn check_says_that_both_engines_agree_or_that_there_is_one() {
    let place = Workplace::new();
    place.run(&["init", "scenario.toml"]);
    let check = |settings: &[&str]| {
        let mut words = vec!["check", "scenario.toml", "--set", "workload.requests=100"];
        words.extend(settings.iter().flat_map(|setting| ["--set", setting]));
        let ended = place.run(&words);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended.stdout
    };
    for name in tailcast::policy::POLICIES.map(|policy| policy.name) {
        let told = check(&[&format!("batching.policy={name}")]);
        assert!(told.starts_with("equal: both engines tell the same "), "{told}");
    }
    for settings in [
        "batching={ policy = \"sglang\", enable_mixed_chunk = true }",
        "batching.speculative={ method = \"ngram\", tokens = 2, acceptance = 0.5 }",
    ] {
        let told = check(&[settings]);
        assert!(
            told.starts_with("equal: both engines tell the same "),
            "{settings}: {told}"
        );
    }
    let told = check(&["model.name=\"gpt-oss-20b\"", "batching.scheduling=priority"]);
    let expected = "one engine: continuous with priorities over groups of layers has no fast engine, so there is \
                    nothing to compare; ";
    assert!(told.starts_with(expected), "{told}");
}

#[test]
fn lists_name_everything_that_scenarios_may_name() {
    let place = Workplace::new();
    for (verb, name) in [("models", "llama-3.1-8b"), ("gpus", "h100-sxm")] {
        let ended = place.run(&[verb]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(ended.stdout.contains(name));
        let json = place.run(&[verb, "--format", "json"]);
        let list: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
        assert!(list.as_array().unwrap().iter().any(|entry| entry["name"] == name));
        let one = place.run(&[verb, name]);
        assert!(one.stdout.contains(name), "{}", one.stdout);
        assert_eq!(place.run(&[verb, "nonsense"]).code, Some(2));
    }
    assert!(place.run(&["gpus", "h100-sxm"]).stdout.contains("datasheet"));
}

#[test]
fn a_reader_that_stops_early_is_no_failure() {
    let place = Workplace::new();
    let mut child = place
        .command(&["models", "--format", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Closed before anything is read: every write fails.
    drop(child.stdout.take());
    let mut messages = String::new();
    child.stderr.take().unwrap().read_to_string(&mut messages).unwrap();
    let code = child.wait().unwrap().code();
    assert!(matches!(code, Some(0 | 141)), "{code:?}");
    assert_eq!(messages, "");
}

#[test]
fn colour_appears_only_when_asked_for() {
    let place = Workplace::new();
    let colourful = |ended: &Ended| ended.stdout.contains('\u{1b}') || ended.stderr.contains('\u{1b}');
    let run = |more: &[&str], variable: Option<(&str, &str)>| {
        let mut arguments = SMALL.to_vec();
        arguments.extend(more);
        let mut command = place.command(&arguments);
        if let Some((name, value)) = variable {
            command.env(name, value);
        }
        Ended::of(command.output().unwrap())
    };
    assert!(!colourful(&run(&[], None)), "not a terminal");
    assert!(colourful(&run(&["--color", "always"], None)));
    assert!(colourful(&run(&[], Some(("CLICOLOR_FORCE", "1")))));
    assert!(!colourful(&run(&["--color", "never"], Some(("CLICOLOR_FORCE", "1")))));
    assert!(!colourful(&run(
        &["--set", "seed=x", "--color", "auto"],
        Some(("NO_COLOR", "1"))
    )));
}

#[test]
fn a_seed_gives_the_same_bytes_and_another_seed_others() {
    let place = Workplace::new();
    let with_seed = |seed: &'static str| {
        let mut arguments = SMALL.to_vec();
        arguments.extend(["--seed", seed, "--format", "json"]);
        place.run(&arguments).stdout
    };
    assert_eq!(with_seed("7"), with_seed("7"));
    assert_ne!(with_seed("7"), with_seed("8"));
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_prints_what_it_has_and_leaves_no_half_file() {
    let place = Workplace::new();
    let endless = [
        "run",
        "--set",
        "workload.requests=20000000",
        "--requests-out",
        "requests.csv",
    ];
    let child = place
        .command(&endless)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    let ended = Ended::interrupted(child);
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    assert!(ended.stdout.contains("TTFT"), "{}", ended.stdout);
    assert!(
        place.listing().iter().all(|name| name == "requests.csv"),
        "{:?}",
        place.listing()
    );
}

#[test]
fn nothing_for_people_is_wider_than_columns_says() {
    let place = Workplace::new();
    let arguments = [
        "compare",
        "--vary",
        "batching.max_num_seqs=32,64",
        "--set",
        "workload.requests=300",
        "--quiet",
    ];
    let wide = place.run(&arguments).stdout;
    assert!(wide.lines().any(|line| line.chars().count() > 100), "{wide}");
    let narrow = place.command(&arguments).env("COLUMNS", "72").output().unwrap();
    let narrow = String::from_utf8(narrow.stdout).unwrap();
    assert!(narrow.lines().all(|line| line.chars().count() <= 72), "{narrow}");
    // Every word is still there.
    for word in wide.split_whitespace() {
        assert!(narrow.contains(word), "{word} is not in\n{narrow}");
    }
    // A result for programs stays as it is.
    let json = |columns| {
        let mut command = place.command(&["run", "--set", "workload.requests=50", "--format", "json", "--quiet"]);
        command.env("COLUMNS", columns).output().unwrap().stdout
    };
    assert_eq!(json("40"), json("400"));
}
