//! How much of a trace's prompts an unlimited prefix cache would find: in the order of arrival, as if requests took no
//! time.

use rustc_hash::FxHashMap;

use crate::stats::streams::mix;
use crate::workload::Segment;

/// Stretches of content that are remembered: some 30 bytes each, of which a prompt has one for each of its segments.
const MOST_STRETCHES: usize = 7_000_000;

/// What an unlimited prefix cache that keeps whole blocks would find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrefixSharing {
    /// The prompts that were compared: all of the trace, or the first ones of a trace that names more content than can
    /// be kept in memory.
    pub requests: u64,
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

/// Counts what prompts share, one after the other. Time and memory grow with the segments that prompts are made of, not
/// with their tokens.
pub struct SharingCounter {
    sharing: PrefixSharing,
    /// How many tokens some prompt has of a content, from an offset on, after all that comes before it: these are
    /// named by a hash. Two prompts agree as far as both of them have the same, segment by segment. Never iterated
    /// over.
    longest: FxHashMap<u64, u32>,
    most_stretches: usize,
    has_content: bool,
}

impl SharingCounter {
    /// Counts in blocks of `block_tokens`.
    pub fn new(block_tokens: u32) -> Self {
        Self::with_room_for(MOST_STRETCHES, block_tokens)
    }

    fn with_room_for(most_stretches: usize, block_tokens: u32) -> Self {
        Self {
            sharing: PrefixSharing {
                requests: 0,
                block_tokens,
                blocks: 0,
                hit_blocks: 0,
                tokens: 0,
                hit_tokens: 0,
                requests_with_hit: 0,
            },
            longest: FxHashMap::default(),
            most_stretches,
            has_content: false,
        }
    }

    /// Adds a prompt of `tokens` tokens that is made of `segments`, if it has content that others may share. Once too
    /// much is remembered, no further prompts count.
    pub fn add(&mut self, tokens: u32, segments: Option<&[Segment]>) {
        if self.longest.len() >= self.most_stretches {
            return;
        }
        self.sharing.requests += 1;
        self.sharing.blocks += u64::from(tokens / self.sharing.block_tokens);
        self.sharing.tokens += u64::from(tokens);
        if let Some(segments) = segments {
            self.has_content = true;
            let shared = self.shared_tokens(segments);
            self.count_hits(tokens, shared / self.sharing.block_tokens);
        }
    }

    /// How many tokens the prompt has in common with the earlier one that agrees with it furthest; it is remembered.
    fn shared_tokens(&mut self, segments: &[Segment]) -> u32 {
        let (mut before, mut shared, mut still_shares) = (0, 0, true);
        for segment in joined(segments) {
            let start = mix(mix(before ^ segment.content.0) ^ u64::from(segment.offset));
            let longest = self.longest.entry(start).or_insert(0);
            if still_shares {
                shared += segment.tokens.min(*longest);
                still_shares = segment.tokens <= *longest;
            }
            *longest = segment.tokens.max(*longest);
            // Who goes on from the middle of a longer stretch has other tokens there than that has.
            before = mix(start ^ u64::from(segment.tokens));
        }
        shared
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
    use std::collections::HashSet;

    use rand::RngExt;

    use super::*;
    use crate::stats::streams::stream;
    use crate::workload::ContentId;

    const fn segment(content: u64, offset: u32, tokens: u32) -> Segment {
        Segment {
            content: ContentId(content),
            offset,
            tokens,
        }
    }

    #[test]
    fn the_way_a_prompt_is_cut_into_segments_does_not_matter() {
        let mut counter = SharingCounter::new(16);
        counter.add(200, Some(&[segment(1, 0, 100), segment(2, 0, 100)]));
        counter.add(200, Some(&[segment(1, 0, 60), segment(1, 60, 40), segment(2, 0, 100)]));
        assert_eq!(counter.sharing().unwrap().hit_tokens, 192);
    }

    /// A memory that knows every token finds the same.
    #[test]
    fn prompts_share_what_agrees_token_by_token() {
        let mut random = stream(1, "sharing");
        for _ in 0..2_000 {
            let block_tokens = random.random_range(1..5);
            let mut counter = SharingCounter::new(block_tokens);
            let (mut seen, mut hits) = (HashSet::new(), 0);
            for _ in 0..random.random_range(1..9) {
                let segments: Vec<Segment> = (0..random.random_range(1..5))
                    .map(|_| {
                        segment(
                            random.random_range(0..2),
                            random.random_range(0..4),
                            random.random_range(1..7),
                        )
                    })
                    .collect();
                let tokens: Vec<(u64, u32)> = segments
                    .iter()
                    .flat_map(|it| (it.offset..it.offset + it.tokens).map(|offset| (it.content.0, offset)))
                    .collect();
                counter.add(tokens.len() as u32, Some(&segments));
                let blocks = (1..=tokens.len() / block_tokens as usize).map(|blocks| blocks * block_tokens as usize);
                hits += blocks.filter(|&end| !seen.insert(tokens[..end].to_vec())).count() as u64;
            }
            assert_eq!(counter.sharing().unwrap().hit_blocks, hits);
        }
    }

    #[test]
    fn prompts_beyond_what_can_be_remembered_do_not_count() {
        let mut counter = SharingCounter::with_room_for(2, 1);
        counter.add(9, Some(&[segment(1, 0, 9)]));
        counter.add(9, Some(&[segment(2, 0, 9)]));
        counter.add(9, Some(&[segment(1, 0, 9)]));
        let sharing = counter.sharing().unwrap();
        assert_eq!((sharing.requests, sharing.tokens, sharing.hit_tokens), (2, 18, 0));
    }
}
