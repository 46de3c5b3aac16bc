//! Mooncake traces (github.com/kvcache-ai/Mooncake, FAST 2025): JSON lines with `timestamp` in milliseconds,
//! `input_length`, `output_length` and `hash_ids`, one for every 512 tokens of the prompt. Dynamo's names for the same
//! are read too.
//!
//! An id stands for a block of content after all that comes before it, so equal leading ids mean an equal prefix. With
//! Dynamo's keys `session_id` and `delay` (in milliseconds) a row arrives that long after the last token of the row
//! before it in its session, and needs no `timestamp`. The first row of such a file names its session too. Another unit
//! of time or length of blocks has to be said, as nothing in the file does.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::block_segments;
use super::error::TraceError;
use super::first_line::{FirstLine, Needs};
use super::format::{Hears, TraceFormat};
use super::hints::{TimeUnit, TraceHints};
use super::json_lines::{JsonKey, JsonKind, JsonLines, Number};
use super::lines::Lines;
use super::row::{Row, Rows, SessionName, SessionsBegun};
use crate::stats::streams::hash_bytes;
use crate::units::Span;
use crate::workload::Segment;

/// The format of Mooncake's traces.
pub struct Mooncake;

/// Tokens that a hash id stands for.
const BLOCK_TOKENS: u32 = 512;

const ARRIVAL: &str = "timestamp";
const INPUT: &str = "input_length";
const OUTPUT: &str = "output_length";
const BLOCKS: &str = "hash_ids";
const SESSION: &str = "session_id";
const DELAY: &str = "delay";

const fn key(name: &'static str, aliases: &'static [&'static str], kind: JsonKind) -> JsonKey {
    JsonKey { name, aliases, kind }
}

static KEYS: [JsonKey; 6] = [
    key(ARRIVAL, &["created_time"], JsonKind::OptionalNumber),
    key(INPUT, &["input_tokens"], JsonKind::Tokens),
    key(OUTPUT, &["output_tokens"], JsonKind::Tokens),
    key(BLOCKS, &[], JsonKind::Ids),
    key(SESSION, &[], JsonKind::Name),
    key(DELAY, &["delay_ms"], JsonKind::OptionalNumber),
];

#[derive(Deserialize)]
struct MooncakeRow {
    #[serde(alias = "created_time")]
    timestamp: Option<Number>,
    #[serde(alias = "input_tokens")]
    input_length: u64,
    #[serde(alias = "output_tokens")]
    output_length: u64,
    hash_ids: Option<Vec<u64>>,
    session_id: Option<Name>,
    #[serde(alias = "delay_ms")]
    delay: Option<Number>,
    /// Only in Qwen's Bailian traces.
    chat_id: Option<IgnoredAny>,
}

/// A name, which may be a number.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Name {
    Text(String),
    Number(u64),
}

impl Name {
    /// Its hash.
    pub fn hashed(&self) -> SessionName {
        SessionName(match self {
            Self::Text(text) => hash_bytes(text.as_bytes()),
            Self::Number(number) => hash_bytes(number.to_string().as_bytes()),
        })
    }
}

impl TraceFormat for Mooncake {
    fn name(&self) -> &'static str {
        "mooncake"
    }

    fn looks_like(&self) -> &'static str {
        "JSON lines with the keys timestamp (in milliseconds), input_length and output_length, and no chat_id"
    }

    fn needs(&self) -> Needs {
        Needs::Keys(&[
            &[INPUT, "input_tokens"],
            &[OUTPUT, "output_tokens"],
            &[ARRIVAL, "created_time", DELAY, "delay_ms"],
        ])
    }

    fn recognises(&self, first: &FirstLine) -> bool {
        let others = ["chat_id", "parent_chat_id"];
        let is_stamp = first.value(ARRIVAL).is_some_and(Value::is_string);
        first.has(&self.needs()) && !is_stamp && !others.iter().any(|name| first.has_name(name))
    }

    fn rows(&self, lines: Lines, hints: &TraceHints, _: u64) -> Result<Box<dyn Rows>, TraceError> {
        let has_sessions = FirstLine::new(lines.line()).has_name(SESSION);
        Ok(Box::new(MooncakeRows {
            json: JsonLines::new(lines, &KEYS),
            has_sessions,
            unit_picos: hints.time_unit.unwrap_or(TimeUnit::Milliseconds).picos(),
            block_tokens: hints.block_tokens.unwrap_or(BLOCK_TOKENS),
            begun: SessionsBegun::default(),
        }))
    }

    fn hears(&self) -> Hears {
        Hears {
            time_unit: true,
            block_tokens: true,
            ..Hears::default()
        }
    }

    fn block_tokens(&self) -> u32 {
        BLOCK_TOKENS
    }
}

struct MooncakeRows {
    json: JsonLines,
    has_sessions: bool,
    unit_picos: u64,
    block_tokens: u32,
    begun: SessionsBegun,
}

impl Rows for MooncakeRows {
    fn next_row(&mut self, row: &mut Row) -> Result<bool, TraceError> {
        let Some(read) = self.json.next::<MooncakeRow>()? else {
            return Ok(false);
        };
        self.refuse_other_formats(&read)?;
        let json = &self.json;
        let session = read.session_id.as_ref().map(Name::hashed);
        let session = session.filter(|_| self.has_sessions);
        let after = self.after(&read, session)?;
        let input_tokens = json.tokens(INPUT, read.input_length)?;
        *row = Row {
            number: json.row_number(),
            line: json.line(),
            arrival_picos: match after {
                Some(_) => 0,
                None => self.arrival_picos(&read)?,
            },
            arrival_column: json.column(ARRIVAL) as u32,
            input_tokens,
            output_tokens: json.output_tokens(OUTPUT, read.output_length)?,
            segments: self.segments(read.hash_ids.as_deref().unwrap_or(&[]), input_tokens)?,
            max_tokens: None,
            priority: 0,
            session,
            after,
            waits: None,
            turn: 0,
        };
        if let Some(session) = session {
            self.begun.add(session);
        }
        Ok(true)
    }

    fn arrival_field(&self) -> &'static str {
        ARRIVAL
    }

    fn has_followers(&self) -> bool {
        self.has_sessions
    }
}

impl MooncakeRows {
    fn arrival_picos(&self, row: &MooncakeRow) -> Result<i128, TraceError> {
        let missing = || {
            self.json
                .error(ARRIVAL, "is missing; every row without a delay needs it")
        };
        let timestamp = row.timestamp.ok_or_else(missing)?;
        timestamp
            .picos(self.unit_picos)
            .map_err(|complaint| self.json.error(ARRIVAL, complaint))
    }

    fn after(&self, row: &MooncakeRow, session: Option<SessionName>) -> Result<Option<Span>, TraceError> {
        let Some(delay) = row.delay else {
            return Ok(None);
        };
        if !self.has_sessions {
            let message =
                "is not expected: the first row has no session_id; name the session in every row that belongs to one";
            return Err(self.json.error(DELAY, message).fatal());
        }
        let picos = delay.picos(self.unit_picos);
        picos
            .and_then(|picos| self.begun.after(session, picos))
            .map(Some)
            .map_err(|complaint| self.json.error(DELAY, complaint))
    }

    fn refuse_other_formats(&self, row: &MooncakeRow) -> Result<(), TraceError> {
        if row.chat_id.is_some() {
            let message = "is a key of Qwen's Bailian traces, whose stamps are seconds and whose blocks have 16 \
                           tokens; write format = \"bailian\"";
            return Err(self.json.error("chat_id", message).fatal());
        }
        Ok(())
    }

    fn segments(&self, ids: &[u64], input_tokens: u32) -> Result<Option<Box<[Segment]>>, TraceError> {
        if ids.is_empty() {
            return Ok(None);
        }
        let block_tokens = self.block_tokens;
        let expected = input_tokens.div_ceil(block_tokens);
        // Some leave out the id of the last block where it is not whole.
        let whole = input_tokens / block_tokens;
        if ![expected, whole].contains(&u32::try_from(ids.len()).unwrap_or(u32::MAX)) {
            let message = format!(
                "has {} ids, but {input_tokens} tokens need {expected}, one every {block_tokens}; make them agree, or \
                 write how many tokens an id stands for: trace.block_tokens = 16 (--block-tokens 16)",
                ids.len()
            );
            return Err(self.json.error(BLOCKS, message));
        }
        Ok(Some(block_segments::segments(
            ids,
            input_tokens,
            block_tokens,
            self.json.row_number(),
        )))
    }
}
