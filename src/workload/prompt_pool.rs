//! Whole prompts that are sent again and again.

use super::content_names;
use super::invalid::Invalid;
use super::lengths::Lengths;
use super::popularity::{Popularity, check_count, check_exponent};
use super::shared_prefix::Prefixes;
use super::{MOST_TOKENS, Prompt, Segment};
use crate::stats::streams::stream;

/// A pool of prompts; every request sends one of them. Its length, drawn once, and its content stay the same for a
/// seed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PromptPool {
    /// How many there are.
    pub size: u32,
    /// Which prompt comes next.
    pub order: PoolOrder,
}

/// Which prompt of a pool comes next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PoolOrder {
    /// One after the other, and again from the first.
    Cycle,
    /// Number `k`, from 1, with a probability proportional to `k^-popularity`; 0 makes all equally popular.
    Draw {
        /// How fast the probability falls from one prompt to the next.
        popularity: f64,
    },
}

impl PromptPool {
    /// Checks every setting. Keys are those of a scenario's `workload.prompt_pool` table.
    pub fn validate(&self) -> Result<(), Invalid> {
        check_count("size", self.size)?;
        match self.order {
            PoolOrder::Cycle => Ok(()),
            PoolOrder::Draw { popularity } => check_exponent(popularity),
        }
    }
}

/// The prompts of a run.
pub(super) struct PooledPrompts {
    /// Lengths of what is their own [tokens].
    tokens: Vec<u32>,
    next: Next,
}

enum Next {
    Cycle(u32),
    Draw(Popularity),
}

impl PooledPrompts {
    /// Lengths come from the stream `prompt` of `seed`, picks from its stream `prompt_pool`.
    pub fn new(settings: PromptPool, lengths: &Lengths, seed: u64) -> Self {
        let mut random = stream(seed, "prompt");
        let sampler = lengths.sampler();
        Self {
            tokens: (0..settings.size).map(|_| sampler.draw(&mut random)).collect(),
            next: match settings.order {
                PoolOrder::Cycle => Next::Cycle(0),
                PoolOrder::Draw { popularity } => {
                    let random = stream(seed, "prompt_pool");
                    Next::Draw(Popularity::new(settings.size, popularity, random))
                }
            },
        }
    }

    /// The next prompt. With system prompts, number `k` starts with number `k` modulo their pool, which makes groups of
    /// equal size.
    pub fn draw(&mut self, prefixes: Option<&Prefixes>) -> Prompt {
        let number = match &mut self.next {
            Next::Draw(popularity) => popularity.pick(),
            Next::Cycle(next) => {
                let number = *next;
                *next = (number + 1) % self.tokens.len() as u32;
                number
            }
        };
        let own = Segment {
            content: content_names::pooled_prompt(number),
            offset: 0,
            tokens: self.tokens[number as usize],
        };
        match prefixes {
            None => Prompt::of_segments([own]),
            Some(prefixes) => behind(prefixes.of_group(number), own),
        }
    }
}

/// A prompt of two parts, the second cut where both together would be longer than any prompt may be.
pub(super) fn behind(prefix: Segment, mut rest: Segment) -> Prompt {
    rest.tokens = rest.tokens.min(MOST_TOKENS - prefix.tokens);
    Prompt::of_segments([prefix, rest])
}
