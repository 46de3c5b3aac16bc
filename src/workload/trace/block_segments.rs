//! Prompts whose content hash ids of blocks name.

use crate::stats::streams::{hash_bytes, mix};
use crate::workload::{ContentId, Segment};

/// The segments of a prompt of `tokens` tokens whose blocks of `block_tokens` have these ids, the last of them perhaps
/// a part of one. Ids that are missing at the end stand for tokens that nobody else has, named by `row`.
pub fn segments(ids: &[u64], tokens: u32, block_tokens: u32, row: u64) -> Box<[Segment]> {
    let blocks = tokens
        .div_ceil(block_tokens)
        .min(u32::try_from(ids.len()).unwrap_or(u32::MAX));
    let rest = tokens.saturating_sub(blocks.saturating_mul(block_tokens));
    // As many as there will be: a prompt may have thousands.
    let mut segments = Vec::with_capacity(blocks as usize + usize::from(rest > 0));
    segments.extend((0..blocks).zip(ids).map(|(block, &id)| Segment {
        content: ContentId::numbered(id),
        offset: 0,
        tokens: block_tokens.min(tokens - block * block_tokens),
    }));
    segments.extend((rest > 0).then(|| own(row, rest)));
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
