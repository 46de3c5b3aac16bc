//! What a vLLM or SGLang server answers at `/metrics`: counters and histograms, since it started or between two looks.
//!
//! Source: `vllm/v1/metrics/loggers.py`, `sglang/srt/metrics/collector.py`. Latencies are in seconds, as the names say,
//! and those that the server sees: from when it got the request.

use super::benchmark_load::{BenchmarkLoad, MeasuredLength};
use super::counters::{CountedHistogram, ServerCounters};
use super::glance::{FileForm, Glance};
use super::metric::canonical;
use super::number::number_in;
use super::result::Measured;
use crate::config::reader::diagnostic::Diagnostic;

const SERVERS: [&str; 2] = ["vllm:", "sglang:"];
/// Histograms of latencies by their name without the server, with ours. `time_per_output_token_seconds` counted gaps
/// between tokens before it was called so.
const LATENCIES: [(&str, &str); 6] = [
    ("time_to_first_token_seconds", "ttft"),
    ("e2e_request_latency_seconds", "e2e"),
    ("request_time_per_output_token_seconds", "tpot"),
    ("inter_token_latency_seconds", "itl"),
    ("time_per_output_token_seconds", "itl"),
    ("request_queue_time_seconds", "queue_wait"),
];
const PROMPTS: &str = "request_prompt_tokens";
const ANSWERS: &str = "request_generation_tokens";
const SUCCESSES: &str = "request_success";
/// Of these, those that a client or an error ended.
const CUT_OFF: &str = "request_success of those cut off";
const QUANTILES: [(f64, &str); 4] = [(0.5, "p50"), (0.9, "p90"), (0.95, "p95"), (0.99, "p99")];

/// Whether a file is what a server answers there.
pub fn is_metrics(glance: &Glance) -> bool {
    glance.form == FileForm::Metrics
}

/// Reads all that a server has counted since it started.
pub fn read(name: &str, content: &str) -> Result<Vec<Measured>, Diagnostic> {
    let counters = counters(name, content)?;
    let mut measured = measured(counters);
    measured.notes.push(
        "these are counts since the server started; give what /metrics said before the load too, in front of this \
         file, and only what came between counts"
            .to_owned(),
    );
    Ok(vec![measured])
}

/// What was measured between two looks at one server.
pub fn between(before: &ServerCounters, after: &ServerCounters) -> Result<Measured, Diagnostic> {
    let later = after.since(before).map_err(|counter| {
        Diagnostic::new(format!("{counter} is lower in the second file than in the first"))
            .help("give the look before the load first; a server that was started again counts anew")
    })?;
    Ok(measured(later))
}

/// The numbers that counters tell.
fn measured(counters: ServerCounters) -> Measured {
    let mut measured = Measured { ..Measured::default() };
    for (name, latency) in LATENCIES {
        let Some(histogram) = counters.histograms.get(name) else {
            continue;
        };
        add_latency(&mut measured, latency, histogram);
    }
    let of = |name: &str| counters.histograms.get(name);
    let finished = of("e2e_request_latency_seconds").map(|it| it.count);
    let finished = counters
        .counts
        .get(SUCCESSES)
        .copied()
        .or(finished)
        .filter(|it| *it > 0.0);
    measured.values.extend(finished.map(|it| ("requests.finished", it)));
    let length = |name: &str| MeasuredLength::of(of(name)?.mean(), None);
    measured.load = Some(BenchmarkLoad {
        model: counters.model.clone(),
        requests: finished.map(|it| it as u64),
        input_tokens: length(PROMPTS),
        output_tokens: length(ANSWERS),
        ..BenchmarkLoad::default()
    });
    measured.unfinished = counters.counts.get(CUT_OFF).map_or(0, |it| *it as u64);
    measured.counters = Some(counters);
    measured
}

fn add_latency(measured: &mut Measured, latency: &str, histogram: &CountedHistogram) {
    let named = |statistic: &str| canonical(&format!("{latency}.{statistic}"));
    if let (Some(name), Some(mean)) = (named("mean"), histogram.mean().filter(|it| *it > 0.0 && it.is_finite())) {
        measured.values.insert(name, mean);
    }
    for (share, statistic) in QUANTILES {
        let found = histogram.quantile(share).zip(histogram.bounds_of(share));
        if let (Some(name), Some((value, bounds))) = (named(statistic), found)
            && value > 0.0
            && value.is_finite()
        {
            measured.values.insert(name, value);
            measured.bounds.insert(name, bounds);
        }
    }
}

/// How the series of other servers start.
const OTHERS: [(&str, &str); 5] = [
    ("tgi_", "Text Generation Inference"),
    ("nv_inference", "Triton"),
    ("trtllm_", "TensorRT-LLM"),
    ("llamacpp:", "llama.cpp"),
    ("dynamo_", "Dynamo"),
];

/// Sums over the engines of one server, each of which counts by itself.
fn counters(name: &str, content: &str) -> Result<ServerCounters, Diagnostic> {
    let mut found = ServerCounters::default();
    let mut is_any = false;
    for (number, line) in content.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some(sample) = Sample::of(line) else {
            let message = format!("{name}:{}: this is no line of metrics", number + 1);
            return Err(Diagnostic::new(message).help("give what the server answers at /metrics, as it is"));
        };
        let Some(series) = SERVERS.iter().find_map(|server| sample.series.strip_prefix(server)) else {
            continue;
        };
        is_any = true;
        found.take_model(name, &sample)?;
        found.take(series, &sample);
    }
    if !is_any {
        let whose = OTHERS
            .iter()
            .find(|(start, _)| content.lines().any(|line| line.starts_with(start)));
        if let Some((_, whose)) = whose {
            let message =
                format!("{name} holds metrics of {whose}, in which times to first tokens are not told as vLLM does");
            let way = "measure its answers with `vllm bench serve --save-result --save-detailed`, guidellm or AIPerf";
            return Err(Diagnostic::new(message).help(way));
        }
        let message = format!("{name} holds metrics, but none of vLLM's or SGLang's");
        return Err(Diagnostic::new(message).help("ask the server itself, as by curl http://localhost:8000/metrics"));
    }
    for histogram in found.histograms.values_mut() {
        histogram.buckets.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    }
    Ok(found)
}

impl ServerCounters {
    fn take_model(&mut self, name: &str, sample: &Sample<'_>) -> Result<(), Diagnostic> {
        let Some(model) = sample.label("model_name") else {
            return Ok(());
        };
        match &self.model {
            Some(known) if *known != model => {
                let message = format!("{name} counts several models, {known} and {model}");
                Err(Diagnostic::new(message).help("keep the lines of one, as by grep 'model_name=\"...\"'"))
            }
            Some(_) => Ok(()),
            None => {
                self.model = Some(model);
                Ok(())
            }
        }
    }

    fn take(&mut self, series: &str, sample: &Sample<'_>) {
        let is_histogram =
            |base: &str| LATENCIES.iter().any(|(name, _)| *name == base) || matches!(base, PROMPTS | ANSWERS);
        let parts = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|part| Some((series.strip_suffix(part)?, *part)));
        let Some((base, part)) = parts.filter(|(base, _)| is_histogram(base)) else {
            let count = series.strip_suffix("_total").unwrap_or(series);
            if count == SUCCESSES {
                let reason = sample.label("finished_reason").unwrap_or_default();
                let is_cut_off = matches!(reason.as_str(), "abort" | "error");
                let count = if is_cut_off { CUT_OFF } else { SUCCESSES };
                *self.counts.entry(count.to_owned()).or_default() += sample.value;
            }
            return;
        };
        let histogram = self.histograms.entry(base.to_owned()).or_default();
        match part {
            "_sum" => histogram.sum += sample.value,
            "_count" => histogram.count += sample.value,
            _ => {
                let Some(bound) = sample
                    .label("le")
                    .and_then(|le| number_in(le.trim_start_matches('+'))?.0)
                else {
                    return;
                };
                let same = histogram
                    .buckets
                    .iter_mut()
                    .find(|(it, _)| it.total_cmp(&bound).is_eq());
                match same {
                    Some((_, count)) => *count += sample.value,
                    None => histogram.buckets.push((bound, sample.value)),
                }
            }
        }
    }
}

/// A line: the name of a series, its labels and its value.
struct Sample<'a> {
    series: &'a str,
    labels: &'a str,
    value: f64,
}

impl<'a> Sample<'a> {
    fn of(line: &'a str) -> Option<Self> {
        let end = line.find(['{', ' ', '\t'])?;
        let (series, rest) = line.split_at(end);
        let (labels, rest) = match rest.strip_prefix('{') {
            Some(inside) => inside.split_at(end_of_labels(inside)?),
            None => ("", rest),
        };
        let mut words = rest.trim_start_matches('}').split_whitespace();
        let value = words.next()?;
        // What stands for no value counts nothing.
        let value = number_in(value.trim_start_matches('+'))?.0.unwrap_or(0.0);
        Some(Self { series, labels, value })
    }

    /// What stands in a label.
    fn label(&self, name: &str) -> Option<String> {
        let mut rest = self.labels;
        while let Some((key, after)) = rest.split_once("=\"") {
            let end = end_of_text(after)?;
            let (text, more) = after.split_at(end);
            if key.trim_matches([',', ' ']) == name {
                return Some(text.replace("\\\"", "\"").replace("\\\\", "\\"));
            }
            rest = &more[1..];
        }
        None
    }
}

/// Where the quoted text ends at whose start this is.
fn end_of_text(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    text.char_indices().find_map(|(at, character)| {
        let ends = character == '"' && !is_escaped;
        is_escaped = character == '\\' && !is_escaped;
        ends.then_some(at)
    })
}

/// Where the brace stands that closes labels.
fn end_of_labels(text: &str) -> Option<usize> {
    let mut at = 0;
    loop {
        let rest = &text[at..];
        let quote = rest.find('"');
        let brace = rest.find('}')?;
        match quote {
            Some(quote) if quote < brace => at += quote + 2 + end_of_text(&rest[quote + 1..])?,
            _ => return Some(at + brace),
        }
    }
}
