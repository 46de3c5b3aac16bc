//! The JSON lines of Mooncake (github.com/kvcache-ai/Mooncake), with Dynamo's `session_id` and `delay`.

use std::io::{self, Write};

use rustc_hash::FxHashMap;

use super::decimal::decimal;
use crate::stats::streams::mix;
use crate::workload::Segment;
use crate::workload::trace::Row;

/// Digits of a millisecond in picoseconds.
const MILLISECOND_DIGITS: usize = 9;
/// Tokens that a hash id stands for.
const BLOCK_TOKENS: u32 = 512;

/// The ids of blocks of content, numbered as they come; never iterated over.
#[derive(Default)]
pub struct MooncakeBlocks {
    ids: FxHashMap<u64, u64>,
    next: u64,
}

impl MooncakeBlocks {
    fn fresh(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    fn known(&mut self, content: u64) -> u64 {
        if let Some(id) = self.ids.get(&content) {
            return *id;
        }
        let id = self.fresh();
        self.ids.insert(content, id);
        id
    }

    /// The ids of a prompt's blocks, each of which stands for all tokens up to its end.
    fn of(&mut self, tokens: u32, segments: Option<&[Segment]>) -> Vec<u64> {
        let Some(segments) = segments else {
            return (0..tokens.div_ceil(BLOCK_TOKENS)).map(|_| self.fresh()).collect();
        };
        let mut ids = Vec::new();
        let (mut content, mut room) = (0, BLOCK_TOKENS);
        // Where a content is cut does not matter, so pieces that go on are one.
        let mut last: Option<Segment> = None;
        for &segment in segments {
            let (mut offset, mut left) = (segment.offset, segment.tokens);
            while left > 0 {
                let taken = left.min(room);
                let goes_on = last.is_some_and(|last| {
                    last.content == segment.content && last.offset.wrapping_add(last.tokens) == offset
                });
                if !goes_on {
                    content = mix(content ^ mix(segment.content.0 ^ mix(u64::from(offset))));
                }
                last = Some(Segment {
                    offset,
                    tokens: taken,
                    ..segment
                });
                (offset, left, room) = (offset.wrapping_add(taken), left - taken, room - taken);
                if room == 0 {
                    content = mix(content ^ 1);
                    ids.push(self.known(content));
                    room = BLOCK_TOKENS;
                }
            }
        }
        if room < BLOCK_TOKENS {
            ids.push(self.known(mix(content ^ u64::from(room) << 1)));
        }
        ids
    }
}

/// Writes a row that arrives `arrival` [ps] after the first.
pub fn write_row(out: &mut impl Write, row: &Row, arrival: i128, blocks: &mut MooncakeBlocks) -> io::Result<()> {
    match row.after {
        None => write!(out, "{{\"timestamp\": {}", decimal(arrival, MILLISECOND_DIGITS))?,
        Some(after) => write!(
            out,
            "{{\"delay\": {}",
            decimal(after.picos().into(), MILLISECOND_DIGITS)
        )?,
    }
    if let Some(session) = row.session {
        write!(out, ", \"session_id\": \"s{:x}\"", session.0)?;
    }
    let ids: Vec<String> = blocks
        .of(row.input_tokens, row.segments.as_deref())
        .iter()
        .map(u64::to_string)
        .collect();
    writeln!(
        out,
        ", \"input_length\": {}, \"output_length\": {}, \"hash_ids\": [{}]}}",
        row.input_tokens,
        row.output_tokens,
        ids.join(", ")
    )
}
