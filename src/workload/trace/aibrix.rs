//! Workloads of `AIBrix` (github.com/vllm-project/aibrix, its workload generator): JSON lines with `timestamp` in
//! milliseconds and `requests`, a list of those that arrive then, each with `Prompt Length` and `Output Length` (or
//! `prompt_length` and `output_length`) in tokens.

use std::collections::VecDeque;

use serde::Deserialize;

use super::error::TraceError;
use super::first_line::Needs;
use super::format::{Hears, TraceFormat};
use super::hints::{TimeUnit, TraceHints};
use super::json_lines::{JsonKey, JsonKind, JsonLines, Number};
use super::lines::Lines;
use super::row::{Row, Rows, SessionName};
use crate::stats::streams::hash_bytes;

/// The format of `AIBrix`'s workloads.
pub struct AiBrix;

const ARRIVAL: &str = "timestamp";
const REQUESTS: &str = "requests";
const INPUT: &str = "Prompt Length";
const OUTPUT: &str = "Output Length";

static KEYS: [JsonKey; 1] = [JsonKey::new(ARRIVAL, JsonKind::Number)];

#[derive(Deserialize)]
struct AiBrixLine {
    timestamp: Number,
    requests: Vec<AiBrixRequest>,
}

#[derive(Deserialize)]
struct AiBrixRequest {
    #[serde(rename = "Prompt Length", alias = "prompt_length", alias = "input_length")]
    prompt: Option<Length>,
    #[serde(rename = "Output Length", alias = "output_length", alias = "completion_length")]
    output: Option<Length>,
    session_id: Option<serde_json::Value>,
}

/// A length as pandas writes it: one beside nothing has a point.
#[derive(Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Length {
    Whole(i64),
    Float(f64),
}

impl TraceFormat for AiBrix {
    fn name(&self) -> &'static str {
        "aibrix"
    }

    fn looks_like(&self) -> &'static str {
        "JSON lines with the keys timestamp (in milliseconds) and requests, a list with Prompt Length and Output Length"
    }

    fn needs(&self) -> Needs {
        Needs::Keys(&[&[ARRIVAL], &[REQUESTS]])
    }

    fn rows(&self, lines: Lines, hints: &TraceHints, _: u64) -> Result<Box<dyn Rows>, TraceError> {
        Ok(Box::new(AiBrixRows {
            json: JsonLines::new(lines, &KEYS),
            unit_picos: hints.time_unit.unwrap_or(TimeUnit::Milliseconds).picos(),
            at: 0,
            waiting: VecDeque::new(),
            rows: 0,
        }))
    }

    fn hears(&self) -> Hears {
        Hears {
            time_unit: true,
            ..Hears::default()
        }
    }
}

struct AiBrixRows {
    json: JsonLines,
    unit_picos: u64,
    /// When those of the current line arrive [ps].
    at: i128,
    /// Those of the current line that were not told yet.
    waiting: VecDeque<AiBrixRequest>,
    /// Requests read.
    rows: u64,
}

impl Rows for AiBrixRows {
    fn next_row(&mut self, row: &mut Row) -> Result<bool, TraceError> {
        let request = loop {
            if let Some(request) = self.waiting.pop_front() {
                break request;
            }
            let Some(line) = self.json.next::<AiBrixLine>()? else {
                return Ok(false);
            };
            let at = line.timestamp.picos(self.unit_picos);
            self.at = at.map_err(|complaint| self.json.error(ARRIVAL, complaint))?;
            self.waiting = line.requests.into();
        };
        self.rows += 1;
        let json = &self.json;
        *row = Row {
            number: self.rows - 1,
            line: json.line(),
            arrival_picos: self.at,
            arrival_column: json.column(ARRIVAL) as u32,
            input_tokens: json.tokens(INPUT, self.length(INPUT, request.prompt)?)?,
            output_tokens: json.output_tokens(OUTPUT, self.length(OUTPUT, request.output)?)?,
            session: request
                .session_id
                .filter(|session| !session.is_null())
                .map(|session| SessionName(hash_bytes(session.to_string().as_bytes()))),
            ..Row::default()
        };
        Ok(true)
    }

    fn arrival_field(&self) -> &'static str {
        ARRIVAL
    }
}

impl AiBrixRows {
    fn length(&self, name: &'static str, length: Option<Length>) -> Result<u64, TraceError> {
        let message = match length {
            Some(Length::Whole(tokens)) if tokens >= 0 => return Ok(tokens.cast_unsigned()),
            Some(Length::Float(tokens)) if tokens >= 0.0 && tokens.fract() == 0.0 => return Ok(tokens as u64),
            Some(_) => "is not a whole number of tokens; write e.g. 512",
            None => "is missing in one of the requests; every one needs it",
        };
        Err(self.json.error(name, message))
    }
}
