//! Reports of guidellm (JSON or YAML), of its first and its second form: one result a benchmark.
//!
//! Source: `guidellm/benchmark/schemas`. Names with `_ms` are in milliseconds, `request_latency` in seconds. Its
//! `inter_token_latency_ms` is (last - first token) / (tokens - 1) of each request, counted as often as the request has
//! gaps: its mean is that of all gaps, its quantiles are those of times per output token, as we call them. Its
//! `time_per_output_token_ms` has the first token in it and is not taken.

use super::benchmark_load::{BenchmarkLoad, MeasuredLength};
use super::figures::Figures;
use super::glance::Glance;
use super::json_tree::JsonTree;
use super::result::{Measured, MeasuredRequest};
use super::tally::Tally;
use super::trees;
use super::units::statistic;
use crate::config::reader::diagnostic::Diagnostic;
use crate::units::{Span, Time};

/// Whether a file has the keys of such a report.
pub fn is_report(glance: &Glance) -> bool {
    glance.is_tree() && glance.has("benchmarks")
}

/// Reads all benchmarks of a report.
pub fn read(name: &str, content: &str) -> Result<Vec<Measured>, Diagnostic> {
    let reports: Vec<JsonTree> = trees::all(name, content)?;
    let benchmarks: Vec<&JsonTree> = reports.iter().flat_map(|it| it.get("benchmarks").list()).collect();
    if benchmarks.is_empty() {
        let message = format!("{name} is a report of guidellm without benchmarks");
        return Err(Diagnostic::new(message).help("give the report of a run that came to its end"));
    }
    let are_several = benchmarks.len() > 1;
    let read = benchmarks.into_iter().enumerate().map(|(place, benchmark)| {
        if are_several {
            return of_benchmark(&format!("{name}: benchmark {}", place + 1), benchmark);
        }
        of_benchmark(name, benchmark)
    });
    read.collect()
}

fn of_benchmark(name: &str, benchmark: &JsonTree) -> Result<Measured, Diagnostic> {
    let metrics = benchmark.get("metrics");
    let mut figures = Figures::of(name);
    for (key, latency, in_a_second) in [
        ("time_to_first_token_ms", "ttft", 1e3),
        ("request_latency", "e2e", 1.0),
        ("inter_token_latency_ms", "tpot", 1e3),
    ] {
        for (found, value) in statistics(metrics.get(key)) {
            let latency = if (latency, found) == ("tpot", "mean") {
                "itl"
            } else {
                latency
            };
            // The longest is that of a request, whichever gap it is.
            figures.latency(&format!("{key}.{found}"), latency, found, value / in_a_second)?;
        }
    }
    let mean = |key: &str| metrics.at(&[key, "successful", "mean"]).number();
    let throughput = [
        ("requests_per_second", "throughput.requests_per_s"),
        ("output_tokens_per_second", "throughput.output_tokens_per_s"),
        ("prompt_tokens_per_second", "throughput.input_tokens_per_s"),
    ];
    for (key, ours) in throughput {
        figures.optional(key, ours, mean(key))?;
    }
    let count = |key: &str| {
        let totals = metrics.get("request_totals").get(key);
        let of_old = [
            benchmark.at(&["request_totals", key]),
            benchmark.get(&format!("{key}_total")),
        ];
        [totals].into_iter().chain(of_old).find_map(JsonTree::count)
    };
    let successful = count("successful").or_else(|| metrics.at(&["request_latency", "successful", "count"]).count());
    let errored = count("errored").unwrap_or(0);
    figures.optional("successful", "requests.finished", successful.map(|it| it as f64))?;
    let mut load = load(benchmark, successful.map(|it| it + errored));
    load.input_tokens = lengths(metrics.get("prompt_token_count"));
    load.output_tokens = lengths(metrics.get("output_token_count"));
    load.model = model(benchmark);
    let mut measured = Measured {
        values: figures.values,
        unfinished: errored,
        load: Some(load),
        ..Measured::default()
    };
    add_requests(benchmark, successful, &mut measured);
    Ok(measured)
}

/// Adds the requests one by one, and the numbers of them that the summary does not have. They may be a sample, or all
/// be left out (`--outputs` and its sizes), and have no first tokens without streaming.
fn add_requests(benchmark: &JsonTree, successful: Option<u64>, measured: &mut Measured) {
    let list = benchmark.at(&["requests", "successful"]).list();
    let all = successful.unwrap_or(list.len() as u64);
    if list.is_empty() || all == 0 {
        return;
    }
    if all != list.len() as u64 {
        let note = format!("its requests one by one are {} of {all}, and are not used", list.len());
        measured.notes.push(note);
        return;
    }
    let Some(requests) = list.iter().map(of_request).collect::<Option<Vec<_>>>() else {
        return;
    };
    let first = requests.iter().filter_map(|(start, _)| *start).reduce(f64::min);
    let mut tally = Tally::default();
    for (start, mut request) in requests {
        let after = start
            .zip(first)
            .and_then(|(start, first)| Span::from_seconds(start - first));
        request.arrival = after.map(|after| Time::ZERO + after);
        tally.finish(request);
    }
    let one_by_one = tally.measured(0.0);
    for (name, value) in one_by_one.values {
        measured.values.entry(name).or_insert(value);
    }
    measured.requests = one_by_one.requests;
}

/// When a request started [s since 1970], and how it was served; `None` if the report does not say all of it.
fn of_request(request: &JsonTree) -> Option<(Option<f64>, MeasuredRequest)> {
    let seconds = |key: &str, in_a_second: f64| Span::from_seconds(request.get(key).number()? / in_a_second);
    let tokens = |key: &str| u32::try_from(request.get(key).count()?).ok();
    let served = MeasuredRequest {
        arrival: None,
        ttft: seconds("time_to_first_token_ms", 1e3)?,
        e2e: seconds("request_latency", 1.0)?,
        input_tokens: tokens("prompt_tokens")?,
        output_tokens: tokens("output_tokens")?,
    };
    let start = request.first(&["request_start_time", "start_time"]).number();
    (served.e2e >= served.ttft).then_some((start, served))
}

/// Statistics of those that succeeded.
fn statistics(metric: &JsonTree) -> Vec<(&'static str, f64)> {
    let of = metric.get("successful");
    let names = of.entries().iter().chain(of.get("percentiles").entries());
    let known = names.filter_map(|(key, value)| Some((statistic(key)?, value.number()?)));
    known.collect()
}

fn lengths(metric: &JsonTree) -> Option<MeasuredLength> {
    let of = metric.get("successful");
    let length = MeasuredLength::of(of.get("mean").number(), of.get("std_dev").number())?;
    Some(length.up_to(of.get("max").number()))
}

fn model(benchmark: &JsonTree) -> Option<String> {
    let places = [
        &["config", "backend", "model"][..],
        &["benchmarker", "backend", "model"],
        &["worker", "backend_model"],
        &["config", "requests", "model"],
    ];
    places
        .into_iter()
        .find_map(|keys| benchmark.at(keys).text().map(str::to_owned))
}

/// What its strategy sends.
fn load(benchmark: &JsonTree, requests: Option<u64>) -> BenchmarkLoad {
    let places = [
        &["config", "strategy"][..],
        &["args", "strategy"],
        &["scheduler", "strategy"],
    ];
    let strategies = places.into_iter().map(|keys| benchmark.at(keys));
    let nothing = JsonTree::Nothing;
    let strategy = strategies.into_iter().find(|it| !it.is_nothing()).unwrap_or(&nothing);
    let most = |key: &str| strategy.get(key).count().and_then(|it| u32::try_from(it).ok());
    let rate = strategy.get("rate").number().filter(|rate| *rate > 0.0);
    let mut load = BenchmarkLoad {
        requests: requests.filter(|it| *it > 0),
        ..BenchmarkLoad::default()
    };
    match strategy.first(&["type_", "type", "kind"]).text().unwrap_or_default() {
        "synchronous" => (load.rate_per_s, load.max_concurrency) = (Some(f64::INFINITY), Some(1)),
        "concurrent" => {
            load.max_concurrency = most("streams").or_else(|| most("max_concurrency")).filter(|it| *it > 0);
            load.rate_per_s = load.max_concurrency.map(|_| f64::INFINITY);
        }
        "throughput" => {
            load.rate_per_s = Some(f64::INFINITY);
            load.max_concurrency = most("max_concurrency").filter(|it| *it > 0);
        }
        "poisson" => load.rate_per_s = rate,
        "constant" | "async" => (load.rate_per_s, load.burstiness) = (rate, Some(f64::INFINITY)),
        _ => {}
    }
    load
}
