//! Reports of inference-perf: a stage's or a run's (`stage_N_lifecycle_metrics.json`,
//! `summary_lifecycle_metrics.json`), and requests one by one (`per_request_lifecycle_metrics.json`).
//!
//! Source: `inference_perf/reportgen/base.py`. All its times are in seconds. `time_per_output_token` is what we call
//! TPOT, `inter_token_latency` pools all gaps; `normalized_time_per_output_token` has the first token in it.

use super::benchmark_load::{BenchmarkLoad, MeasuredLength};
use super::chunks::note_gaps;
use super::figures::Figures;
use super::glance::{FileForm, Glance};
use super::json_tree::JsonTree;
use super::json_values;
use super::result::{Measured, MeasuredRequest};
use super::tally::Tally;
use super::trees;
use super::units::statistic;
use crate::config::reader::diagnostic::Diagnostic;
use crate::units::{Span, Time};

const LATENCIES: [(&str, &str); 4] = [
    ("time_to_first_token", "ttft"),
    ("time_per_output_token", "tpot"),
    ("inter_token_latency", "itl"),
    ("request_latency", "e2e"),
];
const THROUGHPUT: [(&str, &str); 3] = [
    ("requests_per_sec", "throughput.requests_per_s"),
    ("output_tokens_per_sec", "throughput.output_tokens_per_s"),
    ("input_tokens_per_sec", "throughput.input_tokens_per_s"),
];

/// Whether a file has the keys of a stage's report.
pub fn is_stage(glance: &Glance) -> bool {
    glance.is_tree() && glance.has("successes") && glance.has_any(&["load_summary", "failures"])
}

/// Whether a file has the keys of requests one by one.
pub fn is_requests(glance: &Glance) -> bool {
    glance.is(FileForm::Json, &["start_time", "end_time", "info"])
}

/// Reads reports of stages.
pub fn read(name: &str, content: &str) -> Result<Vec<Measured>, Diagnostic> {
    let all: Vec<JsonTree> = trees::all(name, content)?;
    all.iter().map(|stage| of_stage(name, stage)).collect()
}

fn of_stage(name: &str, stage: &JsonTree) -> Result<Measured, Diagnostic> {
    let successes = stage.get("successes");
    let mut figures = Figures::of(name);
    for (key, latency) in LATENCIES {
        for (entry, value) in successes.at(&["latency", key]).entries() {
            if let (Some(statistic), Some(value)) = (statistic(entry), value.number()) {
                figures.latency(&format!("{key}.{entry}"), latency, statistic, value)?;
            }
        }
    }
    for (key, ours) in THROUGHPUT {
        figures.optional(key, ours, successes.at(&["throughput", key]).number())?;
    }
    let finished = successes.get("count").count();
    figures.optional("successes.count", "requests.finished", finished.map(|it| it as f64))?;
    let failed = stage.at(&["failures", "count"]).count().unwrap_or(0);
    let sent = stage.get("load_summary");
    let mut load = BenchmarkLoad {
        requests: sent
            .get("count")
            .count()
            .or(finished.map(|it| it + failed))
            .filter(|it| *it > 0),
        rate_per_s: sent.get("requested_rate").number().filter(|rate| *rate > 0.0),
        input_tokens: MeasuredLength::of(successes.at(&["prompt_len", "mean"]).number(), None),
        output_tokens: MeasuredLength::of(successes.at(&["output_len", "mean"]).number(), None),
        ..BenchmarkLoad::default()
    };
    let clients = sent
        .first(&["concurrency", "concurrency_level", "requested_concurrency"])
        .count();
    if let Some(clients) = clients.and_then(|it| u32::try_from(it).ok()).filter(|it| *it > 0) {
        (load.rate_per_s, load.max_concurrency) = (Some(f64::INFINITY), Some(clients));
    }
    Ok(Measured {
        values: figures.values,
        unfinished: failed,
        load: Some(load),
        ..Measured::default()
    })
}

/// Reads requests one by one.
pub fn read_requests(name: &str, content: &str) -> Result<Vec<Measured>, Diagnostic> {
    let mut all = Vec::new();
    json_values::each(name, content, |at, request: JsonTree| {
        all.push((format!("{name}: request {}", at + 1), request));
        Ok(())
    })?;
    let starts = all.iter().filter_map(|(_, request)| request.get("start_time").number());
    let first = starts.fold(f64::INFINITY, f64::min);
    let ends = all.iter().filter_map(|(_, request)| request.get("end_time").number());
    let last = ends.fold(first, f64::max);
    let mut tally = Tally::default();
    let (mut gaps, mut tokens) = (Vec::new(), 0_u64);
    for (name, request) in &all {
        if !request.get("error").is_nothing() {
            tally.fail();
            continue;
        }
        let found = of_request(name, request, first)?;
        tokens += u64::from(found.output_tokens.saturating_sub(1));
        let times = token_times(request);
        gaps.extend(times.windows(2).filter_map(|two| Span::from_seconds(two[1] - two[0])));
        tally.finish(found);
    }
    let (mean_gap, note) = note_gaps(&gaps, tokens, &mut tally);
    let sent = all.len() as u64;
    let mut measured = tally.measured(last - first);
    measured.values.extend(mean_gap.map(|gap| ("itl.mean", gap)));
    measured.note_sent(sent);
    measured.notes.extend(note);
    Ok(vec![measured])
}

fn of_request(name: &str, request: &JsonTree, first: f64) -> Result<MeasuredRequest, Diagnostic> {
    let info = request.get("info");
    let wrong = |what: &str| {
        let help = "give the file as inference-perf writes it: start_time, end_time, and in info input_tokens, \
                    output_tokens and output_token_times, all in seconds";
        Diagnostic::new(format!("{name} {what}")).help(help)
    };
    let start = request
        .get("start_time")
        .number()
        .ok_or_else(|| wrong("has no start_time"))?;
    let end = request
        .get("end_time")
        .number()
        .ok_or_else(|| wrong("has no end_time"))?;
    let times = token_times(request);
    let first_token = *times
        .first()
        .ok_or_else(|| wrong("has no times of tokens: it was not streamed"))?;
    let last_token = times.last().copied().unwrap_or(end);
    let ttft = Span::from_seconds(first_token - start).ok_or_else(|| wrong("has its first token before its start"))?;
    let e2e = Span::from_seconds(end.max(last_token) - start).ok_or_else(|| wrong("ends before its start"))?;
    let tokens = |key: &str| info.get(key).count().and_then(|it| u32::try_from(it).ok());
    Ok(MeasuredRequest {
        arrival: Span::from_seconds(start - first).map(|after| Time::ZERO + after),
        ttft,
        e2e: e2e.max(ttft),
        input_tokens: tokens("input_tokens").unwrap_or(0),
        output_tokens: tokens("output_tokens").ok_or_else(|| wrong("does not say its output_tokens"))?,
    })
}

fn token_times(request: &JsonTree) -> Vec<f64> {
    let times = request.at(&["info", "output_token_times"]).list();
    times.iter().filter_map(JsonTree::number).collect()
}
