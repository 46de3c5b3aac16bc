//! Qwen's Bailian traces (github.com/alibaba-edu/qwen-bailian-usagetraces-anon): JSON lines with `timestamp` in
//! seconds, `input_length`, `output_length`, `hash_ids`, one for every 16 tokens of the prompt, and `chat_id`,
//! `parent_chat_id` and `turn`.
//!
//! A row holds its whole context, and its arrival was recorded: chats with one ancestor are a session for routers, but
//! no row waits for another. A parent that the file does not hold names the session of its children.

use rustc_hash::FxHashMap;
use serde::Deserialize;

use super::block_segments;
use super::error::TraceError;
use super::first_line::Needs;
use super::format::{Hears, TraceFormat};
use super::hints::{TimeUnit, TraceHints};
use super::json_lines::{JsonKey, JsonKind, JsonLines, Number};
use super::lines::Lines;
use super::row::{Row, Rows, SessionName};
use crate::stats::streams::mix;
use crate::workload::Segment;

/// The format of Qwen's Bailian traces.
pub struct Bailian;

/// Tokens that a hash id stands for.
const BLOCK_TOKENS: u32 = 16;

const ARRIVAL: &str = "timestamp";
const INPUT: &str = "input_length";
const OUTPUT: &str = "output_length";
const BLOCKS: &str = "hash_ids";
const CHAT: &str = "chat_id";

static KEYS: [JsonKey; 4] = [
    JsonKey::new(ARRIVAL, JsonKind::Number),
    JsonKey::new(INPUT, JsonKind::Tokens),
    JsonKey::new(OUTPUT, JsonKind::Tokens),
    JsonKey::new(BLOCKS, JsonKind::Ids),
];

#[derive(Deserialize)]
struct BailianRow {
    timestamp: Number,
    input_length: u64,
    output_length: u64,
    hash_ids: Option<Vec<u64>>,
    chat_id: Option<i64>,
    /// -1 of the first turn.
    parent_chat_id: Option<i64>,
    turn: Option<u64>,
}

impl TraceFormat for Bailian {
    fn name(&self) -> &'static str {
        "bailian"
    }

    fn looks_like(&self) -> &'static str {
        "JSON lines with the keys chat_id, timestamp (in seconds), input_length and output_length"
    }

    fn needs(&self) -> Needs {
        Needs::Keys(&[&[CHAT, "parent_chat_id"], &[ARRIVAL], &[INPUT], &[OUTPUT]])
    }

    fn rows(&self, lines: Lines, hints: &TraceHints, _: u64) -> Result<Box<dyn Rows>, TraceError> {
        Ok(Box::new(BailianRows {
            json: JsonLines::new(lines, &KEYS),
            unit_picos: hints.time_unit.unwrap_or(TimeUnit::Seconds).picos(),
            block_tokens: hints.block_tokens.unwrap_or(BLOCK_TOKENS),
            roots: FxHashMap::default(),
            partly_hashed: 0,
        }))
    }

    fn block_tokens(&self) -> u32 {
        BLOCK_TOKENS
    }

    fn hears(&self) -> Hears {
        Hears {
            time_unit: true,
            block_tokens: true,
            ..Hears::default()
        }
    }
}

struct BailianRows {
    json: JsonLines,
    unit_picos: u64,
    block_tokens: u32,
    /// The first chat of the session that each chat with a parent belongs to; never iterated over.
    roots: FxHashMap<i64, i64>,
    partly_hashed: u64,
}

impl Rows for BailianRows {
    fn next_row(&mut self, row: &mut Row) -> Result<bool, TraceError> {
        let Some(read) = self.json.next::<BailianRow>()? else {
            return Ok(false);
        };
        let session = self.session(&read);
        let json = &self.json;
        let input_tokens = json.tokens(INPUT, read.input_length)?;
        *row = Row {
            number: json.row_number(),
            line: json.line(),
            arrival_picos: read
                .timestamp
                .picos(self.unit_picos)
                .map_err(|complaint| json.error(ARRIVAL, complaint))?,
            arrival_column: json.column(ARRIVAL) as u32,
            input_tokens,
            output_tokens: json.output_tokens(OUTPUT, read.output_length)?,
            segments: self.segments(read.hash_ids.as_deref().unwrap_or(&[]), input_tokens)?,
            session,
            turn: read.turn.map_or(0, |turn| u16::try_from(turn).unwrap_or(u16::MAX)),
            ..Row::default()
        };
        // The last block, where it is not whole, often has none.
        let ids = read.hash_ids.as_ref().map_or(0, Vec::len);
        let whole = (input_tokens / self.block_tokens) as usize;
        self.partly_hashed += u64::from((1..whole).contains(&ids));
        Ok(true)
    }

    fn arrival_field(&self) -> &'static str {
        ARRIVAL
    }

    fn partly_hashed(&self) -> u64 {
        self.partly_hashed
    }
}

impl BailianRows {
    fn session(&mut self, row: &BailianRow) -> Option<SessionName> {
        let chat = row.chat_id?;
        let parent = row.parent_chat_id.filter(|&parent| parent >= 0);
        let root = parent.map_or(chat, |parent| self.roots.get(&parent).copied().unwrap_or(parent));
        if parent.is_some() {
            self.roots.insert(chat, root);
        }
        Some(SessionName(mix(root.cast_unsigned())))
    }

    fn segments(&self, ids: &[u64], input_tokens: u32) -> Result<Option<Box<[Segment]>>, TraceError> {
        if ids.is_empty() {
            return Ok(None);
        }
        let most = input_tokens.div_ceil(self.block_tokens);
        if ids.len() > most as usize {
            let message = format!(
                "has {} ids, but {input_tokens} tokens need {most}, one every {}; make them agree, or write how many \
                 tokens an id stands for: trace.block_tokens = 32 (--block-tokens 32)",
                ids.len(),
                self.block_tokens
            );
            return Err(self.json.error(BLOCKS, message));
        }
        let row = self.json.row_number();
        Ok(Some(block_segments::segments(
            ids,
            input_tokens,
            self.block_tokens,
            row,
        )))
    }
}
