//! What the benchmarks of vLLM and SGLang print at their end, as people keep it in logs.
//!
//! Sources: `vllm/benchmarks/serve.py`, `sglang/bench_serving.py`. Each latency has its unit behind its name. vLLM
//! prints a rate if there is one, and how many were outstanding if that was bounded.

use serde_json::{Map, Value};

use super::bench_json;
use super::glance::{FileForm, Glance, HEADING};
use super::result::Measured;
use crate::config::reader::diagnostic::Diagnostic;

/// Lines that are about the whole run, with the key that has the same in JSON.
const LINES: [(&str, &str); 14] = [
    ("Successful requests", "completed"),
    ("Failed requests", "failed"),
    ("Maximum request concurrency", "max_concurrency"),
    ("Max request concurrency", "max_concurrency"),
    ("Request rate configured (RPS)", "request_rate"),
    ("Traffic request rate", "request_rate"),
    ("Benchmark duration (s)", "duration"),
    ("Total input tokens", "total_input_tokens"),
    ("Total generated tokens", "total_output_tokens"),
    (
        "Total generated tokens (retokenized)",
        "total_output_tokens_retokenized",
    ),
    ("Request throughput (req/s)", "request_throughput"),
    ("Input token throughput (tok/s)", "input_throughput"),
    ("Output token throughput (tok/s)", "output_throughput"),
    ("Model", "model_id"),
];

/// Whether a file has such numbers in it.
pub fn is_console(glance: &Glance) -> bool {
    glance.form == FileForm::Console
}

/// Reads all runs.
pub fn read(name: &str, content: &str) -> Result<Vec<Measured>, Diagnostic> {
    let runs = content.split(HEADING).skip(1);
    bench_json::of_objects(name, runs.map(|run| Value::Object(of_run(run))).collect())
}

fn of_run(text: &str) -> Map<String, Value> {
    let mut found = Map::new();
    for line in text.lines() {
        let Some((title, value)) = line.split_once(':') else {
            continue;
        };
        let (title, value) = (title.trim(), value.trim());
        let key = LINES
            .iter()
            .find(|(line, _)| *line == title)
            .map(|(_, key)| (*key).to_owned());
        if let Some(key) = key.or_else(|| latency(title))
            && !found.contains_key(&key)
            && value != "not set"
        {
            found.insert(key, Value::from(value));
        }
    }
    if found.contains_key("max_concurrency") && !found.contains_key("request_rate") {
        found.insert("request_rate".to_owned(), Value::from("inf"));
    }
    found
}

/// `P99 TTFT (ms)` as the key that has it in JSON.
fn latency(title: &str) -> Option<String> {
    let (statistic, metric) = title.strip_suffix(" (ms)")?.split_once(' ')?;
    let key = format!("{statistic}_{metric}_ms").to_lowercase();
    Some(key.replace(' ', "_"))
}
