//! Mooncake traces (github.com/kvcache-ai/Mooncake, FAST 2025): JSON lines with `timestamp` in milliseconds,
//! `input_length`, `output_length` and `hash_ids`, one for every 512 tokens of the prompt. Dynamo's names for the same
//! are read too.
//!
//! An id stands for a block of content after all that comes before it, so equal leading ids mean an equal prefix. With
//! Dynamo's keys `session_id` and `delay` (in milliseconds) a row arrives that long after the last token of the row
//! before it in its session, and needs no `timestamp`. The first row of such a file names its session too.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::error::TraceError;
use super::first_line::FirstLine;
use super::format::TraceFormat;
use super::json_lines::{JsonKey, JsonKind, JsonLines, Number};
use super::lines::Lines;
use super::row::{Row, Rows, SessionName, SessionsBegun};
use crate::stats::streams::hash_bytes;
use crate::units::{PICOS_PER_SECOND, Span};
use crate::workload::{ContentId, Segment};

/// The format of Mooncake's traces.
pub struct Mooncake;

/// Tokens that a hash id stands for.
const BLOCK_TOKENS: u32 = 512;
const PICOS_PER_MILLISECOND: u64 = PICOS_PER_SECOND / 1000;

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
    /// Only in Qwen's Bailian traces, whose stamps are seconds and whose blocks have 16 tokens.
    chat_id: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Name {
    Text(String),
    Number(u64),
}

impl Name {
    fn hashed(&self) -> SessionName {
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

    fn recognises(&self, first: &FirstLine) -> bool {
        let has_lengths = first.has_keys(&[&[INPUT, "input_tokens"], &[OUTPUT, "output_tokens"]]);
        let has_times = first.has_keys(&[&[ARRIVAL, "created_time", DELAY, "delay_ms"]]);
        has_lengths && has_times && !first.has_keys(&[&["chat_id", "parent_chat_id"]])
    }

    fn rows(&self, lines: Lines) -> Result<Box<dyn Rows>, TraceError> {
        let has_sessions = FirstLine::new(lines.line()).has_keys(&[&[SESSION]]);
        Ok(Box::new(MooncakeRows {
            json: JsonLines::new(lines, &KEYS),
            has_sessions,
            begun: SessionsBegun::default(),
        }))
    }

    fn block_tokens(&self) -> u32 {
        BLOCK_TOKENS
    }
}

struct MooncakeRows {
    json: JsonLines,
    has_sessions: bool,
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
            output_tokens: json.tokens(OUTPUT, read.output_length)?,
            segments: self.segments(read.hash_ids.as_deref().unwrap_or(&[]), input_tokens)?,
            max_tokens: None,
            priority: 0,
            session,
            after,
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
            .picos(PICOS_PER_MILLISECOND)
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
        let picos = delay.picos(PICOS_PER_MILLISECOND);
        picos
            .and_then(|picos| self.begun.after(session, picos))
            .map(Some)
            .map_err(|complaint| self.json.error(DELAY, complaint))
    }

    fn refuse_other_formats(&self, row: &MooncakeRow) -> Result<(), TraceError> {
        if row.chat_id.is_some() {
            let message = "is a key of Qwen's Bailian traces, which are not read yet: their stamps are seconds and \
                           their blocks have 16 tokens";
            return Err(self.json.error("chat_id", message).fatal());
        }
        Ok(())
    }

    fn segments(&self, ids: &[u64], input_tokens: u32) -> Result<Option<Box<[Segment]>>, TraceError> {
        if ids.is_empty() {
            return Ok(None);
        }
        let expected = input_tokens.div_ceil(BLOCK_TOKENS);
        if ids.len() != expected as usize {
            let message = format!(
                "has {} ids, but {input_tokens} tokens need {expected}, one every {BLOCK_TOKENS}; make them agree",
                ids.len()
            );
            return Err(self.json.error(BLOCKS, message));
        }
        let segments = (0..expected).zip(ids).map(|(block, &id)| Segment {
            content: ContentId::numbered(id),
            offset: 0,
            tokens: BLOCK_TOKENS.min(input_tokens - block * BLOCK_TOKENS),
        });
        Ok(Some(segments.collect()))
    }
}
