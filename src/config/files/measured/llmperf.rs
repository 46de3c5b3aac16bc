//! Results of LLMPerf: a summary, and responses one by one.
//!
//! Source: `llmperf/token_benchmark_ray.py`. Names end in `_s` for seconds. Its `inter_token_latency_s` has the first
//! token in it (the sum of all waits over all tokens), so that the time between tokens is told from the latency of the
//! whole answer, the time to its first token and its length.

use super::benchmark_load::{BenchmarkLoad, MeasuredLength};
use super::figures::Figures;
use super::glance::{FileForm, Glance};
use super::json_tree::JsonTree;
use super::json_values;
use super::result::{Measured, MeasuredRequest};
use super::tally::Tally;
use super::trees;
use super::units::statistic;
use crate::config::reader::diagnostic::Diagnostic;
use crate::units::Span;

/// Whether a file has the keys of a summary.
pub fn is_summary(glance: &Glance) -> bool {
    let mut names = glance.names.iter();
    glance.is_tree()
        && names.any(|name| name.starts_with("results_ttft_s_") || name == "results_num_completed_requests")
}

/// Whether a file has the keys of responses one by one.
pub fn is_responses(glance: &Glance) -> bool {
    glance.is(FileForm::Json, &["ttft_s", "end_to_end_latency_s"])
        || glance.is(FileForm::Json, &["error_code", "number_output_tokens"])
}

/// Reads summaries.
pub fn read(name: &str, content: &str) -> Result<Vec<Measured>, Diagnostic> {
    let all: Vec<JsonTree> = trees::all(name, content)?;
    all.iter().map(|summary| of_summary(name, summary)).collect()
}

fn of_summary(name: &str, summary: &JsonTree) -> Result<Measured, Diagnostic> {
    let mut figures = Figures::of(name);
    for (key, value) in summary.entries() {
        let Some(value) = value.number() else { continue };
        for (start, latency) in [("results_ttft_s_", "ttft"), ("results_end_to_end_latency_s_", "e2e")] {
            let rest = key
                .strip_prefix(start)
                .map(|rest| rest.strip_prefix("quantiles_").unwrap_or(rest));
            if let Some(statistic) = rest.and_then(statistic) {
                figures.latency(key, latency, statistic, value)?;
            }
        }
    }
    let number = |key: &str| summary.get(key).number();
    let length = |of: &str| {
        let number = |statistic: &str| number(&format!("results_number_{of}_tokens_{statistic}"));
        Some(MeasuredLength::of(number("mean"), number("stddev"))?.up_to(number("max")))
    };
    let (input, output) = (length("input"), length("output"));
    figures.gap_from_means(output.map(|it| it.mean));
    let finished = number("results_num_completed_requests");
    figures.optional("results_num_completed_requests", "requests.finished", finished)?;
    let rate = number("results_num_completed_requests_per_min").map(|per_minute| per_minute / 60.0);
    let key = "results_num_completed_requests_per_min";
    figures.optional(key, "throughput.requests_per_s", rate)?;
    let key = "results_mean_output_throughput_token_per_s";
    figures.optional(key, "throughput.output_tokens_per_s", number(key))?;
    let failed = summary.get("results_number_errors").count().unwrap_or(0);
    let clients = summary.get("num_concurrent_requests").count().filter(|it| *it > 0);
    let clients = clients.and_then(|it| u32::try_from(it).ok());
    let ended = finished.map(|finished| finished as u64 + failed);
    Ok(Measured {
        values: figures.values,
        unfinished: failed,
        load: Some(BenchmarkLoad {
            model: summary.get("model").text().map(str::to_owned),
            requests: summary
                .get("results_num_requests_started")
                .count()
                .or(ended)
                .filter(|it| *it > 0),
            rate_per_s: clients.map(|_| f64::INFINITY),
            max_concurrency: clients,
            input_tokens: input,
            output_tokens: output,
            ..BenchmarkLoad::default()
        }),
        ..Measured::default()
    })
}

/// Reads responses one by one. Nothing says when they were asked for.
pub fn read_responses(name: &str, content: &str) -> Result<Vec<Measured>, Diagnostic> {
    let mut tally = Tally::default();
    let (mut sent, mut first_error) = (0_u64, None);
    json_values::each(name, content, |at, response: JsonTree| {
        sent += 1;
        if !response.get("error_code").is_nothing() {
            tally.fail();
            let said = response.get("error_msg").text().map(str::to_owned);
            first_error = first_error.take().or(said);
            return Ok(());
        }
        tally.finish(of_response(&format!("{name}: response {}", at + 1), &response)?);
        Ok(())
    })?;
    let mut measured = tally.measured(0.0);
    measured.note_sent(sent);
    measured.notes = first_error
        .map(|it: String| format!("the first failure says: {it}"))
        .into_iter()
        .collect();
    Ok(vec![measured])
}

fn of_response(name: &str, response: &JsonTree) -> Result<MeasuredRequest, Diagnostic> {
    let time = |key: &str| {
        let span = response.get(key).number().and_then(Span::from_seconds);
        span.ok_or_else(|| {
            let message = format!("{name}: {key} is no length of time up to 200 days");
            Diagnostic::new(message).help("write seconds, as LLMPerf does, or an error_code for a response that failed")
        })
    };
    let tokens = |key: &str| {
        let count = response.get(key).count().and_then(|it| u32::try_from(it).ok());
        count.ok_or_else(|| {
            let message = format!("{name}: {key} is no number of tokens");
            Diagnostic::new(message).help("write a whole number from 0")
        })
    };
    let (ttft, e2e) = (time("ttft_s")?, time("end_to_end_latency_s")?);
    if e2e < ttft {
        let message = format!("{name}: end_to_end_latency_s is shorter than ttft_s");
        return Err(Diagnostic::new(message).help("both count from when the request was sent"));
    }
    Ok(MeasuredRequest {
        arrival: None,
        ttft,
        e2e,
        input_tokens: tokens("number_input_tokens")?,
        output_tokens: tokens("number_output_tokens")?,
    })
}
