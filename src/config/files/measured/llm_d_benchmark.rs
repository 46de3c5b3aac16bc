//! Reports of llm-d-benchmark (YAML, as it writes them, or JSON), of its forms 0.1 and 0.2.
//!
//! Source: `llm-d-benchmark/docs/benchmark_report.md`. Each latency names its units; `normalized_time_per_output_token`
//! has the first token in it and is not taken.

use super::benchmark_load::{BenchmarkLoad, MeasuredLength};
use super::figures::Figures;
use super::glance::Glance;
use super::json_tree::JsonTree;
use super::result::Measured;
use super::trees;
use super::units::{seconds_in, statistic};
use crate::config::reader::diagnostic::Diagnostic;

const LATENCIES: [(&str, &str); 4] = [
    ("time_to_first_token", "ttft"),
    ("time_per_output_token", "tpot"),
    ("inter_token_latency", "itl"),
    ("request_latency", "e2e"),
];
/// Throughput by the names of form 0.1 and of form 0.2.
const THROUGHPUT: [(&str, &str, &str); 3] = [
    ("requests_per_sec", "request_rate", "throughput.requests_per_s"),
    (
        "output_tokens_per_sec",
        "output_token_rate",
        "throughput.output_tokens_per_s",
    ),
    (
        "input_tokens_per_sec",
        "input_token_rate",
        "throughput.input_tokens_per_s",
    ),
];

/// Whether a file has the keys of such a report.
pub fn is_report(glance: &Glance) -> bool {
    glance.is_tree() && glance.has_all(&["version", "scenario"]) && glance.has_any(&["metrics", "results"])
}

/// Reads reports.
pub fn read(name: &str, content: &str) -> Result<Vec<Measured>, Diagnostic> {
    let all: Vec<JsonTree> = trees::all(name, content)?;
    all.iter().map(|report| of_report(name, report)).collect()
}

fn of_report(name: &str, report: &JsonTree) -> Result<Measured, Diagnostic> {
    let newer = report.at(&["results", "request_performance", "aggregate"]);
    let found = if newer.is_nothing() {
        report.get("metrics")
    } else {
        newer
    };
    let mut figures = Figures::of(name);
    for (key, latency) in LATENCIES {
        let metric = found.at(&["latency", key]);
        if metric.is_nothing() {
            continue;
        }
        let units = metric.first(&["units", "unit"]).text();
        let seconds = units.and_then(seconds_in).ok_or_else(|| {
            let said = units.map_or_else(|| "none".to_owned(), |units| format!("{units:?}"));
            Diagnostic::new(format!(
                "{name}: the units of {key} are {said}, which is no unit of time"
            ))
            .help("write units = s, ms, us or ns, as the report's own form has it")
        })?;
        for (entry, value) in metric.entries() {
            if let (Some(statistic), Some(value)) = (statistic(entry), value.number()) {
                figures.latency(&format!("{key}.{entry}"), latency, statistic, value * seconds)?;
            }
        }
    }
    let throughput = found.get("throughput");
    for (old, new, ours) in THROUGHPUT {
        let value = throughput.get(old).number();
        figures.optional(old, ours, value.or(throughput.at(&[new, "mean"]).number()))?;
    }
    let requests = found.get("requests");
    let total = requests.get("total").count();
    let failed = requests.get("failures").count().unwrap_or(0);
    let cut_off = requests.get("incomplete").count().unwrap_or(0);
    let finished = total.map(|total| total.saturating_sub(failed).saturating_sub(cut_off));
    figures.optional("requests", "requests.finished", finished.map(|it| it as f64))?;
    let length = |key: &str| {
        let of = requests.get(key);
        let length = MeasuredLength::of(of.get("mean").number(), of.get("stddev").number())?;
        Some(length.up_to(of.get("max").number()))
    };
    let mut load = load(report);
    load.requests = finished.map(|it| it + failed).filter(|it| *it > 0);
    load.input_tokens = length("input_length");
    load.output_tokens = length("output_length");
    Ok(Measured {
        values: figures.values,
        unfinished: failed,
        load: Some(load),
        ..Measured::default()
    })
}

/// What was asked for, as the form 0.2 says it for all tools, or as the tool's own arguments say it.
fn load(report: &JsonTree) -> BenchmarkLoad {
    let sent = report.at(&["scenario", "load"]);
    let places = [sent.get("standardized"), sent.get("args"), sent.at(&["native", "args"])];
    let first = |keys: &[&str]| places.iter().map(|place| place.first(keys)).find(|it| !it.is_nothing());
    let rate = first(&["rate_qps", "request_rate", "request-rate"]).and_then(JsonTree::number);
    let clients = first(&["concurrency", "max_concurrency", "max-concurrency"]).and_then(JsonTree::count);
    let clients = clients.filter(|it| *it > 0).and_then(|it| u32::try_from(it).ok());
    let stacks = report.at(&["scenario", "stack"]).list();
    let of_stack = stacks
        .iter()
        .find_map(|it| it.at(&["standardized", "model", "name"]).text());
    let model = report.at(&["scenario", "model", "name"]).text().or(of_stack);
    BenchmarkLoad {
        model: model.map(str::to_owned),
        rate_per_s: rate.filter(|rate| *rate > 0.0).or(clients.map(|_| f64::INFINITY)),
        max_concurrency: clients,
        ..BenchmarkLoad::default()
    }
}
