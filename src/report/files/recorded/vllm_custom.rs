//! JSON lines for `vllm bench serve --dataset-name custom`: a `prompt` of as many tokens, and `output_tokens`.

use std::io::{self, Write};

use crate::stats::streams::{hash_bytes, mix};
use crate::workload::trace::Row;
use crate::workload::{ContentId, Segment};

/// Words that are one token each, with the space before them, in byte-pair vocabularies made of English texts (those of
/// GPT-2, Llama 3 and Qwen among them).
const WORDS: [&str; 64] = [
    "the", "of", "and", "to", "in", "is", "that", "for", "it", "as", "was", "with", "be", "by", "on", "not", "he",
    "his", "but", "at", "are", "this", "have", "from", "or", "had", "an", "they", "which", "one", "you", "were", "her",
    "all", "she", "there", "would", "their", "we", "him", "been", "has", "when", "who", "will", "more", "no", "if",
    "out", "so", "said", "what", "up", "its", "about", "into", "than", "them", "can", "only", "other", "new", "some",
    "could",
];

/// Writes a row. What prompts share is the same text.
pub fn write_row(out: &mut impl Write, row: &Row) -> io::Result<()> {
    out.write_all(b"{\"prompt\": \"")?;
    let own = [Segment {
        content: ContentId::numbered(mix(row.number ^ hash_bytes(b"prompt of a row"))),
        offset: 0,
        tokens: row.input_tokens,
    }];
    let mut is_first = true;
    for segment in row.segments.as_deref().unwrap_or(&own) {
        for token in 0..segment.tokens {
            let place = u64::from(segment.offset) + u64::from(token);
            let word = WORDS[(mix(segment.content.0 ^ mix(place)) % WORDS.len() as u64) as usize];
            if !std::mem::take(&mut is_first) {
                out.write_all(b" ")?;
            }
            out.write_all(word.as_bytes())?;
        }
    }
    writeln!(out, "\", \"output_tokens\": {}}}", row.output_tokens)
}
