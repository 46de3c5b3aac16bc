//! Prompts and outputs that are longer or shorter than recorded.
//!
//! A scaled prompt keeps its pieces in their proportions: what ended after `p` of its tokens ends after `round(p *
//! scale)`, and at least one. So its length is the rounded one however many pieces it has, and two prompts whose first
//! `k` tokens agreed share `round(k * scale)`. A piece that repeats the output of another row scales as a part of its
//! prompt: it holds the first tokens of the scaled output and, where `input_scale` is above `output_scale`, goes on
//! after them with tokens that only prompts hold.

use super::error::TraceError;
use super::replay::Replay;
use super::row::{Row, Rows};
use crate::workload::{MOST_TOKENS, Segment};

/// The rows with lengths scaled as `replay` says; the very same if all stay as recorded, which then costs nothing.
#[expect(clippy::float_cmp, reason = "1.0 means that nobody asked for other lengths")]
pub fn scale(rows: Box<dyn Rows>, replay: &Replay) -> Box<dyn Rows> {
    let (input, output) = (replay.input_scale, replay.output_scale);
    if input == 1.0 && output == 1.0 {
        return rows;
    }
    Box::new(ScaledRows { rows, input, output })
}

struct ScaledRows {
    rows: Box<dyn Rows>,
    input: f64,
    output: f64,
}

impl Rows for ScaledRows {
    fn next_row(&mut self, row: &mut Row) -> Result<bool, TraceError> {
        if !self.rows.next_row(row)? {
            return Ok(false);
        }
        row.input_tokens = scaled(row.input_tokens, self.input);
        row.output_tokens = scaled(row.output_tokens, self.output);
        row.max_tokens = row.max_tokens.map(|most| scaled(most, self.output));
        if let Some(segments) = row.segments.take() {
            row.segments = Some(scaled_segments(&segments, self.input));
        }
        Ok(true)
    }

    fn arrival_field(&self) -> &'static str {
        self.rows.arrival_field()
    }

    fn has_followers(&self) -> bool {
        self.rows.has_followers()
    }

    fn names_outputs(&self) -> bool {
        self.rows.names_outputs()
    }

    fn failed(&self) -> u64 {
        self.rows.failed()
    }

    fn partly_hashed(&self) -> u64 {
        self.rows.partly_hashed()
    }
}

/// So many tokens, scaled.
fn scaled(tokens: u32, scale: f64) -> u32 {
    let tokens = (f64::from(tokens) * scale).round() as u32;
    tokens.clamp(1, MOST_TOKENS)
}

fn scaled_segments(segments: &[Segment], scale: f64) -> Box<[Segment]> {
    /// Farther into its content no segment starts, so that its end fits 32 bits.
    const LAST_OFFSET: u32 = u32::MAX - MOST_TOKENS;
    let (mut before, mut scaled_before) = (0, 0);
    let mut kept = Vec::new();
    for segment in joined(segments) {
        before += segment.tokens;
        let end = scaled(before, scale);
        if end > scaled_before {
            kept.push(Segment {
                content: segment.content,
                offset: ((f64::from(segment.offset) * scale).round() as u32).min(LAST_OFFSET),
                tokens: end - scaled_before,
            });
        }
        scaled_before = end;
    }
    kept.into()
}

/// Tokens in as few segments as possible: where a content is cut must not matter.
fn joined(segments: &[Segment]) -> Vec<Segment> {
    let mut joined: Vec<Segment> = Vec::with_capacity(segments.len());
    for &segment in segments {
        match joined.last_mut() {
            Some(last) if last.content == segment.content && last.offset + last.tokens == segment.offset => {
                last.tokens += segment.tokens;
            }
            _ => joined.push(segment),
        }
    }
    joined
}
