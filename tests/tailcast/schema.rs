//! What is made of the declarations of settings: the JSON Schema and the reference of every key.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tailcast::config;

use crate::command::Workplace;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

fn as_json(text: &str) -> Value {
    let parsed: toml::Value = toml::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"));
    serde_json::to_value(parsed).unwrap()
}

fn validator() -> jsonschema::Validator {
    let schema = config::schema();
    assert!(jsonschema::meta::is_valid(&schema));
    jsonschema::validator_for(&schema).unwrap()
}

fn problems(validator: &jsonschema::Validator, document: &Value) -> Vec<String> {
    let errors = validator.iter_errors(document);
    errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

#[test]
fn shipped_scenarios_are_of_the_schema() {
    let validator = validator();
    let mut seen = 0;
    for entry in fs::read_dir(root().join("configs/scenarios")).unwrap() {
        let path = entry.unwrap().path();
        let found = problems(&validator, &as_json(&fs::read_to_string(&path).unwrap()));
        assert!(found.is_empty(), "{}: {found:?}", path.display());
        seen += 1;
    }
    assert!(seen > 5, "{seen} scenarios");
}

#[test]
fn other_spellings_are_of_the_schema() {
    let validator = validator();
    for text in [
        "batching = { max-num-seqs = 4, enable_chunked_prefill = true, enable-prefix-caching = false }",
        "server = { tensor_parallel_size = 2, num-gpu-blocks-override = 9000, step_time = \"times.toml\" }",
        "model = { config = \"config.json\", quantization = \"awq\", kv_cache_dtype = \"fp8_e4m3\" }",
        "workload = { requests = 1e6, priority = 3, prefix = { tokens = 500 } }",
        "workload = { session = { turns = 4, think = \"1.5 min\" } }",
        "workload = { prompt = { distribution = \"mixture\", parts = [{ weight = 1, dist = \"fixed\", value = 1 }] } }",
        "slo = { ttft = { p99 = \"2s\" }, \"tpot.mean\" = \"50ms\" }",
    ] {
        let found = problems(&validator, &as_json(text));
        assert!(found.is_empty(), "{text}: {found:?}");
    }
}

/// Each is wrong in a way that needs no model and no GPU to see.
const WRONG: [&str; 24] = [
    "sed = 42",
    "seed = -1",
    "name = \"\"",
    "model = \"llama-3.1-8b\"",
    "model = { weights = \"fp7\" }",
    "server = { gpus = 2 }",
    "server = { tensor_parallel = 0 }",
    "server = { gpu_memory_utilization = 1.5 }",
    "server = { block_size = 16.5 }",
    "server = { step_time = { base_us = -1 } }",
    "server = { cpu_time = 3 }",
    "batching = { policy = \"contiguous\" }",
    "batching = { max_num_seqs = \"64\" }",
    "batching = { speculative = { method = \"guess\", tokens = 3 } }",
    "workload = { requests = 0 }",
    "workload = { arrivals = { process = \"poisson\" } }",
    "workload = { arrivals = { process = \"poisson\", rate = 0 } }",
    "workload = { arrivals = { process = \"poisson\", rate = 8, cv = 2 } }",
    "workload = { arrivals = { rate = 8 } }",
    "workload = { prompt = { dist = \"fixed\", value = 0 } }",
    "workload = { prompt = { dist = \"mixture\", parts = [{ dist = \"fixed\", value = 1 }] } }",
    "workload = { timeout = 300 }",
    "workload = { trace = { format = \"csv\" } }",
    "slo = { \"ttft.p99\" = 2 }",
];

#[test]
fn wrong_scenarios_are_not_of_the_schema() {
    let validator = validator();
    for text in WRONG {
        assert!(!validator.is_valid(&as_json(text)), "{text}");
    }
}

#[test]
fn the_schema_is_printed() {
    let printed = Workplace::new().run(&["schema"]);
    assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    assert_eq!(
        serde_json::from_str::<Value>(&printed.stdout).unwrap(),
        config::schema()
    );
}

#[test]
fn the_starter_is_made_of_the_declarations() {
    let path = root().join("configs/scenarios/starter.toml");
    let made = config::starter("llama-3.1-8b", "h100-sxm").unwrap();
    if std::env::var_os("TAILCAST_WRITE_REFERENCE").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap();
    assert!(
        written == made,
        "{} is not what the declarations say; to write it anew: TAILCAST_WRITE_REFERENCE=1 cargo test starter",
        path.display()
    );
    let widest = written.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(120), "{widest:?} columns");
}

#[test]
fn the_starter_mentions_only_what_can_be_written() {
    let text = include_str!("../../configs/scenarios/starter.toml");
    let validator = validator();
    let (mut section, mut mentioned) = (String::new(), 0);
    for line in text.lines() {
        let line = line.trim_start_matches("# ");
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut section);
        }
        let is_assignment = line.split_once(" = ").is_some_and(|(key, _)| !key.contains([' ', '`']));
        if !is_assignment || section.is_empty() {
            continue;
        }
        let document = json!({ section.as_str(): as_json(line) });
        let found = problems(&validator, &document);
        assert!(found.is_empty(), "{section}: {line}: {found:?}");
        mentioned += 1;
    }
    assert!(mentioned > 25, "{mentioned} keys");
}

#[test]
fn the_reference_is_that_of_the_declarations() {
    let path = root().join("docs/REFERENCE.md");
    let reference = config::reference();
    if std::env::var_os("TAILCAST_WRITE_REFERENCE").is_some() {
        fs::write(&path, &reference).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == reference,
        "docs/REFERENCE.md is not what the declarations of settings say; write it anew by \
         TAILCAST_WRITE_REFERENCE=1 cargo test reference"
    );
}
