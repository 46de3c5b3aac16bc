//! Reading takes time in proportion to what is written: no key, column, entry or file is looked up among all others.
//!
//! Each input is so large that comparing everything with everything took minutes; reading it once takes a second or
//! two.

use std::fmt::Write;
use std::time::{Duration, Instant};

use crate::command::Workplace;

/// What a slow machine may take.
const PATIENCE: Duration = Duration::from_secs(30);

const SCENARIO: &str = r#"
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
[workload]
requests = 5
arrivals = { process = "poisson", rate = 8.0 }
prompt = { dist = "fixed", value = 30 }
output = { dist = "fixed", value = 4 }
"#;
const ARRIVALS: &str = "{ process = \"poisson\", rate = 8.0 }";
const PROMPT: &str = "{ dist = \"fixed\", value = 30 }";

/// The entries of a list, made of their numbers.
fn list(count: usize, separator: &str, entry: impl Fn(usize) -> String) -> String {
    (0..count).map(entry).collect::<Vec<_>>().join(separator)
}

#[track_caller]
fn ends_soon(place: &Workplace, arguments: &[&str], code: i32, hint: &str) {
    let start = Instant::now();
    let ended = place.run(arguments);
    let took = start.elapsed();
    let said = format!("{}{}", ended.stdout, ended.stderr);
    let shown: String = said.chars().take(500).collect();
    assert_eq!(ended.code, Some(code), "{arguments:?}: {shown}");
    assert!(said.contains(hint), "{arguments:?}: {hint:?} is not in {shown}");
    assert!(took < PATIENCE, "{arguments:?} took {took:?}");
}

#[test]
fn lists_and_tables_of_a_scenario_may_be_long() {
    let place = Workplace::new();
    for separator in [", ", ",\n"] {
        let stages = list(16_000, separator, |_| "{ rate = 1.0, duration = \"1s\" }".to_owned());
        let stages = format!("{{ process = \"stages\", stages = [{stages}] }}");
        place.write("stages.toml", SCENARIO.replace(ARRIVALS, &stages));
        ends_soon(&place, &["run", "stages.toml", "--format", "json"], 0, "scenario_hash");

        let part = |number| format!("{{ weight = 1.0, dist = \"fixed\", value = {} }}", number % 100 + 1);
        let parts = list(8_000, separator, part);
        let mixture = format!("{{ dist = \"mixture\", parts = [{parts}] }}");
        place.write("mixture.toml", SCENARIO.replace(PROMPT, &mixture));
        ends_soon(&place, &["run", "mixture.toml", "--format", "json"], 0, "scenario_hash");
    }
    let objectives = list(50_000, "\n", |number| format!("x{number} = \"2s\""));
    place.write("slo.toml", format!("{SCENARIO}[slo]\n{objectives}\n"));
    ends_soon(&place, &["run", "slo.toml"], 2, "slo.toml:12");
    let keys = list(100_000, "\n", |number| format!("x{number} = 1"));
    place.write("keys.toml", format!("{keys}{SCENARIO}"));
    ends_soon(&place, &["run", "keys.toml"], 2, "known keys");
}

#[test]
fn many_keys_may_be_set_on_the_command_line() {
    let place = Workplace::new();
    place.write("s.toml", SCENARIO);
    let set: Vec<String> = (1..4_000).map(|number| format!("workload.requests={number}")).collect();
    let mut arguments = vec!["run", "s.toml", "--format", "json", "--set", "workload.requests=5"];
    arguments.extend(set.iter().flat_map(|set| ["--set", set]));
    arguments.extend(["--set", "workload.requests=7"]);
    ends_soon(&place, &arguments, 0, "\"arrived\": 7");
}

#[test]
fn tables_may_have_many_columns() {
    const COLUMNS: usize = 200_000;
    let place = Workplace::new();
    place.write("s.toml", SCENARIO);
    let (names, cells) = (
        list(COLUMNS, ",", |number| format!("c{number}")),
        list(COLUMNS, ",", |_| "1".to_owned()),
    );
    place.write(
        "trace.csv",
        format!("arrival_s,input_tokens,output_tokens,{names}\n0,10,5,{cells}\n"),
    );
    ends_soon(&place, &["trace", "info", "trace.csv"], 0, "Requests     1");
    place.write(
        "requests.csv",
        format!("arrival_s,first_token_s,finished_s,input_tokens,output_tokens,{names}\n0,1,2,10,5,{cells}\n"),
    );
    place.write(
        "manifest.toml",
        "[[experiment]]\nscenario = \"s.toml\"\n[experiment.measured]\nfile = \"requests.csv\"\n",
    );
    ends_soon(&place, &["validate", "manifest.toml"], 0, "ttft.mean");
    place.write(
        "steps.csv",
        format!("batch,context,step_us,{names}\n1,100,1000,{cells}\n"),
    );
    ends_soon(&place, &["calibrate", "s.toml", "steps.csv"], 2, "too few");
    // The column that is there twice is found among all others.
    place.write(
        "steps.csv",
        format!("batch,context,step_us,{names},c7\n1,100,1000,{cells},1\n"),
    );
    ends_soon(&place, &["calibrate", "s.toml", "steps.csv"], 2, "`c7` twice");
}

#[test]
fn studies_and_manifests_may_be_long() {
    let place = Workplace::new();
    place.write("s.toml", SCENARIO);
    let experiment = |number| {
        format!(
            "[[experiment]]\nname = \"e{number}\"\nscenario = \"s.toml\"\nset = {{ seed = {number} }}\n\
             [experiment.measured]\n\"ttft.mean\" = \"20ms\"\n"
        )
    };
    let mut manifest = list(20_000, "", experiment);
    manifest.push_str("\"nothing.like.it\" = 1\n");
    place.write("manifest.toml", manifest);
    ends_soon(&place, &["validate", "manifest.toml"], 2, "`nothing.like.it`");

    let axes = list(5_000, "", |number| {
        format!("[[axis]]\nkey = \"a.b{number}\"\nvalues = [1]\n")
    });
    place.write(
        "axes.toml",
        format!("scenario = \"s.toml\"\n{axes}[[axis]]\nkey = \"a.b7\"\nvalues = [1]\n"),
    );
    ends_soon(&place, &["sweep", "axes.toml", "--dry-run"], 2, "`a.b7` varies twice");
    let metrics = list(100_000, ", ", |number| format!("\"m{number}\""));
    place.write(
        "metrics.toml",
        format!("scenario = \"s.toml\"\nmetrics = [{metrics}]\n[[axis]]\nkey = \"seed\"\nvalues = [1]\n"),
    );
    ends_soon(&place, &["sweep", "metrics.toml", "--dry-run"], 2, "at most 1000");
}

#[test]
fn an_override_is_shown_where_it_was_written() {
    let place = Workplace::new();
    place.write("s.toml", SCENARIO);
    let mut manifest = String::new();
    for number in 0..3 {
        let gpu = if number == 2 { "no-such-gpu" } else { "l40s" };
        let _ = write!(
            manifest,
            "[[experiment]]\nscenario = \"s.toml\"\nset = {{ \"server.gpu\" = \"{gpu}\" }}\n\
             [experiment.measured]\n\"ttft.mean\" = \"20ms\"\n"
        );
    }
    place.write("manifest.toml", manifest);
    let ended = place.run(&["validate", "manifest.toml"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("manifest.toml:13:"), "{}", ended.stderr);
}

#[test]
fn a_long_prompt_takes_no_more_than_a_short_one() {
    let place = Workplace::new();
    place.write(
        "trace.csv",
        "arrival_s,input_tokens,output_tokens,segments\n0,1000000000,5,a:1000000000\n1,10,5,b:10\n\
         2,500000005,1000000000,a:500000000;b:5\n",
    );
    let start = Instant::now();
    let (ended, most) = place.run_measured(&["trace", "info", "trace.csv", "--format", "json"]);
    let info: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(info["sharing"]["token_hit_ratio"], 500_000_000.0 / 1_500_000_015.0);
    assert_eq!(
        (&info["input"]["max"], &info["input"]["precision"]),
        (&1_000_000_000.into(), &0.0.into())
    );
    assert!(most.is_none_or(|most| most < 64 << 20), "{most:?}");
    let only_trace = SCENARIO.lines().take_while(|line| !line.starts_with("requests"));
    let only_trace: Vec<&str> = only_trace.collect();
    place.write(
        "s.toml",
        format!("{}\ntrace = {{ path = \"trace.csv\" }}\n", only_trace.join("\n")),
    );
    for policy in ["none", "static", "continuous", "sglang", "trtllm"] {
        let set = format!("batching.policy={policy}");
        let (ended, most) =
            place.run_measured(&["run", "s.toml", "--slo-exit-zero", "--set", &set, "--format", "json"]);
        assert_eq!(ended.code, Some(0), "{policy}: {}", ended.stderr);
        assert!(ended.stdout.contains("\"rejected\": 2"), "{policy}: {}", ended.stdout);
        assert!(most.is_none_or(|most| most < 64 << 20), "{policy}: {most:?}");
    }
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
}

#[test]
fn the_facts_of_a_long_trace_take_no_more_memory_than_those_of_a_short_one() {
    let place = Workplace::new();
    let row = |number: usize| {
        format!(
            "{}.{},{},{},c{}:{}\n",
            number / 9,
            number % 9,
            number % 999 + 1,
            number % 7 + 1,
            number % 99,
            number % 999 + 1
        )
    };
    let taken = [1_000, 600_000].map(|rows| {
        let rows = list(rows, "", row);
        place.write(
            "trace.csv",
            format!("arrival_s,input_tokens,output_tokens,segments\n{rows}"),
        );
        let (ended, most) = place.run_measured(&["trace", "info", "trace.csv"]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        most
    });
    if let [Some(short), Some(long)] = taken {
        // A short run may be over before it is looked at.
        assert!(long < short.max(8 << 20) + (6 << 20), "{short} and {long} bytes");
    }
}
