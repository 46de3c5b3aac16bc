//! `ShareGPT` requests as `LLMServingSim` writes them (github.com/casys-kaist/LLMServingSim): JSON lines with
//! `input_toks`, `output_toks`, `arrival_time_ns` and the ids of the tokens.
//!
//! The ids say which prompts share a prefix. Each 16 tokens become a piece of content that is named by the hash of all
//! ids up to its end, so two prompts agree exactly as far as their ids do, rounded down to 16 tokens: the block of
//! vLLM.

use serde::Deserialize;

use super::error::TraceError;
use super::first_line::Needs;
use super::format::TraceFormat;
use super::hints::TraceHints;
use super::json_lines::{JsonKey, JsonKind, JsonLines, Number};
use super::lines::Lines;
use super::row::{Row, Rows};
use crate::stats::streams::mix;
use crate::units::PICOS_PER_SECOND;
use crate::workload::{ContentId, Segment};

/// The format of conversations from `ShareGPT`.
pub struct ShareGpt;

/// Tokens in a piece of content.
const BLOCK_TOKENS: usize = 16;
const PICOS_PER_NANOSECOND: u64 = PICOS_PER_SECOND / 1_000_000_000;

const ARRIVAL: &str = "arrival_time_ns";
const INPUT: &str = "input_toks";
const OUTPUT: &str = "output_toks";
const IDS: &str = "input_tok_ids";

static KEYS: [JsonKey; 4] = [
    JsonKey::new(ARRIVAL, JsonKind::Number),
    JsonKey::new(INPUT, JsonKind::Tokens),
    JsonKey::new(OUTPUT, JsonKind::Tokens),
    JsonKey::new(IDS, JsonKind::Ids),
];

#[derive(Deserialize)]
struct ShareGptRow {
    arrival_time_ns: Number,
    input_toks: u64,
    output_toks: u64,
    input_tok_ids: Option<Vec<u64>>,
}

impl TraceFormat for ShareGpt {
    fn name(&self) -> &'static str {
        "sharegpt"
    }

    fn looks_like(&self) -> &'static str {
        "JSON lines with the keys input_toks, output_toks and arrival_time_ns"
    }

    fn needs(&self) -> Needs {
        Needs::Keys(&[&[INPUT], &[OUTPUT], &[ARRIVAL]])
    }

    fn rows(&self, lines: Lines, _: &TraceHints, _: u64) -> Result<Box<dyn Rows>, TraceError> {
        Ok(Box::new(ShareGptRows {
            json: JsonLines::new(lines, &KEYS),
        }))
    }
}

struct ShareGptRows {
    json: JsonLines,
}

impl Rows for ShareGptRows {
    fn next_row(&mut self, row: &mut Row) -> Result<bool, TraceError> {
        let Some(read) = self.json.next::<ShareGptRow>()? else {
            return Ok(false);
        };
        let json = &self.json;
        let input_tokens = json.tokens(INPUT, read.input_toks)?;
        *row = Row {
            number: json.row_number(),
            line: json.line(),
            arrival_picos: read
                .arrival_time_ns
                .picos(PICOS_PER_NANOSECOND)
                .map_err(|complaint| json.error(ARRIVAL, complaint))?,
            arrival_column: json.column(ARRIVAL) as u32,
            input_tokens,
            output_tokens: json.output_tokens(OUTPUT, read.output_toks)?,
            segments: self.segments(read.input_tok_ids.as_deref().unwrap_or(&[]), input_tokens)?,
            ..Row::default()
        };
        Ok(true)
    }

    fn arrival_field(&self) -> &'static str {
        ARRIVAL
    }
}

impl ShareGptRows {
    fn segments(&self, ids: &[u64], input_tokens: u32) -> Result<Option<Box<[Segment]>>, TraceError> {
        if ids.is_empty() {
            return Ok(None);
        }
        if ids.len() != input_tokens as usize {
            let message = format!(
                "has {} ids, but input_toks is {input_tokens}; make them agree",
                ids.len()
            );
            return Err(self.json.error(IDS, message));
        }
        let mut prefix = 0;
        let segments = ids.chunks(BLOCK_TOKENS).map(|block| {
            prefix = block.iter().fold(prefix, |hash, &id| mix(hash ^ mix(id)));
            Segment {
                content: ContentId::numbered(prefix),
                offset: 0,
                tokens: block.len() as u32,
            }
        });
        Ok(Some(segments.collect()))
    }
}
