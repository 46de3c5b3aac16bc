//! What prompts of tokens have in common: equal beginnings get equal names, block by block, so that a prefix cache
//! finds what it would find.

use rustc_hash::FxHashMap;

use crate::stats::streams::mix;
use crate::workload::{ContentId, OutputName, Prompt, Segment};

/// The names of beginnings that have been sent. Those that nobody has sent for long are forgotten.
pub struct PromptNames {
    block_tokens: usize,
    /// By a hash of all tokens up to the end of a block: what that block is.
    recent: FxHashMap<u64, Block>,
    /// The same of those that were looked up before; one of both is forgotten when the other is full.
    older: FxHashMap<u64, Block>,
    most: usize,
    named: u64,
}

/// A block of one content, or of the end of one and the start of another.
#[derive(Clone, Copy)]
struct Block {
    first: Segment,
    second: Option<Segment>,
}

impl PromptNames {
    /// Of blocks of so many tokens, of which about `most` to twice as many are remembered.
    pub fn new(block_tokens: u32, most: usize) -> Self {
        Self {
            block_tokens: block_tokens.max(1) as usize,
            recent: FxHashMap::default(),
            older: FxHashMap::default(),
            most,
            named: 0,
        }
    }

    /// The prompt of these tokens.
    pub fn prompt(&mut self, tokens: &[u64]) -> Prompt {
        let mut segments = Segments::default();
        let mut hash = 0;
        let mut own = None;
        for block in tokens.chunks(self.block_tokens) {
            hash = chained(hash, block);
            let is_full = block.len() == self.block_tokens;
            if own.is_none()
                && is_full
                && let Some(known) = self.find(hash)
            {
                segments.push(known.first);
                known.second.into_iter().for_each(|second| segments.push(second));
                continue;
            }
            let content = *own.get_or_insert_with(|| {
                self.named += 1;
                ContentId::numbered(mix(self.named))
            });
            let segment = Segment {
                content,
                // The same token has the same place in all prompts that begin in the same way.
                offset: segments.tokens,
                tokens: block.len() as u32,
            };
            segments.push(segment);
            if is_full {
                let known = Block {
                    first: segment,
                    second: None,
                };
                self.remember(hash, known);
            }
        }
        Prompt::of_segments(segments.all)
    }

    /// A request has got these tokens as its answer to a prompt of `tokens`, which later prompts may repeat.
    pub fn answered(&mut self, prompt: &Prompt, tokens: &[u64], answer: &[u64], name: OutputName) {
        let mut segments: Vec<Segment> = prompt.segments().unwrap_or_default().to_vec();
        segments.push(Segment {
            content: name.content,
            offset: name.offset,
            tokens: answer.len() as u32,
        });
        let whole: Vec<u64> = tokens.iter().chain(answer).copied().collect();
        let mut hash = 0;
        let first_new = tokens.len() / self.block_tokens;
        for (place, block) in whole.chunks_exact(self.block_tokens).enumerate() {
            hash = chained(hash, block);
            if place < first_new {
                continue;
            }
            let start = (place * self.block_tokens) as u32;
            let mut parts = slice(&segments, start, self.block_tokens as u32);
            if let (Some(first), second, None) = (parts.next(), parts.next(), parts.next()) {
                self.remember(hash, Block { first, second });
            }
        }
    }

    fn find(&mut self, hash: u64) -> Option<Block> {
        if let Some(known) = self.recent.get(&hash) {
            return Some(*known);
        }
        let known = *self.older.get(&hash)?;
        self.remember(hash, known);
        Some(known)
    }

    fn remember(&mut self, hash: u64, block: Block) {
        if self.recent.len() >= self.most {
            self.older = std::mem::take(&mut self.recent);
        }
        self.recent.insert(hash, block);
    }
}

/// A hash of all tokens up to the end of a block, from that of those before it.
fn chained(before: u64, block: &[u64]) -> u64 {
    block.iter().fold(mix(before ^ 1), |hash, token| mix(hash ^ token))
}

/// The parts of `segments` in so many tokens from `start` on.
fn slice(segments: &[Segment], start: u32, tokens: u32) -> impl Iterator<Item = Segment> {
    let mut passed = 0;
    segments.iter().filter_map(move |segment| {
        let (from, to) = (passed.max(start), (passed + segment.tokens).min(start + tokens));
        let part = (from < to).then(|| Segment {
            content: segment.content,
            offset: segment.offset + (from - passed),
            tokens: to - from,
        });
        passed += segment.tokens;
        part
    })
}

/// Segments, of which those that follow one another are one.
#[derive(Default)]
struct Segments {
    all: Vec<Segment>,
    tokens: u32,
}

impl Segments {
    fn push(&mut self, segment: Segment) {
        self.tokens += segment.tokens;
        match self.all.last_mut() {
            Some(last) if last.content == segment.content && last.offset + last.tokens == segment.offset => {
                last.tokens += segment.tokens;
            }
            _ => self.all.push(segment),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::RequestId;

    /// Each token of a prompt as what identifies it.
    fn identities(prompt: &Prompt) -> Vec<(ContentId, u32)> {
        let of = |segment: &Segment| {
            let Segment {
                content,
                offset,
                tokens,
            } = *segment;
            (offset..offset + tokens).map(move |offset| (content, offset))
        };
        prompt.segments().unwrap().iter().flat_map(of).collect()
    }

    fn in_common(one: &Prompt, other: &Prompt) -> usize {
        let pairs = identities(one).into_iter().zip(identities(other));
        pairs.take_while(|(one, other)| one == other).count()
    }

    #[test]
    fn prompts_share_the_whole_blocks_that_begin_both() {
        let mut names = PromptNames::new(4, 100);
        let prompt: Vec<u64> = (0..11).collect();
        let first = names.prompt(&prompt);
        assert_eq!((first.tokens(), first.segments().unwrap().len()), (11, 1));
        assert_eq!(
            in_common(&first, &names.prompt(&prompt)),
            8,
            "the last block is not full"
        );
        let longer: Vec<u64> = (0..20).collect();
        assert_eq!(in_common(&first, &names.prompt(&longer)), 8);
        let other: Vec<u64> = (0..6).chain([99, 99, 99]).collect();
        assert_eq!(in_common(&first, &names.prompt(&other)), 4);
        // The same tokens behind others are something else.
        let moved: Vec<u64> = (4..11).collect();
        assert_eq!(in_common(&first, &names.prompt(&moved)), 0);
    }

    #[test]
    fn a_prompt_that_repeats_an_answer_shares_it() {
        let mut names = PromptNames::new(4, 100);
        let (tokens, answer): (Vec<u64>, Vec<u64>) = ((0..6).collect(), (50..57).collect());
        let prompt = names.prompt(&tokens);
        let content = ContentId::output_of(RequestId(7));
        names.answered(&prompt, &tokens, &answer, OutputName { content, offset: 0 });
        let next: Vec<u64> = tokens.iter().chain(&answer).copied().chain([1, 2, 3, 4]).collect();
        let turn = identities(&names.prompt(&next));
        assert_eq!(turn[..6], identities(&prompt)[..]);
        // Three blocks are full: six tokens of the prompt, six of the answer.
        let expected: Vec<(ContentId, u32)> = (0..6).map(|place| (content, place)).collect();
        assert_eq!(turn[6..12], expected[..]);
        assert!(turn[12..].iter().all(|(it, _)| *it != content));
    }

    #[test]
    fn what_nobody_sends_is_forgotten() {
        let mut names = PromptNames::new(1, 10);
        let kept = names.prompt(&[1_000]);
        let gone = names.prompt(&[2_000]);
        for other in 0..100 {
            names.prompt(&[other]);
            assert_eq!(in_common(&kept, &names.prompt(&[1_000])), 1);
        }
        assert_eq!(in_common(&gone, &names.prompt(&[2_000])), 0);
        assert!(names.recent.len() + names.older.len() <= 20);
    }
}
