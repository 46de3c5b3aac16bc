//! Spans of OpenTelemetry (OTLP/JSON): calls of models with the usage that its conventions for generative AI name
//! (`gen_ai.usage.input_tokens`, `gen_ai.usage.output_tokens`), those before them (`prompt_tokens`), or
//! `OpenInference`'s.
//!
//! Of spans inside each other that name a usage the innermost counts: the outer ones repeat it. A call that starts
//! after the one before in its trace has ended waits for it: the time in between (tools, users) stays, whatever the
//! server takes. Calls that overlap arrive when they were recorded. Spans with an error, or without an output, are left
//! out.

use rustc_hash::{FxHashMap, FxHashSet};
use serde::Deserialize;
use serde_json::Value;

use super::error::TraceError;
use super::first_line::Needs;
use super::format::TraceFormat;
use super::hints::{TimeUnit, TraceHints};
use super::json_lines::JsonLines;
use super::lines::Lines;
use super::number;
use super::row::{Row, Rows, SessionName};
use crate::stats::streams::hash_bytes;
use crate::units::{Span, Time};

/// The format of OpenTelemetry's spans.
pub struct Otel;

const INPUT: [&str; 4] = [
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.prompt_tokens",
    "llm.usage.prompt_tokens",
    "llm.token_count.prompt",
];
const OUTPUT: [&str; 4] = [
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.completion_tokens",
    "llm.usage.completion_tokens",
    "llm.token_count.completion",
];
/// The code of a status that is an error.
const ERROR_CODES: [&str; 2] = ["2", "STATUS_CODE_ERROR"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(alias = "resource_spans")]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans {
    #[serde(alias = "scope_spans", default)]
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Deserialize)]
struct ScopeSpans {
    #[serde(default)]
    spans: Vec<OtelSpan>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OtelSpan {
    #[serde(alias = "trace_id", default)]
    trace_id: String,
    #[serde(alias = "span_id", default)]
    span_id: String,
    #[serde(alias = "parent_span_id")]
    parent_span_id: Option<String>,
    #[serde(alias = "start_time_unix_nano")]
    start_time_unix_nano: Value,
    #[serde(alias = "end_time_unix_nano")]
    end_time_unix_nano: Option<Value>,
    #[serde(default)]
    attributes: Vec<Attribute>,
    status: Option<Value>,
}

#[derive(Deserialize)]
struct Attribute {
    key: String,
    value: Option<Value>,
}

/// A span that names a usage.
struct Call {
    trace: u64,
    span: u64,
    parent: Option<u64>,
    line: u64,
    start_picos: i128,
    end_picos: i128,
    input_tokens: u32,
    /// `None` if it got no answer.
    output_tokens: Option<u32>,
}

impl TraceFormat for Otel {
    fn name(&self) -> &'static str {
        "otel"
    }

    fn looks_like(&self) -> &'static str {
        "JSON with the key resourceSpans (OTLP), whose spans have gen_ai.usage.input_tokens and output_tokens"
    }

    fn needs(&self) -> Needs {
        Needs::Keys(&[&["resourceSpans", "resource_spans"]])
    }

    fn rows(&self, lines: Lines, _: &TraceHints, _: u64) -> Result<Box<dyn Rows>, TraceError> {
        let mut reader = Reader {
            json: JsonLines::new(lines, &[]),
            calls: Vec::new(),
            parents: FxHashMap::default(),
        };
        while reader.read()? {}
        Ok(Box::new(reader.into_rows()))
    }
}

struct Reader {
    json: JsonLines,
    calls: Vec<Call>,
    /// The span that each span is inside of; never iterated over.
    parents: FxHashMap<u64, u64>,
}

impl Reader {
    /// Reads the next document; false at the end.
    fn read(&mut self) -> Result<bool, TraceError> {
        let Some(document) = self.json.next::<Document>().map_err(TraceError::fatal)? else {
            return Ok(false);
        };
        let scopes = document
            .resource_spans
            .into_iter()
            .flat_map(|resource| resource.scope_spans);
        for span in scopes.flat_map(|scope| scope.spans) {
            let trace = hash_bytes(span.trace_id.as_bytes());
            let id = |name: &str| hash_bytes(format!("{}/{name}", span.trace_id).as_bytes());
            let parent = span
                .parent_span_id
                .as_deref()
                .filter(|parent| !parent.is_empty())
                .map(id);
            let span_id = id(&span.span_id);
            if let Some(parent) = parent {
                self.parents.insert(span_id, parent);
            }
            if let Some(call) = self.call(&span, trace, span_id, parent)? {
                self.calls.push(call);
            }
        }
        Ok(true)
    }

    fn call(&self, span: &OtelSpan, trace: u64, id: u64, parent: Option<u64>) -> Result<Option<Call>, TraceError> {
        let Some((input, input_name)) = usage(span, &INPUT) else {
            return Ok(None);
        };
        let refused = |name: &str, value: &str, complaint| {
            let error = self.json.error_at(name, value.as_bytes(), complaint);
            error.fatal()
        };
        let time = |name: &str, value: &Value| {
            let text = text_of(value);
            let picos = number::units(text.as_bytes(), TimeUnit::Nanoseconds.picos());
            picos.map_err(|complaint| refused(name, &text, complaint))
        };
        let start_picos = time("startTimeUnixNano", &span.start_time_unix_nano)?;
        let end = span.end_time_unix_nano.as_ref();
        let end_picos = end.map_or(Ok(start_picos), |end| time("endTimeUnixNano", end))?;
        let has_failed = span.status.as_ref().is_some_and(|status| {
            let code = status.get("code").map(text_of);
            code.is_some_and(|code| ERROR_CODES.contains(&code.as_str()))
        });
        let output = usage(span, &OUTPUT).filter(|(text, _)| !has_failed && text != "0");
        let input_tokens = number::tokens(input.as_bytes());
        let output_tokens = output.map(|(text, name)| {
            let tokens = number::output_tokens(text.as_bytes());
            tokens.map_err(|complaint| refused(name, &text, complaint))
        });
        Ok(Some(Call {
            trace,
            span: id,
            parent,
            line: self.json.line(),
            start_picos,
            end_picos,
            input_tokens: input_tokens.map_err(|complaint| refused(input_name, &input, complaint))?,
            output_tokens: output_tokens.transpose()?,
        }))
    }

    /// The innermost calls in the order of their starts, each after the one that it waits for.
    fn into_rows(mut self) -> OtelRows {
        let named: FxHashSet<u64> = self.calls.iter().map(|call| call.span).collect();
        let mut outer: FxHashSet<u64> = FxHashSet::default();
        for call in &self.calls {
            let mut above = call.parent;
            // Ids that lead in a circle are no parents.
            for _ in 0..MOST_DEPTH {
                let Some(parent) = above else { break };
                if named.contains(&parent) && parent != call.span {
                    outer.insert(parent);
                }
                above = self.parents.get(&parent).copied();
            }
        }
        self.calls.retain(|call| !outer.contains(&call.span));
        self.calls.sort_by_key(|call| call.start_picos);
        let calls = self.calls.len();
        let mut ends: FxHashMap<u64, i128> = FxHashMap::default();
        let rows: Vec<Row> = self
            .calls
            .iter()
            .filter_map(|call| Some((call, call.output_tokens?)))
            .zip(0..)
            .map(|((call, output_tokens), number)| row_of(call, output_tokens, number, &mut ends))
            .collect();
        OtelRows {
            failed: (calls - rows.len()) as u64,
            has_followers: rows.iter().any(|row| row.after.is_some()),
            rows: rows.into_iter(),
        }
    }
}

/// Spans lie no deeper inside each other.
const MOST_DEPTH: u32 = 64;

/// A call as a row, which waits for the last one of its trace if that had ended; `ends` tells when it had.
fn row_of(call: &Call, output_tokens: u32, number: u64, ends: &mut FxHashMap<u64, i128>) -> Row {
    let before = ends.get(&call.trace).copied();
    let pause = before.and_then(|end| u64::try_from(call.start_picos - end).ok());
    let after = pause
        .map(Span::from_picos)
        .filter(|&after| after <= Time::LIMIT - Time::ZERO);
    let is_in_chain = before.is_none() || after.is_some();
    if is_in_chain {
        ends.insert(call.trace, call.end_picos.max(call.start_picos));
    }
    Row {
        number,
        line: call.line,
        arrival_picos: call.start_picos,
        input_tokens: call.input_tokens,
        output_tokens,
        // Who runs beside others of its trace follows nobody, and nobody follows it.
        session: is_in_chain.then_some(SessionName(call.trace)),
        after,
        ..Row::default()
    }
}

/// The value of the first of these attributes that a span has, and its name.
fn usage(span: &OtelSpan, names: &[&'static str]) -> Option<(String, &'static str)> {
    names.iter().find_map(|name| {
        let attribute = span.attributes.iter().find(|attribute| attribute.key == *name)?;
        let value = attribute.value.as_ref()?.as_object()?.values().next()?;
        Some((text_of(value), *name))
    })
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

struct OtelRows {
    rows: std::vec::IntoIter<Row>,
    has_followers: bool,
    failed: u64,
}

impl Rows for OtelRows {
    fn next_row(&mut self, row: &mut Row) -> Result<bool, TraceError> {
        Ok(self.rows.next().map(|next| *row = next).is_some())
    }

    fn arrival_field(&self) -> &'static str {
        "startTimeUnixNano"
    }

    fn has_followers(&self) -> bool {
        self.has_followers
    }

    fn failed(&self) -> u64 {
        self.failed
    }
}
