//! The formats of results, told apart by their content: a format is a file of this folder and an entry in [`FORMATS`].

use serde::de::IgnoredAny;

use super::foreign::{self, Foreign};
use super::glance::{FileForm, Glance};
use super::json_values;
use super::number::without_bare_words;
use super::requests_csv;
use super::result::{FORMATS_HELP, Measured, error_at};
use super::{
    aiperf, aiperf_records, bench_console, bench_json, blis, guidellm, inference_perf, llm_d_benchmark, llmperf,
    prometheus,
};
use crate::config::reader::diagnostic::Diagnostic;

/// A format of results.
#[derive(Clone, Copy)]
pub struct ResultFormat {
    /// Who writes it, and what it is.
    pub name: &'static str,
    /// What helps if a file of it has no latencies.
    remedy: &'static str,
    /// Whether a file is of it.
    recognises: fn(&Glance) -> bool,
    /// Reads the results in the content of a file that messages call by the first text.
    read: fn(&str, &str) -> Result<Vec<Measured>, Diagnostic>,
}

const SAVE_RESULT: &str = "give the result of `vllm bench serve --save-result`, with mean_ttft_ms and the like, or \
                           with --save-detailed too";
const STREAM: &str = "measure with streaming, without which nobody sees a first token";

const fn format(
    name: &'static str,
    remedy: &'static str,
    recognises: fn(&Glance) -> bool,
    read: fn(&str, &str) -> Result<Vec<Measured>, Diagnostic>,
) -> ResultFormat {
    ResultFormat {
        name,
        remedy,
        recognises,
        read,
    }
}

/// All formats; the first that recognises a file reads it.
pub const FORMATS: [ResultFormat; 15] = [
    format("vllm bench serve", SAVE_RESULT, bench_json::is_result, bench_json::read),
    format(
        "vllm bench table",
        SAVE_RESULT,
        bench_json::is_table,
        bench_json::read_table,
    ),
    format(
        "vllm bench serve",
        SAVE_RESULT,
        bench_console::is_console,
        bench_console::read,
    ),
    format("guidellm", STREAM, guidellm::is_report, guidellm::read),
    format("inference-perf", STREAM, inference_perf::is_stage, inference_perf::read),
    format(
        "inference-perf requests",
        STREAM,
        inference_perf::is_requests,
        inference_perf::read_requests,
    ),
    format("LLMPerf", STREAM, llmperf::is_summary, llmperf::read),
    format(
        "LLMPerf responses",
        STREAM,
        llmperf::is_responses,
        llmperf::read_responses,
    ),
    format(
        "AIPerf records",
        STREAM,
        aiperf_records::is_records,
        aiperf_records::read,
    ),
    format("AIPerf", STREAM, aiperf::is_summary, aiperf::read),
    format("AIPerf table", STREAM, aiperf::is_table, aiperf::read_table),
    format(
        "llm-d-benchmark",
        STREAM,
        llm_d_benchmark::is_report,
        llm_d_benchmark::read,
    ),
    format(
        "server counters",
        "ask the server once it has answered requests",
        prometheus::is_metrics,
        prometheus::read,
    ),
    format("BLIS", STREAM, blis::is_trace, blis::read),
    format(
        "rows of requests",
        "give rows of requests that finished",
        requests_csv::is_rows,
        |name, content| Ok(vec![requests_csv::read(name, content)?]),
    ),
];

/// Reads all results in the content of a file that messages call `name`; at least one, each with some latency.
pub fn read_all(name: &str, content: &str) -> Result<Vec<Measured>, Diagnostic> {
    let content = content.strip_prefix('\u{feff}').unwrap_or(content);
    let glance = Glance::at(content);
    if glance.form == FileForm::Empty {
        return Err(Diagnostic::new(format!("{name} is empty")).help(FORMATS_HELP));
    }
    let plain = match glance.form {
        FileForm::Json => without_bare_words(content),
        _ => content.into(),
    };
    let glance = if matches!(plain, std::borrow::Cow::Owned(_)) {
        Glance::at(&plain)
    } else {
        glance
    };
    match FORMATS.iter().find(|format| (format.recognises)(&glance)) {
        Some(format) => settled(name, format, (format.read)(name, &plain)?),
        None => Err(unknown(name, &plain, &glance)),
    }
}

/// Leaves out results without latencies, if there are others; notes it.
fn settled(name: &str, format: &ResultFormat, all: Vec<Measured>) -> Result<Vec<Measured>, Diagnostic> {
    let count = all.len();
    let named = |mut measured: Measured| {
        if measured.tool.is_empty() {
            measured.tool = format.name;
        }
        measured
    };
    let (mut served, nothing): (Vec<Measured>, Vec<Measured>) =
        all.into_iter().map(named).partition(Measured::has_latencies);
    let Some(first) = served.first_mut() else {
        let error = nothing.first().map(|first| first.why_nothing(name, format.remedy));
        return Err(error.unwrap_or_else(|| Diagnostic::new(format!("{name} is an empty list")).help(FORMATS_HELP)));
    };
    if !nothing.is_empty() {
        let left_out = nothing.len();
        first.notes.push(format!(
            "{left_out} of its {count} results are left out, as no request of theirs finished"
        ));
    }
    Ok(served)
}

/// Why nothing can be read of a file of no format.
fn unknown(name: &str, content: &str, glance: &Glance) -> Diagnostic {
    if glance.form == FileForm::Json
        && let Err(error) = json_values::each(name, content, |_, _: IgnoredAny| Ok(()))
    {
        return error.help(FORMATS_HELP);
    }
    if let Some(foreign) = Foreign::of(glance) {
        return Diagnostic::new(foreign.message(name)).help(foreign.way().to_owned());
    }
    if !glance.is_tree()
        && let Some((message, way)) = foreign::printed(name, content)
    {
        return Diagnostic::new(message).help(way);
    }
    let names = named(&glance.names);
    let message = match glance.form {
        FileForm::Json if names.is_empty() => {
            format!("there are no latencies in {name}: it is JSON without any keys")
        }
        FileForm::Json => format!("there are no latencies in {name}: it is JSON with the keys {names}"),
        FileForm::Yaml => format!("there are no latencies in {name}: it is YAML with the keys {names}"),
        FileForm::Csv => format!("a table with the columns {names} is no result of a known benchmark"),
        _ => "this is neither JSON nor a table nor what a server answers at /metrics".to_owned(),
    };
    if glance.is_tree() {
        return Diagnostic::new(message).help(FORMATS_HELP);
    }
    let start = content.len() - content.trim_start().len();
    let line = content[start..].lines().next().unwrap_or_default().len();
    error_at(name, content, start..start + line, message).help(FORMATS_HELP)
}

/// The first few names.
fn named(names: &[String]) -> String {
    const MOST: usize = 8;
    let mut shown: Vec<String> = names.iter().take(MOST).map(|name| format!("`{name}`")).collect();
    if names.len() > MOST {
        shown.push("...".to_owned());
    }
    shown.join(", ")
}
