//! Prompts whose content hash ids of blocks name.

use crate::stats::streams::{hash_bytes, mix};
use crate::workload::{ContentId, Segment};

/// The segments of a prompt of `tokens` tokens whose blocks of `block_tokens` have these ids, the last of them perhaps
/// a part of one. Ids that are missing at the end stand for tokens that nobody else has, named by `row`.
pub fn segments(ids: &[u64], tokens: u32, block_tokens: u32, row: u64) -> Box<[Segment]> {
    let starts = (0..).map(|block: u32| block.saturating_mul(block_tokens));
    let named = ids.iter().zip(starts).take_while(|(_, start)| *start < tokens);
    let named = named.map(|(&id, start)| Segment {
        content: ContentId::numbered(id),
        offset: 0,
        tokens: block_tokens.min(tokens - start),
    });
    let mut segments: Vec<Segment> = named.collect();
    let covered: u32 = segments.iter().map(|segment| segment.tokens).sum();
    if covered < tokens {
        segments.push(own(row, tokens - covered));
    }
    segments.into()
}

/// So many tokens that only the prompt of `row` has.
pub fn own(row: u64, tokens: u32) -> Segment {
    Segment {
        content: ContentId::numbered(mix(row ^ hash_bytes(b"own content of a row"))),
        offset: 0,
        tokens,
    }
}
