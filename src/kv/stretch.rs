//! Names for many blocks at a time: consecutive blocks that are filled by one content, without a gap, share one name
//! and differ only in their number. What [`super::KeyChain`] says block by block is said here in a few words, however
//! long the content.

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

/// Blocks of a sequence that are full from now on: numbers `start..end` of the stretch with this key. Its blocks before
/// `start` were full already; a stretch begins with `start` 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FullBlocks {
    /// The key of the stretch.
    pub key: u64,
    /// The first.
    pub start: u32,
    /// The one after the last.
    pub end: u32,
}

impl FullBlocks {
    /// Adds them to the stretches of their sequence so far.
    pub fn add_to(self, stretches: &mut Vec<Stretch>) {
        let Self { key, start, end } = self;
        match stretches.last_mut() {
            Some(latest) if start > 0 => latest.blocks = end,
            _ => stretches.push(Stretch { key, blocks: end }),
        }
    }
}

/// Cuts a sequence into stretches as its content becomes known.
#[derive(Clone, Debug)]
pub struct StretchChain {
    block_tokens: u32,
    /// The latest stretch; before the first, one without blocks.
    latest: Stretch,
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
            latest: Stretch { key: 0, blocks: 0 },
            growing: None,
            closed: 0,
            open: None,
            filled: 0,
        }
    }

    /// Goes on with `segment`, and hands the blocks that become full to `full`, of one stretch at a time.
    #[inline]
    pub fn extend(&mut self, segment: Segment, mut full: impl FnMut(FullBlocks)) {
        let mut rest = segment;
        if self.filled > 0 && rest.tokens > 0 {
            let piece = take(&mut rest, self.block_tokens - self.filled);
            if let Some(block) = self.fill(piece) {
                full(block);
            }
        }
        if rest.tokens >= self.block_tokens {
            let tokens = rest.tokens - rest.tokens % self.block_tokens;
            full(self.add_blocks(take(&mut rest, tokens)));
        }
        if rest.tokens > 0 {
            self.filled = rest.tokens;
            self.open = Some(rest);
        }
    }

    /// Adds whole blocks of one content.
    fn add_blocks(&mut self, piece: Segment) -> FullBlocks {
        let blocks = piece.tokens / self.block_tokens;
        let goes_on = self.growing.is_some_and(|end| is_followed_by(end, piece));
        if !goes_on {
            let begins = mix(mix(1, piece.content.0), piece.offset.into());
            self.latest = Stretch {
                key: mix(self.past(), begins),
                blocks: 0,
            };
        }
        self.growing = Some(Segment {
            offset: piece.offset + piece.tokens,
            tokens: 0,
            ..piece
        });
        let start = self.latest.blocks;
        self.latest.blocks += blocks;
        FullBlocks {
            key: self.latest.key,
            start,
            end: self.latest.blocks,
        }
    }

    /// Adds to a block that is not empty, and returns it if it is full now. Neighbouring tokens of the same content are
    /// one piece, however they are handed over.
    fn fill(&mut self, piece: Segment) -> Option<FullBlocks> {
        self.filled += piece.tokens;
        match &mut self.open {
            Some(open) if is_followed_by(*open, piece) => open.tokens += piece.tokens,
            _ => {
                self.close_piece();
                self.open = Some(piece);
            }
        }
        if self.filled < self.block_tokens {
            return None;
        }
        self.filled = 0;
        if let Some(only) = self.open.take_if(|open| open.tokens == self.block_tokens) {
            return Some(self.add_blocks(only));
        }
        self.close_piece();
        let key = mix(self.past(), self.closed);
        self.closed = 0;
        self.latest = Stretch { key, blocks: 1 };
        self.growing = None;
        Some(FullBlocks { key, start: 0, end: 1 })
    }

    fn close_piece(&mut self) {
        if let Some(piece) = self.open.take() {
            let place = u64::from(piece.offset) << 32 | u64::from(piece.tokens);
            self.closed = mix(mix(self.closed, piece.content.0), place);
        }
    }

    /// A hash of all full blocks so far.
    const fn past(&self) -> u64 {
        let Stretch { key, blocks } = self.latest;
        if blocks == 0 { 0 } else { mix(key, blocks as u64) }
    }
}

/// Cuts off the first tokens of a segment, at most `most`.
fn take(segment: &mut Segment, most: u32) -> Segment {
    let tokens = segment.tokens.min(most);
    let taken = Segment { tokens, ..*segment };
    segment.offset += tokens;
    segment.tokens -= tokens;
    taken
}

/// Whether the tokens of `next` come right after those of `segment` in the same content.
fn is_followed_by(segment: Segment, next: Segment) -> bool {
    segment.content == next.content && segment.offset + segment.tokens == next.offset
}

/// Mixes two words by a product of 128 bits whose halves are folded, as `wyhash` does, with the first of its constants:
/// routers ask many servers for long prompts, and naming these is what it costs them.
const fn mix(state: u64, word: u64) -> u64 {
    let product = (state ^ 0xa076_1d64_78bd_642f) as u128 * (word ^ 0xe703_7ed1_a0b4_28db) as u128;
    product as u64 ^ (product >> 64) as u64
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
            chain.extend(segment, |blocks| blocks.add_to(&mut stretches));
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
