//! Whether requests come in waves is noticed, whatever makes them, and of no other load is it said.

use std::fmt::Write;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use tailcast::answer::{Base, Control};
use tailcast::metrics::Waves;
use tailcast::study::{self, Bounds};

use crate::capacities::json;
use crate::command::Workplace;
use crate::trace_facts::real;

/// A server that makes a hundred short prompts in a step.
fn scenario(output: &str, arrivals: &str, changes: &str) -> String {
    format!(
        r#"
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
step_time = {{ base_us = 10000, per_token_us = 50 }}
[batching]
policy = "continuous"
[workload]
requests = 3000
prompt = {{ dist = "fixed", value = 20 }}
output = {output}
arrivals = {arrivals}
{changes}
"#
    )
}

const EQUAL: &str = "{ dist = \"fixed\", value = 100 }";
const RANDOM: &str = "{ dist = \"lognormal\", median = 100, sigma = 0.5, max = 1000 }";

fn waves_of(text: &str, seed: u64) -> Waves {
    let input = Base::from_toml(text)
        .load()
        .unwrap_or_else(|error| panic!("{error}\n{text}"));
    let run = study::run(&input, seed, Vec::new(), &Control::default(), &Bounds::default()).unwrap();
    run.replayed.waves
}

#[test]
fn waves_are_noticed_whatever_makes_them() {
    let together = "{ process = \"closed\", concurrency = 100, think = \"30s\", start = \"together\" }";
    let mut stages = "{ process = \"stages\", stages = [".to_owned();
    for _ in 0..30 {
        stages.push_str("{ rate = 1000.0, duration = \"100ms\" }, { rate = 0.0, duration = \"30s\" }, ");
    }
    stages.push_str("] }");
    let sessions = "session = { turns = 10, think = \"30s\" }";
    let clients = "{ process = \"closed\", concurrency = 64 }";
    let bursts = "{ process = \"gamma\", rate = 1.0, cv = 30.0 }";
    for (what, text) in [
        ("equal pauses", scenario(EQUAL, together, "")),
        ("equal lengths", scenario(EQUAL, clients, "")),
        ("stages", scenario(RANDOM, &stages, "")),
        ("equal pauses in sessions", scenario(EQUAL, clients, sessions)),
        ("bursts", scenario(RANDOM, bursts, "")),
    ] {
        let waves = waves_of(&text, 42);
        assert!(waves.are_most(), "{what}: {waves:?}");
        assert!(waves.waves > 1 && waves.mean_size() >= 9.0, "{what}: {waves:?}");
    }
}

#[test]
fn other_loads_have_no_waves() {
    for (arrivals, changes) in [
        ("{ process = \"poisson\", rate = 3.0 }", ""),
        ("{ process = \"constant\", rate = 3.0 }", ""),
        ("{ process = \"gamma\", rate = 3.0, cv = 3.0 }", ""),
        ("{ process = \"at_once\" }", ""),
        ("{ process = \"closed\", concurrency = 64 }", ""),
        ("{ process = \"closed\", concurrency = 100, think = \"30s\" }", ""),
        ("{ process = \"at_once\" }", "[client]\nmax_outstanding = 32\n"),
        // A rush, and a long time after it.
        (
            "{ process = \"stages\", stages = [{ rate = 20.0, duration = \"100s\" }, \
             { rate = 0.1, duration = \"9000s\" }] }",
            "",
        ),
    ] {
        let waves = waves_of(&scenario(RANDOM, arrivals, changes), 42);
        assert!(!waves.are_most(), "{arrivals}: {waves:?}");
    }
}

#[test]
fn a_recorded_load_has_no_waves_unless_its_clock_ticks_slowly() {
    let place = Workplace::new();
    if let Some(path) = real("azure2023/AzureLLMInferenceTrace_conv.csv") {
        for speedup in [1, 4] {
            let text = format!(
                "[model]\nname = \"llama-3.1-8b\"\n[server]\ngpu = \"h100-sxm\"\n[workload]\n\
                 trace = {{ path = {path:?}, limit = 5000, speedup = {speedup} }}\n"
            );
            let waves = waves_of(&text, 1);
            assert!(
                !waves.are_most() && waves.arrivals > 4_000,
                "speedup {speedup}: {waves:?}"
            );
        }
    }
    let mut rows = "arrival_s,input_tokens,output_tokens\n".to_owned();
    let mut random = Xoshiro256PlusPlus::seed_from_u64(3);
    let mut at = 0.0;
    for row in 0..2_000 {
        at += -f64::ln(1.0 - random.random::<f64>()) / 25.0;
        let _ = writeln!(rows, "{},{},{}", f64::floor(at), 100 + row % 7, 20 + row % 11);
    }
    place.write("ticks.csv", &rows);
    let scenario = |options: &str| {
        format!(
            "[model]\nname = \"llama-3.1-8b\"\n[server]\ngpu = \"h100-sxm\"\n[workload]\n\
             trace = {{ path = \"ticks.csv\"{options} }}\n"
        )
    };
    place.write("ticks.toml", scenario(""));
    place.write("spread.toml", scenario(", jitter_ties = \"uniform\""));
    // The warning of ties says what the waves come from, so theirs says nothing more.
    let ended = place.run(&["run", "ticks.toml"]);
    assert!(ended.stderr.contains("the same time stamp"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("come in waves"), "{}", ended.stderr);
    let input = |name: &str| Base::from_file(place.path(name)).load().unwrap();
    let waves = |name: &str| {
        let run = study::run(&input(name), 1, Vec::new(), &Control::default(), &Bounds::default()).unwrap();
        run.replayed.waves
    };
    assert!(waves("ticks.toml").are_most(), "{:?}", waves("ticks.toml"));
    assert!(!waves("spread.toml").are_most(), "{:?}", waves("spread.toml"));
}

#[test]
fn a_run_in_waves_says_so_on_stderr_and_in_its_result() {
    let place = Workplace::new();
    let text = |start: &str| {
        let arrivals = format!("{{ process = \"closed\", concurrency = 50, think = \"60s\"{start} }}");
        scenario(EQUAL, &arrivals, "")
    };
    place.write("waves.toml", text(", start = \"together\""));
    place.write("spread.toml", text(""));
    let said = |file: &str| {
        let ended = place.run(&["run", file, "--format", "json"]);
        let told = ended.stderr.contains("come in waves");
        let result = json(&ended);
        let warnings = result["warnings"].as_array().unwrap();
        let kept = warnings.iter().any(|it| it.as_str().unwrap().contains("come in waves"));
        [told, kept]
    };
    assert_eq!(said("waves.toml"), [true, true]);
    assert_eq!(said("spread.toml"), [false, false]);
    // Studies tell it too, once.
    let ended = place.run(&["curve", "waves.toml", "--concurrency", "40,50"]);
    assert_eq!(ended.stderr.matches("come in waves").count(), 1, "{}", ended.stderr);
}

/// A server and lengths of all kinds, with arrivals that depend on nothing or on answers of random length.
fn random_scenario(random: &mut Xoshiro256PlusPlus) -> String {
    let pick = |random: &mut Xoshiro256PlusPlus, all: &[&str]| all[random.random_range(0..all.len())].to_owned();
    let policy = pick(
        random,
        &["none", "static", "continuous", "continuous", "continuous", "orca"],
    );
    let gpu = pick(random, &["h100-sxm", "l4", "a10g"]);
    let rate = 10_f64.powf(random.random_range(-1.0..2.0));
    let clients = 1 << random.random_range(0..9);
    let think = 10_f64.powf(random.random_range(-1.0..2.0));
    let arrivals = match random.random_range(0..6) {
        0 | 1 => format!("{{ process = \"poisson\", rate = {rate} }}"),
        2 => format!(
            "{{ process = \"gamma\", rate = {rate}, cv = {} }}",
            random.random_range(0.1..2.0)
        ),
        3 => format!("{{ process = \"closed\", concurrency = {clients} }}"),
        4 => format!("{{ process = \"closed\", concurrency = {clients}, think = \"{think}s\" }}"),
        _ => format!(
            "{{ process = \"closed\", concurrency = {clients}, \
             think = {{ dist = \"exponential\", mean = \"{think}s\" }} }}"
        ),
    };
    let lengths = |random: &mut Xoshiro256PlusPlus| {
        let mean = 10_f64.powf(random.random_range(0.7..3.0));
        match random.random_range(0..3) {
            0 => format!("{{ dist = \"exponential\", mean = {mean}, max = 4000 }}"),
            1 => format!("{{ dist = \"lognormal\", median = {mean}, sigma = 0.8, max = 4000 }}"),
            _ => format!("{{ dist = \"gamma\", mean = {mean}, cv = 1.0, max = 4000 }}"),
        }
    };
    let (prompt, output) = (lengths(random), lengths(random));
    format!(
        "[model]\nname = \"llama-3.1-8b\"\n[server]\ngpu = \"{gpu}\"\nmax_model_len = 9000\n[batching]\n\
         policy = \"{policy}\"\n[workload]\nrequests = 400\narrivals = {arrivals}\nprompt = {prompt}\n\
         output = {output}\n"
    )
}

#[test]
fn random_scenarios_without_waves_raise_no_alarm() {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(20);
    for world in 0..60 {
        let text = random_scenario(&mut random);
        let waves = waves_of(&text, world);
        assert!(!waves.are_most(), "world {world}: {waves:?}\n{text}");
    }
}
