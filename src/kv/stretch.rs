//! Names for many blocks at a time: consecutive blocks that are filled by one content, without a gap, share one name
//! and differ only in their number. What [`super::KeyChain`] says block by block is said here in a few words, however
//! long the content.

use super::content::mix;
use crate::workload::Segment;

/// Consecutive full blocks of a sequence that hold one content without a gap, as many as there are; or one block that
/// holds several.
///
/// Two blocks of any sequences have the same stretch and the same number in it exactly if all tokens up to their ends
/// are the same. 64 bits, as for block keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// A hash of all tokens before it and of how it begins.
    pub key: u64,
    /// How many blocks it has in this sequence; in another that begins alike it may have more or fewer.
    pub blocks: u32,
}

/// Cuts a sequence into stretches as its content becomes known.
#[derive(Clone, Debug)]
pub struct StretchChain {
    block_tokens: u32,
    /// Where the content of the latest stretch goes on; of no tokens. None if that stretch cannot grow.
    growing: Option<Segment>,
    /// The tokens of the block that is not yet full: a hash of the segments that are closed, and the one that may still
    /// grow.
    closed: u64,
    open: Option<Segment>,
    filled: u32,
}

impl StretchChain {
    /// The start of a sequence.
    pub const fn new(block_tokens: u32) -> Self {
        Self {
            block_tokens,
            growing: None,
            closed: 0,
            open: None,
            filled: 0,
        }
    }

    /// Goes on with `segment`, and says how many blocks this makes full; `stretches` are those of the sequence so far.
    pub fn extend(&mut self, mut segment: Segment, stretches: &mut Vec<Stretch>) -> u32 {
        let full = (self.filled + segment.tokens) / self.block_tokens;
        while segment.tokens > 0 {
            let whole = segment.tokens / self.block_tokens;
            let tokens = if self.filled == 0 && whole > 0 {
                whole * self.block_tokens
            } else {
                segment.tokens.min(self.block_tokens - self.filled)
            };
            let piece = Segment { tokens, ..segment };
            if self.filled == 0 && whole > 0 {
                self.add_blocks(piece, stretches);
            } else {
                self.fill(piece, stretches);
            }
            segment.offset += tokens;
            segment.tokens -= tokens;
        }
        full
    }

    /// Adds whole blocks of one content.
    fn add_blocks(&mut self, piece: Segment, stretches: &mut Vec<Stretch>) {
        let blocks = piece.tokens / self.block_tokens;
        match stretches.last_mut() {
            Some(latest) if self.growing.is_some_and(|end| is_followed_by(end, piece)) => {
                latest.blocks += blocks;
            }
            _ => {
                let begins = mix(mix(1, piece.content.0), u64::from(piece.offset));
                let key = mix(past(stretches), begins);
                stretches.push(Stretch { key, blocks });
            }
        }
        self.growing = Some(Segment {
            offset: piece.offset + piece.tokens,
            tokens: 0,
            ..piece
        });
    }

    /// Adds to the block that is not yet full. Neighbouring tokens of the same content are one piece, however they are
    /// handed over.
    fn fill(&mut self, piece: Segment, stretches: &mut Vec<Stretch>) {
        self.filled += piece.tokens;
        match &mut self.open {
            Some(open) if is_followed_by(*open, piece) => open.tokens += piece.tokens,
            _ => {
                self.close_piece();
                self.open = Some(piece);
            }
        }
        if self.filled < self.block_tokens {
            return;
        }
        self.filled = 0;
        match self.open.take() {
            Some(only) if only.tokens == self.block_tokens => self.add_blocks(only, stretches),
            last => {
                self.open = last;
                self.close_piece();
                let key = mix(past(stretches), self.closed);
                stretches.push(Stretch { key, blocks: 1 });
                self.closed = 0;
                self.growing = None;
            }
        }
    }

    fn close_piece(&mut self) {
        if let Some(piece) = self.open.take() {
            let place = u64::from(piece.offset) << 32 | u64::from(piece.tokens);
            self.closed = mix(mix(self.closed, piece.content.0), place);
        }
    }
}

/// Whether the tokens of `next` come right after those of `segment` in the same content.
fn is_followed_by(segment: Segment, next: Segment) -> bool {
    segment.content == next.content && segment.offset + segment.tokens == next.offset
}

/// A hash of all full blocks so far.
fn past(stretches: &[Stretch]) -> u64 {
    let latest = stretches.last();
    latest.map_or(0, |latest| mix(latest.key, u64::from(latest.blocks)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kv::KeyChain;
    use crate::workload::ContentId;
    use rand::{RngExt, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;
    use std::collections::HashMap;

    fn segment(content: u64, offset: u32, tokens: u32) -> Segment {
        Segment {
            content: ContentId(content),
            offset,
            tokens,
        }
    }

    fn stretches(block_tokens: u32, segments: &[Segment]) -> Vec<Stretch> {
        let mut chain = StretchChain::new(block_tokens);
        let mut stretches = Vec::new();
        for &segment in segments {
            chain.extend(segment, &mut stretches);
        }
        stretches
    }

    fn blocks(block_tokens: u32, segments: &[(u64, u32, u32)]) -> Vec<u32> {
        let segments: Vec<Segment> = segments
            .iter()
            .map(|&(content, offset, tokens)| segment(content, offset, tokens))
            .collect();
        let stretches = stretches(block_tokens, &segments);
        stretches.iter().map(|stretch| stretch.blocks).collect()
    }

    #[test]
    fn a_content_is_one_stretch_however_long() {
        assert_eq!(blocks(4, &[(1, 0, 403)]), [100]);
        assert_eq!(blocks(4, &[(1, 0, 2), (1, 2, 1), (1, 3, 9)]), [3]);
        assert_eq!(blocks(4, &[(1, 0, 10), (2, 0, 11)]), [2, 1, 2]);
    }

    #[test]
    fn stretches_name_blocks_apart_just_as_keys_do() {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(5);
        for block_tokens in 1..6 {
            let mut stretch_of_key = HashMap::new();
            let mut key_of_stretch = HashMap::new();
            for _ in 0..3000 {
                let count = random.random_range(1..6);
                let segments: Vec<Segment> = (0..count)
                    .map(|_| {
                        let content = random.random_range(0..2);
                        let offset = random.random_range(0..3) * random.random_range(0..4);
                        segment(content, offset, random.random_range(1..12))
                    })
                    .collect();
                let mut keys = Vec::new();
                let mut chain = KeyChain::new(block_tokens);
                for &segment in &segments {
                    chain.extend(segment, |key| keys.push(key));
                }
                let stretches = stretches(block_tokens, &segments);
                let names = stretches
                    .iter()
                    .flat_map(|stretch| (0..stretch.blocks).map(|number| (stretch.key, number)));
                let names: Vec<_> = names.collect();
                assert_eq!(names.len(), keys.len());
                for (key, name) in keys.into_iter().zip(names) {
                    assert_eq!(*stretch_of_key.entry(key).or_insert(name), name);
                    assert_eq!(*key_of_stretch.entry(name).or_insert(key), key);
                }
            }
        }
    }
}
