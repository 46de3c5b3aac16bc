//! Summaries of AIPerf and of its forerunner genai-perf: JSON, and the same as CSV.
//!
//! Source: `aiperf/exporters`, `genai_perf/export_data`. Each metric names its unit. Their inter-token latency is
//! (request latency - time to first token) / (output tokens - 1) of each request, which we call TPOT; gaps between what
//! came are their inter-chunk latency.

use super::benchmark_load::{BenchmarkLoad, MeasuredLength};
use super::figures::Figures;
use super::glance::{FileForm, Glance};
use super::json_tree::JsonTree;
use super::number::number_in;
use super::result::Measured;
use super::trees;
use super::units::{seconds_in, statistic};
use crate::config::reader::diagnostic::Diagnostic;

/// Their latencies, by the names in JSON, with ours.
const LATENCIES: [(&str, &str); 4] = [
    ("time_to_first_token", "ttft"),
    ("request_latency", "e2e"),
    ("inter_token_latency", "tpot"),
    ("inter_chunk_latency", "itl"),
];
/// Their numbers of the whole run, with ours.
const OF_RUN: [(&str, &str); 4] = [
    ("request_throughput", "throughput.requests_per_s"),
    ("output_token_throughput", "throughput.output_tokens_per_s"),
    ("input_token_throughput", "throughput.input_tokens_per_s"),
    ("request_count", "requests.finished"),
];

/// Whether a file has the keys of a summary in JSON.
pub fn is_summary(glance: &Glance) -> bool {
    let has_latency = glance.has_any(&["time_to_first_token", "inter_token_latency"]) || glance.has("request_latency");
    let has_others = glance.has_any(&[
        "input_config",
        "request_throughput",
        "request_count",
        "output_sequence_length",
    ]);
    glance.is_tree() && has_latency && has_others
}

/// Whether a file is a summary in CSV.
pub fn is_table(glance: &Glance) -> bool {
    glance.is(FileForm::Csv, &["Metric"]) && glance.has_any(&["avg", "p50", "Value"])
}

/// Reads summaries in JSON.
pub fn read(name: &str, content: &str) -> Result<Vec<Measured>, Diagnostic> {
    let all: Vec<JsonTree> = trees::all(name, content)?;
    all.iter().map(|summary| of_json(name, summary)).collect()
}

fn of_json(name: &str, summary: &JsonTree) -> Result<Measured, Diagnostic> {
    let mut metrics = Metrics::of(name);
    for (key, metric) in summary.entries() {
        let unit = metric.get("unit").text();
        for (entry, value) in metric.entries() {
            if let (Some(statistic), Some(value)) = (statistic(entry), value.number()) {
                metrics.take(key, unit, statistic, value)?;
            }
        }
        if let ("output_sequence_length" | "input_sequence_length", Some(mean)) =
            (key.as_str(), metric.get("avg").number())
        {
            let [std, max] = ["std", "max"].map(|name| metric.get(name).number());
            metrics.length(key, mean, std, max);
        }
    }
    let mut measured = metrics.measured();
    let config = summary.get("input_config");
    let load = measured.load.get_or_insert_default();
    take_load(load, config);
    if *summary.get("is_complete") == JsonTree::Flag(false) {
        let why = summary.get("incomplete_reason").text().unwrap_or("it does not say why");
        measured
            .notes
            .push(format!("AIPerf says that the run is not complete: {why}"));
    }
    Ok(measured)
}

static NOTHING: JsonTree = JsonTree::Nothing;

/// Where AIPerf and genai-perf note what they were told to send.
fn take_load(load: &mut BenchmarkLoad, config: &JsonTree) {
    let places = [config.get("loadgen"), config, config.at(&["perf_analyzer", "stimulus"])];
    let number = |key: &str| {
        places
            .iter()
            .find_map(|place| place.get(key).number())
            .filter(|it| *it > 0.0)
    };
    let word = |key: &str| places.iter().find_map(|place| place.get(key).text());
    let clients = number("concurrency").filter(|it| it.fract() == 0.0 && *it <= f64::from(u32::MAX));
    let clients = clients.map(|it| it as u32);
    match (number("request_rate"), clients) {
        (Some(rate), most) => {
            load.rate_per_s = Some(rate);
            load.max_concurrency = most;
            if word("request_rate_mode").or(word("arrival_pattern")) == Some("constant") {
                load.burstiness = Some(f64::INFINITY);
            }
        }
        (None, Some(clients)) => {
            load.rate_per_s = Some(f64::INFINITY);
            load.max_concurrency = Some(clients);
        }
        (None, None) => {}
    }
    let asked = number("request_count")
        .filter(|it| it.fract() == 0.0)
        .map(|it| it as u64);
    load.requests = asked.or(load.requests);
    take_phase(load, config.get("phases"));
    let names = [
        config.at(&["endpoint", "model_names"]),
        config.get("model_names"),
        config
            .at(&["models", "items"])
            .list()
            .first()
            .unwrap_or(&NOTHING)
            .get("name"),
        config.at(&["endpoint", "model"]),
        config.get("model"),
    ];
    load.model = names
        .iter()
        .find_map(|it| it.list().first().unwrap_or(it).text().map(str::to_owned));
}

/// What AIPerf from 0.13 on notes: phases, of which the last one that counts is the benchmark.
fn take_phase(load: &mut BenchmarkLoad, phases: &JsonTree) {
    let is_left_out = |phase: &JsonTree| {
        *phase.get("exclude_from_results") == JsonTree::Flag(true)
            || [phase.get("kind"), phase.get("name")]
                .iter()
                .any(|it| it.text() == Some("warmup"))
    };
    let Some(phase) = phases.list().iter().rev().find(|phase| !is_left_out(phase)) else {
        return;
    };
    let positive = |key: &str| phase.get(key).number().filter(|it| *it > 0.0);
    let clients = phase.get("concurrency").count().filter(|it| *it > 0);
    load.max_concurrency = clients.and_then(|it| u32::try_from(it).ok());
    load.rate_per_s = match phase.get("type").text().unwrap_or_default() {
        "concurrency" => load.max_concurrency.map(|_| f64::INFINITY),
        // Of a ramp there is no one rate.
        "poisson" | "gamma" | "constant" if phase.get("rate_ramp").is_nothing() => positive("rate"),
        _ => None,
    };
    load.burstiness = match phase.get("type").text().unwrap_or_default() {
        "constant" => Some(f64::INFINITY),
        "gamma" => positive("smoothness"),
        _ => None,
    };
    load.requests = phase.get("requests").count().filter(|it| *it > 0).or(load.requests);
}

/// Reads a summary in CSV: blocks of rows with a line of names above each.
pub fn read_table(name: &str, content: &str) -> Result<Vec<Measured>, Diagnostic> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(content.as_bytes());
    let mut metrics = Metrics::of(name);
    let mut header: Vec<String> = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|error| Diagnostic::new(format!("{name}: this is not CSV: {error}")))?;
        let first = row.get(0).unwrap_or_default();
        if first == "Metric" {
            header = row.iter().map(str::to_owned).collect();
            continue;
        }
        let (title, unit) = title_and_unit(first);
        let key = title.to_ascii_lowercase().replace(' ', "_");
        let mut of_row = Vec::new();
        for (column, cell) in header.iter().zip(row.iter()).skip(1) {
            let column = if column == "Value" { "avg" } else { column };
            // Thousands are set apart by commas.
            if let Some(value) = number_in(&cell.replace(',', "")).and_then(|it| it.0) {
                of_row.push((column, value));
            }
        }
        let of = |column: &str| of_row.iter().find(|(name, _)| *name == column).map(|(_, value)| *value);
        if let ("output_sequence_length" | "input_sequence_length", Some(mean)) = (key.as_str(), of("avg")) {
            metrics.length(&key, mean, of("std"), of("max"));
        }
        for (column, value) in &of_row {
            if let Some(statistic) = statistic(column) {
                metrics.take(&key, unit, statistic, *value)?;
            }
        }
    }
    Ok(vec![metrics.measured()])
}

/// `Time to First Token (ms)` as its title and its unit.
fn title_and_unit(cell: &str) -> (&str, Option<&str>) {
    match cell.rsplit_once('(') {
        Some((title, unit)) => (title.trim(), Some(unit.trim_end_matches(')').trim())),
        None => (cell, None),
    }
}

/// Collects the metrics of either form.
struct Metrics<'a> {
    name: &'a str,
    figures: Figures<'a>,
    load: BenchmarkLoad,
    failed: u64,
}

impl<'a> Metrics<'a> {
    fn of(name: &'a str) -> Self {
        Self {
            name,
            figures: Figures::of(name),
            load: BenchmarkLoad::default(),
            failed: 0,
        }
    }

    fn take(&mut self, key: &str, unit: Option<&str>, statistic: &str, value: f64) -> Result<(), Diagnostic> {
        if let Some((_, latency)) = LATENCIES.iter().find(|(name, _)| *name == key) {
            let seconds = unit.and_then(seconds_in).ok_or_else(|| self.without_unit(key, unit))?;
            return self
                .figures
                .latency(&format!("{key}.{statistic}"), latency, statistic, value * seconds);
        }
        if statistic != "mean" {
            return Ok(());
        }
        if matches!(key, "error_request_count" | "error_count") {
            self.failed = value.max(0.0) as u64;
        }
        match OF_RUN.iter().find(|(name, _)| *name == key) {
            Some((_, ours)) => self.figures.number(key, ours, value),
            None => Ok(()),
        }
    }

    fn without_unit(&self, key: &str, unit: Option<&str>) -> Diagnostic {
        let what = match unit {
            Some(unit) => format!("{key} is in {unit:?}, which is no unit of time"),
            None => format!("{key} does not say its unit"),
        };
        Diagnostic::new(format!("{}: {what}", self.name)).help("write its unit as AIPerf does: ms, s, us or ns")
    }

    fn length(&mut self, key: &str, mean: f64, deviation: Option<f64>, longest: Option<f64>) {
        let length = MeasuredLength::of(Some(mean), deviation).map(|length| length.up_to(longest));
        if key == "input_sequence_length" {
            self.load.input_tokens = length;
        } else {
            self.load.output_tokens = length;
        }
    }

    fn measured(self) -> Measured {
        let finished = self.figures.values.get("requests.finished").map(|it| *it as u64);
        let requests = finished.map(|finished| finished + self.failed).filter(|it| *it > 0);
        Measured {
            values: self.figures.values,
            unfinished: self.failed,
            load: Some(BenchmarkLoad { requests, ..self.load }),
            ..Measured::default()
        }
    }
}
