//! How much of a trace's prompts an unlimited prefix cache would find: in the order of arrival, as if requests took no
//! time.

use rustc_hash::FxHashSet;

use crate::stats::streams::mix;
use crate::workload::Segment;

/// What an unlimited prefix cache that keeps whole blocks would find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrefixSharing {
    /// Tokens in a block.
    pub block_tokens: u32,
    /// Whole blocks of all prompts.
    pub blocks: u64,
    /// Blocks that an earlier request held already.
    pub hit_blocks: u64,
    /// Tokens of all prompts.
    pub tokens: u64,
    /// Of these, found by vLLM's rule: whole blocks, but never the last token of a prompt.
    pub hit_tokens: u64,
    /// Requests that found anything.
    pub requests_with_hit: u64,
}

impl PrefixSharing {
    /// Share of the prompts' tokens that are found.
    pub fn token_hit_ratio(&self) -> f64 {
        self.hit_tokens as f64 / self.tokens as f64
    }

    /// Share of the prompts' whole blocks that are found.
    pub fn block_hit_ratio(&self) -> f64 {
        self.hit_blocks as f64 / self.blocks as f64
    }
}

/// Counts what prompts share, one after the other.
pub struct SharingCounter {
    sharing: PrefixSharing,
    /// Hashes of all prefixes that end with a whole block.
    seen: FxHashSet<u64>,
    has_content: bool,
}

impl SharingCounter {
    /// Counts in blocks of `block_tokens`.
    pub fn new(block_tokens: u32) -> Self {
        Self {
            sharing: PrefixSharing {
                block_tokens,
                blocks: 0,
                hit_blocks: 0,
                tokens: 0,
                hit_tokens: 0,
                requests_with_hit: 0,
            },
            seen: FxHashSet::default(),
            has_content: false,
        }
    }

    /// Adds a prompt without content.
    pub fn add_unique(&mut self, tokens: u32) {
        self.sharing.blocks += u64::from(tokens / self.sharing.block_tokens);
        self.sharing.tokens += u64::from(tokens);
    }

    /// Adds a prompt of `tokens` tokens that is made of `segments`.
    pub fn add(&mut self, tokens: u32, segments: &[Segment]) {
        self.has_content = true;
        self.add_unique(tokens);
        let block_tokens = self.sharing.block_tokens;
        let (mut prefix, mut filled) = (0, 0);
        let (mut hits, mut still_hitting) = (0, true);
        for segment in joined(segments) {
            let mut used = 0;
            while used < segment.tokens {
                let taken = (segment.tokens - used).min(block_tokens - filled);
                // The content up to here, by where this piece of it starts and how long it is.
                let offset = u64::from(segment.offset) + u64::from(used);
                prefix = mix(mix(mix(prefix ^ segment.content.0) ^ offset) ^ u64::from(taken));
                filled += taken;
                used += taken;
                if filled == block_tokens {
                    filled = 0;
                    still_hitting &= !self.seen.insert(prefix);
                    hits += u32::from(still_hitting);
                }
            }
        }
        self.count_hits(tokens, hits);
    }

    fn count_hits(&mut self, tokens: u32, hits: u32) {
        let most_hits = (tokens - 1) / self.sharing.block_tokens;
        self.sharing.hit_blocks += u64::from(hits);
        let hit_tokens = hits.min(most_hits) * self.sharing.block_tokens;
        self.sharing.hit_tokens += u64::from(hit_tokens);
        self.sharing.requests_with_hit += u64::from(hits > 0);
    }

    /// What was counted; `None` if no prompt had content.
    pub fn sharing(self) -> Option<PrefixSharing> {
        self.has_content.then_some(self.sharing)
    }
}

/// Content with neighbouring tokens in one segment: what is shared does not depend on how a trace cuts it.
fn joined(segments: &[Segment]) -> Vec<Segment> {
    let mut all: Vec<Segment> = Vec::with_capacity(segments.len());
    for &segment in segments {
        match all.last_mut() {
            Some(last) if last.content == segment.content && last.offset + last.tokens == segment.offset => {
                last.tokens += segment.tokens;
            }
            _ => all.push(segment),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::ContentId;

    #[test]
    fn the_way_a_prompt_is_cut_into_segments_does_not_matter() {
        let segment = |content, offset, tokens| Segment {
            content: ContentId(content),
            offset,
            tokens,
        };
        let mut counter = SharingCounter::new(16);
        counter.add(200, &[segment(1, 0, 100), segment(2, 0, 100)]);
        counter.add(200, &[segment(1, 0, 60), segment(1, 60, 40), segment(2, 0, 100)]);
        assert_eq!(counter.sharing().unwrap().hit_tokens, 192);
    }
}
