//! Whatever is written for whatever key, a run of a few requests ends soon, in little memory and with words: with
//! results or with an error that says what to write, never with a panic.
//!
//! `TAILCAST_FUZZ_SECONDS=600 cargo test run_fuzz` runs for longer, from another seed each time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rand::RngExt;
use rand::seq::IndexedRandom;
use serde_json::Value;
use tailcast::policy::POLICIES;
use tailcast::stats::streams::{Xoshiro256PlusPlus, stream};

use crate::command::Workplace;

const SCENARIO: &str = r#"
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
[workload]
requests = 30
arrivals = { process = "poisson", rate = 8.0 }
prompt = { dist = "lognormal", median = 512, sigma = 1.0, max = 20000 }
output = { dist = "lognormal", median = 100, sigma = 1.0, max = 2000 }
"#;

/// What a run of thirty requests may take, on a slow machine and without optimisation.
const PATIENCE: Duration = Duration::from_mins(1);
const MOST_BYTES: u64 = 1 << 30;

/// Values that readers and sums have been known to trip over.
const NASTY: [&str; 32] = [
    "0",
    "1",
    "-1",
    "2",
    "7",
    "0.5",
    "1e-9",
    "1e9",
    "1e15",
    "1e308",
    "nan",
    "-inf",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "16777216",
    "65536",
    "1000",
    "\"0s\"",
    "\"1ps\"",
    "\"1ms\"",
    "\"1s\"",
    "\"10d\"",
    "\"199days\"",
    "\"\"",
    "\"x\"",
    "true",
    "false",
    "[]",
    "{}",
    "[1]",
    "{ dist = \"fixed\", value = 1 }",
];
const ARRIVALS: [&str; 8] = [
    "{ process = \"at_once\" }",
    "{ process = \"closed\", concurrency = 16777216 }",
    "{ process = \"closed\", concurrency = 3, think = \"1s\" }",
    "{ process = \"gamma\", rate = 1e9, cv = 1000 }",
    "{ process = \"weibull\", rate = 5, shape = 0.05 }",
    "{ process = \"constant\", rate = 1e9 }",
    "{ process = \"stages\", stages = [{ rate = 1, duration = \"1s\" }, { rate = 1e9, duration = \"1ms\" }] }",
    "{ process = \"poisson\", rate = 1e-5 }",
];
const LENGTHS: [&str; 5] = [
    "{ dist = \"fixed\", value = 1 }",
    "{ dist = \"uniform\", min = 1, max = 3000 }",
    "{ dist = \"gamma\", mean = 1000, cv = 9, max = 4000 }",
    "{ dist = \"zipf\", exponent = 1.1, max = 4000 }",
    "{ dist = \"pareto\", min = 1, shape = 0.1, max = 4000 }",
];

/// A key that may be written, with its names of tables, and what the schema says of its values.
struct Key {
    path: String,
    schema: Value,
}

/// All keys of a scenario but those that ask for more than a few requests.
fn keys(place: &Workplace) -> Vec<Key> {
    let schema: Value = serde_json::from_str(&place.run(&["schema"]).stdout).unwrap();
    let mut found = Vec::new();
    collect("", &schema, &mut found);
    let asks_for_more = |path: &str| {
        ["requests", "duration", "trace", "stages"]
            .iter()
            .any(|it| path.contains(it))
    };
    found.retain(|key: &Key| !asks_for_more(&key.path));
    assert!(found.len() > 60, "{} keys", found.len());
    found
}

fn collect(path: &str, schema: &Value, found: &mut Vec<Key>) {
    for choices in ["oneOf", "anyOf", "allOf"] {
        let choices = schema[choices].as_array().into_iter().flatten();
        choices.for_each(|choice| collect(path, choice, found));
    }
    let Some(properties) = schema["properties"].as_object() else {
        if !path.is_empty() {
            let (path, schema) = (path.to_owned(), schema.clone());
            found.push(Key { path, schema });
        }
        return;
    };
    for (name, below) in properties {
        let dot = if path.is_empty() { "" } else { "." };
        collect(&format!("{path}{dot}{name}"), below, found);
    }
}

fn value_of(schema: &Value, random: &mut Xoshiro256PlusPlus) -> String {
    let words = schema["enum"].as_array().filter(|_| random.random_bool(0.7));
    if let Some(word) = words.and_then(|words| words.choose(random)) {
        return word.to_string();
    }
    let ends: Vec<&Value> = ["minimum", "maximum"]
        .iter()
        .map(|end| &schema[end])
        .filter(|end| end.is_number())
        .collect();
    match ends.choose(random).filter(|_| random.random_bool(0.5)) {
        Some(end) => end.to_string(),
        None => (*NASTY.choose(random).unwrap()).to_owned(),
    }
}

fn assignments(keys: &[Key], random: &mut Xoshiro256PlusPlus) -> Vec<String> {
    let mut all = Vec::new();
    let policies = POLICIES.map(|policy| policy.name);
    for (key, values, chance) in [
        ("batching.policy", &policies[..], 0.8),
        ("workload.arrivals", &ARRIVALS, 0.5),
        ("workload.prompt", &LENGTHS, 0.3),
        ("workload.output", &LENGTHS, 0.3),
        ("workload.timeout", &["1ns", "1ms", "1h"], 0.1),
    ] {
        if random.random_bool(chance) {
            all.push(format!("{key}={}", values.choose(random).unwrap()));
        }
    }
    for _ in 0..*[0, 0, 1, 1, 2, 3].choose(random).unwrap() {
        let key = keys.choose(random).unwrap();
        all.push(format!("{}={}", key.path, value_of(&key.schema, random)));
    }
    all
}

#[test]
fn no_run_of_a_few_requests_panics_or_takes_long_or_much() {
    let long = std::env::var("TAILCAST_FUZZ_SECONDS").ok();
    let seconds = long
        .as_ref()
        .map_or(5.0, |seconds| seconds.parse().expect("a number of seconds"));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = if long.is_some() { now.as_nanos() as u64 } else { 1 };
    let mut random = stream(seed, "run fuzz");
    let place = Workplace::new();
    place.write("s.toml", SCENARIO);
    let keys = keys(&place);
    let (mut runs, mut results) = (0, 0);
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    while Instant::now() < end || runs < 20 {
        let set = assignments(&keys, &mut random);
        let mut arguments = vec!["run", "s.toml", "--no-progress"];
        arguments.extend(set.iter().flat_map(|set| ["--set", set]));
        let start = Instant::now();
        let (ended, most) = place.run_measured(&arguments);
        let took = start.elapsed();
        let shown = format!("seed {seed}, run {runs}: {set:?}: {}", ended.stderr);
        assert!(matches!(ended.code, Some(0 | 2 | 3 | 99)), "{:?}: {shown}", ended.code);
        assert!(!ended.stderr.contains("panicked"), "{shown}");
        assert!(took < PATIENCE, "{took:?}: {shown}");
        assert!(most.is_none_or(|most| most < MOST_BYTES), "{most:?} bytes: {shown}");
        runs += 1;
        results += u32::from(ended.code == Some(0));
    }
    println!("{runs} runs from seed {seed}, {results} of them with results");
    assert!(
        results > runs / 10,
        "too few runs ({results} of {runs}) have results to test much"
    );
}
