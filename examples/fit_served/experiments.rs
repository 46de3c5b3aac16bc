//! Reads served runs, measured by others, as scenarios beside what was measured.
//!
//! The folder holds `experiments.csv` (one row a run: model, GPU, limits, workload), `stage_metrics.csv` (set, run,
//! stage, metric, statistic, value; stage -1 is the whole run), `per_request/` and `timeseries/`. Times are in ms
//! unless a name ends in `_s`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use tailcast::config::{Flag, Layers, METRICS, Scenario, Values};

use super::errors::Case;

/// A run as others have measured it.
pub struct Experiment {
    /// What it is called.
    pub name: String,
    /// Which collection it belongs to.
    pub set: String,
    /// The model's name in the catalogue.
    pub model: &'static str,
    /// A scenario that says the same, as TOML.
    pub text: String,
    /// What was measured: names as in reports, such as `ttft.mean`, in their units.
    pub measured: Values,
}

/// What predictions may know of a GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knowledge {
    /// All that its file says.
    Tables,
    /// Its datasheet.
    Datasheet,
}

impl Experiment {
    /// Whether its requests were recorded one by one, instead of known by their rates and lengths.
    pub fn is_recorded(&self) -> bool {
        self.set != "blis_tv13"
    }

    /// Whether coefficients are fitted to it: neither to the overloaded run, whose latencies are those of its queue,
    /// nor to the other engine.
    pub fn is_fitted(&self) -> bool {
        self.set != "llmss4" && !(self.set == "blis16" && self.name.ends_with("reasoning"))
    }

    /// Whether one of its numbers is fitted. Qwen2.5's default repetition penalty holds first tokens up in a way that
    /// the model does not know.
    pub fn weighs(&self, metric: &str) -> bool {
        !(self.model == "qwen2.5-7b" && metric.starts_with("ttft"))
    }

    /// Its name, cut to the width of a table.
    pub fn short_name(&self) -> String {
        let name = self.name.trim_start_matches("20260217-");
        format!("{} {:.31}", self.set, name)
    }
}

/// Every run of `folder` with its scenario; files they need go to `work`.
pub fn cases(folder: &Path, work: &Path, knowledge: Knowledge) -> Vec<Case> {
    let read = read(folder, work).into_iter();
    read.map(|experiment| Case {
        scenario: scenario(&experiment, work, knowledge),
        experiment,
    })
    .collect()
}

/// Writes scenarios, recorded workloads and a manifest of what was measured.
pub fn write_manifest(folder: &Path, out: &Path) {
    fs::create_dir_all(out).expect("the folder can be made");
    let mut manifest = String::new();
    for experiment in read(folder, out) {
        let file = write_scenario(&experiment, out);
        let seeds = if experiment.is_recorded() { 1 } else { 4 };
        let _ = writeln!(
            manifest,
            "[[experiment]]\nname = \"{}\"\nscenario = \"{file}\"\nseeds = {seeds}\n[experiment.measured]",
            experiment.short_name()
        );
        for (name, value) in &experiment.measured {
            let is_time = ["ttft", "tpot", "e2e"].iter().any(|metric| name.starts_with(metric));
            let value = if is_time {
                format!("\"{:.6}ms\"", 1e3 * value)
            } else {
                value.to_string()
            };
            let _ = writeln!(manifest, "\"{name}\" = {value}");
        }
        manifest.push('\n');
    }
    fs::write(out.join("manifest.toml"), manifest).expect("the manifest can be written");
}

/// A row of a table, by the names of its columns.
pub type Row = BTreeMap<String, String>;

/// The rows of a CSV file.
pub fn rows(path: &Path) -> Vec<Row> {
    let mut reader =
        csv::Reader::from_path(path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    let header = reader.headers().unwrap().clone();
    let row = |record: csv::StringRecord| {
        let pairs = header.iter().zip(record.iter());
        pairs.map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
    };
    reader.records().map(|record| row(record.unwrap())).collect()
}

/// Every run of `folder`; recorded workloads are written to `traces`.
fn read(folder: &Path, traces: &Path) -> Vec<Experiment> {
    let measured = measured(folder);
    let mut all = Vec::new();
    for row in rows(&folder.join("experiments.csv")) {
        let (set, name) = (row["set"].clone(), row["exp_id"].clone());
        let workload = match set.as_str() {
            "blis16" => recorded(&row, folder, traces),
            "llmss4" => recorded_in_process(&row, folder, traces),
            _ => stages(&row),
        };
        let mut values = measured.get(&(set.clone(), name.clone())).cloned().unwrap_or_default();
        if set == "llmss4" {
            values.extend(measured_in_process(&name, folder));
        }
        if let Ok(blocks) = row["kv_blocks"].parse() {
            values.insert("kv.blocks", blocks);
        }
        all.push(Experiment {
            text: server(&row) + &workload,
            model: model(&row["model"]).0,
            measured: values,
            set,
            name,
        });
    }
    all
}

/// Writes the scenario and says under which name.
fn write_scenario(experiment: &Experiment, folder: &Path) -> String {
    let file = format!("{}-{}.toml", experiment.set, experiment.name);
    fs::write(folder.join(&file), &experiment.text).expect("the scenario can be written");
    file
}

/// The scenario of an experiment, by way of a file in `work`.
pub fn scenario(experiment: &Experiment, work: &Path, knowledge: Knowledge) -> Scenario {
    let file = work.join(write_scenario(experiment, work));
    let mut flags = Vec::new();
    if knowledge == Knowledge::Datasheet {
        let gpu = datasheet_of(experiment);
        let path = work.join("datasheet.toml");
        fs::write(&path, gpu).expect("the datasheet can be written");
        flags.push(Flag::new("--set", format!("server.gpu={}", path.display())));
    }
    let layers = Layers {
        file: Some(file),
        flags,
        ..Layers::default()
    };
    Scenario::load(&layers).unwrap_or_else(|problem| panic!("{}: {problem:?}", experiment.name))
}

/// The file of the experiment's GPU without what was measured on it.
fn datasheet_of(experiment: &Experiment) -> &'static str {
    let file = [("gpu = \"rtx-pro-6000\"", RTX_PRO_6000), ("gpu = \"b200\"", B200)]
        .into_iter()
        .find(|(line, _)| experiment.text.contains(line))
        .map_or(H100, |(_, file)| file);
    let kernels = file.find("[kernels").expect("a GPU with tables");
    &file[..kernels]
}

const B200: &str = include_str!("../../configs/gpus/b200.toml");
const H100: &str = include_str!("../../configs/gpus/h100-sxm.toml");
const RTX_PRO_6000: &str = include_str!("../../configs/gpus/rtx-pro-6000.toml");

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
    // Servers with a KV connector, if only for 0 blocks in the CPU's memory, which has no groups of layers: the logged
    // blocks of Llama-4-Scout fill its memory in one table, and four times as much in groups.
    let has_connector = !row["cpu_kv_offload"].is_empty();
    let _ = write!(
        text,
        "[batching]\nprofile = \"{}\"\ndisable_hybrid_kv_cache_manager = {has_connector}\nmax_num_seqs = {}\n\
         max_num_batched_tokens = {}\n[workload]\n",
        if row["set"] == "llmss4" {
            "vllm-0.19"
        } else {
            "vllm-0.15"
        },
        row["max_num_seqs"],
        row["max_num_batched_tokens"]
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
        "duration = \"{total}s\"\narrivals = {{ process = \"stages\", stages = [{}] }}\nprefix = \
         {{ pool = 10, tokens = {} }}\nprompt_pool = {{ size = 100 }}\nprompt = {{ dist = \"fixed\", value = {} }}\n\
         output = {{ dist = \"fixed\", value = {} }}\n",
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
    write_once(&traces.join(&file), &trace);
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
    write_once(&traces.join(&file), &trace);
    format!("trace = {{ path = \"{file}\", format = \"csv\" }}\n")
}

fn measured(folder: &Path) -> BTreeMap<(String, String), Values> {
    let mut all: BTreeMap<_, Values> = BTreeMap::new();
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
            stat @ ("mean" | "p50" | "p90" | "p95" | "p99") => (format!("{metric}.{stat}"), value / 1e3),
            _ => continue,
        };
        let key = (row["set"].clone(), row["exp_id"].clone());
        let known = METRICS.into_iter().find(|known| *known == name);
        let name = known.expect("runs report it too");
        all.entry(key).or_default().insert(name, value);
    }
    all
}

fn measured_in_process(name: &str, folder: &Path) -> Values {
    let file = format!("llmss4__{name}.csv");
    let requests = rows(&folder.join("per_request").join(&file));
    let series = rows(&folder.join("timeseries").join(&file));
    let column = |rows: &[Row], name: &str| -> Vec<f64> { rows.iter().map(|row| row[name].parse().unwrap()).collect() };
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let waiting = column(&series, "waiting");
    BTreeMap::from([
        ("ttft.mean", mean(&column(&requests, "ttft_ms_from_queued")) / 1e3),
        ("e2e.mean", mean(&column(&requests, "e2e_ms_from_queued")) / 1e3),
        ("tpot.mean", mean(&column(&requests, "tpot_ms")) / 1e3),
        ("queue.depth.mean", mean(&waiting)),
        ("queue.depth.max", waiting.iter().fold(0.0, |a: f64, b| a.max(*b))),
        ("queue.running.mean", mean(&column(&series, "running"))),
    ])
}

/// Leaves a file alone that holds this already: a scenario that was read before keeps its trace open, and refuses one
/// that is written to.
fn write_once(path: &Path, text: &str) {
    if fs::read_to_string(path).is_ok_and(|held| held == text) {
        return;
    }
    fs::write(path, text).expect("the trace can be written");
}
