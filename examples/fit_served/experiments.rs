//! Reads served runs, measured by others, as scenarios beside what was measured.
//!
//! The folder holds `experiments.csv` (one row a run: model, GPU, limits, workload), `stage_metrics.csv` (set, run, stage, metric, statistic,
//! value; stage -1 is the whole run), `per_request/` and `timeseries/`. Times are in ms unless a name ends in `_s`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use tailcast::config::{Layers, Scenario};

/// A run, and a scenario that says the same.
pub struct Experiment {
    /// What it is called.
    pub name: String,
    /// Which collection it belongs to.
    pub set: String,
    /// The model's name in the catalogue.
    pub model: &'static str,
    /// Its scenario, as TOML.
    pub text: String,
    /// What was measured: names as in reports, such as `ttft.mean` [s].
    pub measured: BTreeMap<String, f64>,
    /// What the memory model has to predict.
    pub logged_blocks: Option<u32>,
}

type Row = BTreeMap<String, String>;

fn rows(path: &Path) -> Vec<Row> {
    let mut reader = csv::Reader::from_path(path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    let header = reader.headers().unwrap().clone();
    let row = |record: csv::StringRecord| {
        let pairs = header.iter().zip(record.iter());
        pairs.map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
    };
    reader
        .records()
        .map(|record| row(record.unwrap()))
        .collect()
}

/// Every run of `folder`; recorded workloads are written to `traces`.
pub fn read(folder: &Path, traces: &Path) -> Vec<Experiment> {
    let measured = measured(folder);
    let mut all = Vec::new();
    for row in rows(&folder.join("experiments.csv")) {
        let (set, name) = (row["set"].clone(), row["exp_id"].clone());
        let workload = match set.as_str() {
            "blis16" => recorded(&row, folder, traces),
            "llmss4" => recorded_in_process(&row, folder, traces),
            _ => stages(&row),
        };
        let mut values = measured
            .get(&(set.clone(), name.clone()))
            .cloned()
            .unwrap_or_default();
        if set == "llmss4" {
            values.extend(measured_in_process(&name, folder));
        }
        all.push(Experiment {
            text: server(&row) + &workload,
            model: model(&row["model"]).0,
            logged_blocks: row["kv_blocks"].parse().ok(),
            measured: values,
            set,
            name,
        });
    }
    all
}

/// Reads the scenario of `experiment`; recorded workloads are in `traces`.
pub fn scenario(experiment: &Experiment, traces: &Path) -> Scenario {
    let path = traces.join(format!("{}-{}.toml", experiment.set, experiment.name));
    fs::write(&path, &experiment.text).unwrap();
    let layers = Layers {
        file: Some(path),
        flags: Vec::new(),
    };
    Scenario::load(&layers).unwrap_or_else(|problem| panic!("{}: {problem:?}", experiment.name))
}

/// Name in the catalogue, and how the weights are stored.
fn model(published: &str) -> (&'static str, &'static str) {
    match published {
        "meta-llama/Llama-2-7b-hf" => ("llama-2-7b", "bf16"),
        "meta-llama/Llama-3.1-70B-Instruct" => ("llama-3.1-70b", "bf16"),
        "meta-llama/Llama-3.1-8B" => ("llama-3.1-8b", "bf16"),
        "RedHatAI/Llama-4-Scout-17B-16E-Instruct-FP8-dynamic" => ("llama-4-scout", "fp8"),
        "mistralai/Mistral-Nemo-Instruct-2407" => ("mistral-nemo-12b", "bf16"),
        "Qwen/Qwen2.5-7B-Instruct" => ("qwen2.5-7b", "bf16"),
        "01-ai/Yi-34B" => ("yi-34b", "bf16"),
        other => panic!("{other} is not in the catalogue"),
    }
}

fn server(row: &Row) -> String {
    let (name, weights) = model(&row["model"]);
    let gpu = if row["gpu"].contains("H100") {
        "h100-sxm"
    } else {
        "rtx-pro-6000"
    };
    let length = row["max_model_len"].split(' ').next().unwrap();
    let mut text = format!(
        "[model]\nname = \"{name}\"\nweights = \"{weights}\"\n[server]\ngpu = \"{gpu}\"\ntensor_parallel = {}\n",
        row["tp"]
    );
    if length != "model" {
        let _ = writeln!(text, "max_model_len = {length}");
    }
    if !row["kv_blocks"].is_empty() {
        let _ = writeln!(text, "kv_blocks = {}", row["kv_blocks"]);
    }
    if row["set"] == "llmss4" {
        // Its clients call the engine in its own process.
        text.push_str("front_end = { latency_us = 0, per_stream_us = 0 }\n");
    }
    let _ = write!(
        text,
        "[batching]\nmax_num_seqs = {}\nmax_num_batched_tokens = {}\n[workload]\n",
        row["max_num_seqs"], row["max_num_batched_tokens"]
    );
    text
}

/// Poisson arrivals in stages, of ten groups of ten prompts, sent one after the other.
fn stages(row: &Row) -> String {
    let stages = row["stages"].split(';').map(|stage| {
        let (rate, duration) = stage.split_once("rps x ").unwrap();
        format!("{{ rate = {rate}, duration = \"{duration}\" }}")
    });
    let stages: Vec<String> = stages.collect();
    let total: f64 = row["stages"]
        .split(';')
        .map(|stage| stage.split_once("rps x ").unwrap().1)
        .map(|duration| duration.trim_end_matches('s').parse::<f64>().unwrap())
        .sum();
    format!(
        "duration = \"{total}s\"\narrivals = {{ process = \"stages\", stages = [{}] }}\nprefix = {{ pool = 10, tokens = {} }}\nprompt_pool = {{ size = 100 }}\nprompt = {{ dist = \"fixed\", value = {} }}\noutput = {{ dist = \"fixed\", value = {} }}\n",
        stages.join(", "),
        row["sys_len"],
        row["question_len"],
        row["output_len"],
    )
}

/// The arrivals and lengths as recorded; prompts that were the same have the same content.
fn recorded(row: &Row, folder: &Path, traces: &Path) -> String {
    let file = format!("blis16__{}.csv", row["exp_id"]);
    let mut trace = String::from("arrival_s,input_tokens,output_tokens,segments\n");
    let shared: u32 = row["sys_len"].parse().unwrap();
    for request in rows(&folder.join("per_request").join(&file)) {
        let input: u32 = request["input_tokens"].parse().unwrap();
        let _ = writeln!(
            trace,
            "{},{input},{},g{}:{shared};p{}:{}",
            request["arrival_s"],
            request["output_tokens_server"],
            request["prefix_group_inferred"],
            request["prompt_id_inferred"],
            input - shared
        );
    }
    fs::write(traces.join(&file), trace).unwrap();
    format!("timeout = \"300s\"\ntrace = {{ path = \"{file}\", format = \"csv\" }}\n")
}

fn recorded_in_process(row: &Row, folder: &Path, traces: &Path) -> String {
    let file = format!("llmss4__{}.csv", row["exp_id"]);
    let mut trace = String::from("arrival_s,input_tokens,output_tokens\n");
    for request in rows(&folder.join("per_request").join(&file)) {
        let _ = writeln!(
            trace,
            "{},{},{}",
            request["queued_s"], request["input_tokens"], request["output_tokens"]
        );
    }
    fs::write(traces.join(&file), trace).unwrap();
    format!("trace = {{ path = \"{file}\", format = \"csv\" }}\n")
}

fn measured(folder: &Path) -> BTreeMap<(String, String), BTreeMap<String, f64>> {
    let mut all: BTreeMap<_, BTreeMap<String, f64>> = BTreeMap::new();
    for row in rows(&folder.join("stage_metrics.csv")) {
        let metric = match row["metric"].as_str() {
            "ttft" | "e2e" => row["metric"].as_str(),
            "tpot_server" => "tpot",
            "count" if row["stat"] == "ok" => "requests",
            _ => continue,
        };
        if row["stage"] != "-1" {
            continue;
        }
        let value: f64 = row["value"].parse().unwrap();
        let (name, value) = match row["stat"].as_str() {
            "ok" => ("requests.finished".to_owned(), value),
            stat @ ("mean" | "p50" | "p90" | "p95" | "p99") => {
                (format!("{metric}.{stat}"), value / 1e3)
            }
            _ => continue,
        };
        let key = (row["set"].clone(), row["exp_id"].clone());
        all.entry(key).or_default().insert(name, value);
    }
    all
}

fn measured_in_process(name: &str, folder: &Path) -> BTreeMap<String, f64> {
    let file = format!("llmss4__{name}.csv");
    let requests = rows(&folder.join("per_request").join(&file));
    let series = rows(&folder.join("timeseries").join(&file));
    let column = |rows: &[Row], name: &str| -> Vec<f64> {
        rows.iter().map(|row| row[name].parse().unwrap()).collect()
    };
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let waiting = column(&series, "waiting");
    BTreeMap::from([
        (
            "ttft.mean".to_owned(),
            mean(&column(&requests, "ttft_ms_from_queued")) / 1e3,
        ),
        (
            "e2e.mean".to_owned(),
            mean(&column(&requests, "e2e_ms_from_queued")) / 1e3,
        ),
        (
            "tpot.mean".to_owned(),
            mean(&column(&requests, "tpot_ms")) / 1e3,
        ),
        ("queue.depth.mean".to_owned(), mean(&waiting)),
        (
            "queue.depth.max".to_owned(),
            waiting.iter().fold(0.0, |a: f64, b| a.max(*b)),
        ),
        (
            "queue.running.mean".to_owned(),
            mean(&column(&series, "running")),
        ),
    ])
}
