//! System prompts that requests have in common.

use super::content_names;
use super::invalid::Invalid;
use super::lengths::Lengths;
use super::popularity::{Popularity, check_count, check_exponent};
use super::{MOST_TOKENS, Segment};
use crate::stats::streams::stream;

/// A pool of system prompts, one of which every prompt starts with. The lengths of a workload's `prompt` are those of
/// the rest.
#[derive(Clone, Debug, PartialEq)]
pub struct SharedPrefix {
    /// How many there are.
    pub pool: u32,
    /// How long they are; drawn once for each.
    pub tokens: Lengths,
    /// Number `k` of the pool, from 1, is picked with a probability proportional to `k^-popularity`; 0 makes all
    /// equally popular.
    pub popularity: f64,
}

impl SharedPrefix {
    /// Checks every setting. Keys are those of a scenario's `workload.prefix` table.
    pub fn validate(&self) -> Result<(), Invalid> {
        check_count("pool", self.pool)?;
        self.tokens.validate().map_err(|invalid| invalid.inside("tokens"))?;
        check_exponent(self.popularity)
    }
}

/// The system prompts of a run.
pub(super) struct Prefixes {
    /// How long each prefix is [tokens].
    tokens: Vec<u32>,
    popularity: Popularity,
}

impl Prefixes {
    /// Lengths come from the stream `prefix.tokens` of `seed`, picks from its stream `prefix`.
    pub fn new(settings: &SharedPrefix, seed: u64) -> Self {
        let mut random = stream(seed, "prefix.tokens");
        let sampler = settings.tokens.sampler();
        Self {
            tokens: (0..settings.pool)
                // Something must be left for the rest of the prompt.
                .map(|_| sampler.draw(&mut random).min(MOST_TOKENS - 1))
                .collect(),
            popularity: Popularity::new(settings.pool, settings.popularity, stream(seed, "prefix")),
        }
    }

    /// The prefix of the next request.
    pub fn pick(&mut self) -> Segment {
        let number = self.popularity.pick();
        self.numbered(number)
    }

    /// The one that group `group` has in common: groups take turns if there are more than system prompts.
    pub fn of_group(&self, group: u32) -> Segment {
        self.numbered(group % self.tokens.len() as u32)
    }

    fn numbered(&self, number: u32) -> Segment {
        Segment {
            content: content_names::shared_prefix(number),
            offset: 0,
            tokens: self.tokens[number as usize],
        }
    }
}
