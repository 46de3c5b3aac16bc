//! Advice that is right: what is said to those who know other tools, or know a name by half.

use crate::command::{Ended, Workplace};

#[track_caller]
fn expect(arguments: &[&str], code: i32, hints: &[&str]) -> Ended {
    let ended = Workplace::new().run(arguments);
    let said = format!("{}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.code, Some(code), "{arguments:?}: {said}");
    for hint in hints {
        assert!(said.contains(hint), "{arguments:?}: {hint:?} is not in {said}");
    }
    ended
}

#[test]
fn the_load_of_a_run_has_flags_that_set_what_the_keys_do() {
    let place = Workplace::new();
    let json = |arguments: &[&str]| {
        let ended = place.run(&[&["run", "--format", "json", "--requests", "1500"], arguments].concat());
        assert!(matches!(ended.code, Some(0 | 99)), "{arguments:?}: {}", ended.stderr);
        let mut result: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
        result.as_object_mut().unwrap().remove("wall_s");
        result
    };
    let closed = "workload.arrivals={ process = \"closed\", concurrency = 7 }";
    assert_eq!(json(&["--rate", "9"]), json(&["--set", "workload.arrivals.rate=9"]));
    assert_eq!(json(&["--concurrency", "7"]), json(&["--set", closed]));
    assert_eq!(json(&[])["requests"]["arrived"], 1500);
    expect(
        &["run", "--rate", "9", "--concurrency", "7"],
        2,
        &["cannot be used with"],
    );
    expect(&["run", "--rate", "-9"], 2, &["--rate", "above 0"]);
    expect(&["run", "--requests", "many"], 2, &["--requests"]);
    // What an arrival process does not have is said with the key that the flag stands for.
    let stages = "workload.arrivals={ process = \"stages\", stages = [{ rate = 1, duration = \"9s\" }] }";
    expect(&["run", "--set", stages, "--rate", "9"], 2, &["workload.arrivals.rate"]);
}

#[test]
fn flags_of_other_tools_are_said_in_our_words() {
    for (flag, hint) in [
        ("--request-rate=5", "--rate 8"),
        ("--max-concurrency", "--concurrency 32"),
        ("--num-prompts", "--requests 1000"),
        ("--json", "--format json"),
        ("--dtype", "--set model.weights=fp8"),
        ("--quantization", "--set model.weights=fp8"),
        ("--pipeline-parallel-size", "pipeline parallelism is not modelled"),
        ("--data-parallel-size", "tailcast capacity"),
        (
            "--random-input-len",
            "--set 'workload.prompt={ dist = \"fixed\", value = 1024 }'",
        ),
        (
            "--random_output_len",
            "--set 'workload.output={ dist = \"fixed\", value = 128 }'",
        ),
        ("--tp", "--tensor-parallel-size 2"),
        (
            "--dataset-name",
            "--set 'workload={ trace = { path = \"trace.csv\" } }'",
        ),
    ] {
        let ended = expect(&["run", flag], 2, &["unexpected argument", hint]);
        assert!(!ended.stderr.contains("a similar argument"), "{}", ended.stderr);
    }
    // What is near a flag of ours is still said where there is no hint.
    expect(&["run", "--formt", "json"], 2, &["'--format'"]);
    // This verb has a flag of that name.
    expect(&["capacity", "--rate", "x"], 2, &["--rate"]);
}

#[test]
fn half_a_name_is_completed() {
    for (gpu, hint) in [
        ("a100", "Did you mean 'a100-80-sxm', 'a100-80-pcie' or 'a100-40-sxm'?"),
        ("H100", "Did you mean 'h100-sxm', 'h100-pcie' or 'h100-nvl'?"),
        ("pro6000", "Did you mean 'rtx-pro-6000'?"),
        ("a100_80_sxm", "Did you mean 'a100-80-sxm'?"),
        ("h100-smx", "Did you mean 'h100-sxm'?"),
    ] {
        expect(&["run", "--gpu", gpu], 2, &[hint]);
    }
    expect(&["run", "--model", "llama3.1-8b"], 2, &["Did you mean 'llama-3.1-8b'?"]);
    let ended = expect(&["run", "--gpu", "zzz"], 2, &["`tailcast gpus` lists them"]);
    assert!(!ended.stderr.contains("Did you mean"), "{}", ended.stderr);
}

#[test]
fn lists_are_searched_by_words() {
    let rows = |ended: &Ended| -> Vec<String> {
        let lines = ended.stdout.lines().skip(1).take_while(|line| !line.is_empty());
        lines.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    };
    let found = rows(&expect(&["gpus", "a100"], 0, &[]));
    assert_eq!(found, ["a100-40-sxm", "a100-80-pcie", "a100-80-sxm"]);
    let found = rows(&expect(&["gpus", "A100", "80"], 0, &[]));
    assert_eq!(found, ["a100-80-pcie", "a100-80-sxm"]);
    let found = rows(&expect(&["models", "qwen", "32b"], 0, &[]));
    assert_eq!(found, ["qwen2.5-32b", "qwen3-32b"]);
    // The organisation.
    let found = rows(&expect(&["models", "mistralai/"], 0, &[]));
    assert!(
        found.len() > 2 && found.iter().all(|name| name.starts_with("mi")),
        "{found:?}"
    );
    // A name is that one alone, with its sources.
    expect(&["gpus", "h200"], 0, &["bandwidth"]);
    expect(&["models", "meta-llama/Llama-3.1-8B"], 0, &["source"]);
    expect(&["models", "llama", "9000b"], 2, &["there is no model 'llama 9000b'"]);
    expect(&["gpus", "h300"], 2, &["Did you mean"]);
    let ended = expect(&["gpus", "b200", "--format", "json"], 0, &[]);
    let json: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(json[0]["name"], "b200");
}

#[test]
fn no_message_holds_hundreds_of_digits() {
    let nines = "9".repeat(300);
    let rate = "workload.arrivals.rate";
    for (verb, flag, value) in [
        ("run", "--set", format!("{rate}=1e300")),
        ("run", "--set", format!("{rate}=1e-300")),
        ("run", "--set", format!("{rate}={nines}")),
        ("run", "--set", format!("{rate}=\"{nines}\"")),
        ("run", "--set", "workload.timeout=1e300".to_owned()),
        ("run", "--set", format!("workload.timeout={nines}s")),
        ("run", "--set", format!("workload.timeout=\"{nines}\"")),
        ("run", "--set", "seed=-1e300".to_owned()),
        ("run", "--slo", format!("ttft.p99<{nines}s")),
        ("curve", "--rate", "1e300".to_owned()),
        ("curve", "--rate", "1e-300".to_owned()),
        ("curve", "--concurrency", "1e300".to_owned()),
        ("compare", "--vary", format!("{rate}=1e300,1")),
    ] {
        let ended = expect(&[verb, flag, &value], 2, &[]);
        // The line that was written stands below, cut around the place.
        let said = ended.stderr.lines().filter(|line| !line.starts_with("1 |"));
        let longest = said.map(|line| {
            let digits = line.split(|letter: char| !letter.is_ascii_digit() && letter != '.');
            digits.map(str::len).max().unwrap_or(0)
        });
        assert!(longest.max() <= Some(60), "{verb} {flag}: {}", ended.stderr);
    }
    expect(
        &["run", "--set", "workload.arrivals.rate=1e300"],
        2,
        &["at most 1000000000, not 1e300"],
    );
    expect(&["curve", "--rate", "1e300"], 2, &["1.00e300 req/s: ", "not 1e300"]);
}

#[test]
fn types_are_called_what_the_format_calls_them() {
    let place = Workplace::new();
    place.write("m.toml", "title = \"m\"\nsource = \"s\"\nhidden_size = [1]\n");
    place.write("config.json", "{\"hidden_size\": {}}");
    for (file, said) in [
        ("m.toml", "m.toml:3:15: invalid type: a list, expected a whole number"),
        (
            "config.json",
            "config.json:1:16: invalid type: an object, expected a whole number",
        ),
    ] {
        let ended = place.run(&["run", "--set", &format!("model={{ config = \"{file}\" }}")]);
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
    let help = place.run(&["trace", "info", "-h"]);
    assert!(
        help.stdout.contains("[default: text]") && !help.stdout.contains("array"),
        "{}",
        help.stdout
    );
}

#[test]
fn a_wrong_kind_of_figure_is_no_wrong_file() {
    let ended = expect(
        &["run", "--figure", "foo=x.svg"],
        2,
        &["there is no kind of figure `foo`", "kinds: "],
    );
    assert!(
        !ended.stderr.contains("figures are SVG or PNG files"),
        "{}",
        ended.stderr
    );
    expect(&["run", "--figure", "x.jpg"], 2, &["figures are SVG or PNG files"]);
    expect(&["run", "--figure", "latencys=x.svg"], 2, &["kinds: "]);
}
