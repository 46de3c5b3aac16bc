//! Names for blocks by what they hold: two blocks have the same key exactly if all tokens up to their ends are the
//! same.

use crate::stats::streams;
use crate::workload::{ContentId, Segment};

/// The name of a full block: a hash of its own tokens and of all tokens before it. 64 bits; with 10^8 distinct blocks
/// the chance that any two differ in content but not in key is below 1 in 3,000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockKey(pub u64);

impl BlockKey {
    /// The name of the block with the same tokens in another group of layers; in the first it is the key itself.
    #[must_use]
    pub const fn in_group(self, group: usize) -> Self {
        if group == 0 {
            return self;
        }
        Self(mix(self.0, group as u64))
    }

    /// The name of a block of which it is known that these tokens follow it.
    #[must_use]
    pub fn followed_by(self, tokens: impl Iterator<Item = (ContentId, u32)>) -> Self {
        Self(tokens.fold(self.0, |key, (content, place)| mix(mix(key, content.0), place.into())))
    }
}

/// Makes the keys of a sequence's blocks, one after the other, as its content becomes known.
#[derive(Clone, Debug)]
pub struct KeyChain {
    block_tokens: u32,
    /// The key of the block before.
    previous: u64,
    /// The tokens of the block that is not yet full: a hash of the segments that are closed, and the one that may still
    /// grow.
    closed: u64,
    open: Option<Segment>,
    filled: u32,
}

impl KeyChain {
    /// The start of a sequence.
    pub const fn new(block_tokens: u32) -> Self {
        Self {
            block_tokens,
            previous: 0,
            closed: 0,
            open: None,
            filled: 0,
        }
    }

    /// Goes on with `segment`, and hands each block that becomes full to `full`.
    pub fn extend(&mut self, mut segment: Segment, mut full: impl FnMut(BlockKey)) {
        while segment.tokens > 0 {
            let taken = segment.tokens.min(self.block_tokens - self.filled);
            self.append(Segment {
                tokens: taken,
                ..segment
            });
            segment.offset += taken;
            segment.tokens -= taken;
            if self.filled == self.block_tokens {
                full(self.close_block());
            }
        }
    }

    /// Neighbouring tokens of the same content are one segment, however they were handed over.
    fn append(&mut self, piece: Segment) {
        self.filled += piece.tokens;
        match &mut self.open {
            Some(open) if open.content == piece.content && open.offset + open.tokens == piece.offset => {
                open.tokens += piece.tokens;
            }
            _ => {
                self.close_segment();
                self.open = Some(piece);
            }
        }
    }

    fn close_segment(&mut self) {
        if let Some(segment) = self.open.take() {
            let place = u64::from(segment.offset) << 32 | u64::from(segment.tokens);
            self.closed = mix(mix(self.closed, segment.content.0), place);
        }
    }

    fn close_block(&mut self) -> BlockKey {
        self.close_segment();
        self.previous = mix(self.previous, self.closed);
        self.closed = 0;
        self.filled = 0;
        BlockKey(self.previous)
    }
}

/// Mixes two words so that every bit of both moves every bit of the result.
const fn mix(state: u64, word: u64) -> u64 {
    streams::mix(state.rotate_left(23) ^ streams::mix(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(block_tokens: u32, segments: &[(u64, u32, u32)]) -> Vec<BlockKey> {
        let mut chain = KeyChain::new(block_tokens);
        let mut keys = Vec::new();
        for &(content, offset, tokens) in segments {
            let segment = Segment {
                content: ContentId(content),
                offset,
                tokens,
            };
            chain.extend(segment, |key| keys.push(key));
        }
        keys
    }

    #[test]
    fn only_full_blocks_have_keys() {
        assert_eq!(keys(4, &[(1, 0, 3)]).len(), 0);
        assert_eq!(keys(4, &[(1, 0, 11)]).len(), 2);
    }

    #[test]
    fn the_way_content_is_cut_into_segments_does_not_matter() {
        let whole = keys(4, &[(1, 0, 12), (2, 5, 4)]);
        assert_eq!(
            keys(4, &[(1, 0, 3), (1, 3, 7), (1, 10, 2), (2, 5, 1), (2, 6, 3)]),
            whole
        );
    }

    #[test]
    fn prefixes_are_shared_just_as_far_as_their_tokens_agree() {
        let (one, other) = (keys(4, &[(1, 0, 20)]), keys(4, &[(1, 0, 9), (7, 9, 11)]));
        assert_eq!(one[..2], other[..2]);
        for block in 2..5 {
            assert_ne!(one[block], other[block]);
        }
        assert_ne!(keys(4, &[(1, 1, 4)]), keys(4, &[(1, 0, 4)]));
    }
}
