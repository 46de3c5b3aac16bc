//! Speculative decoding: how many drafts there are, and how many of them the model accepts.

use crate::stats::streams::{hash_bytes, mix};
use crate::workload::RequestId;

/// How many drafts a step proposes, and how many the model accepts.
#[derive(Clone, Debug, PartialEq)]
pub struct Speculative {
    /// Draft tokens proposed per step; at least 1.
    pub tokens: u32,
    /// How many of them a request's n-th proposal really has, cyclically, as recordings of n-grams have it, which do
    /// not always match; no number for all of them each time. Steps that are decided ahead know of no proposal: theirs
    /// have all.
    pub proposals: Vec<u32>,
    /// Tokens beyond the scheduled ones that a request needs blocks for (draft models and EAGLE; 0 for n-gram drafts).
    pub lookahead_tokens: u32,
    /// Whether the last block found in the prefix cache is computed again: a head that drafts from hidden states lacks
    /// them (`use_eagle` in vLLM's `find_longest_cache_hit`).
    pub recomputes_last_hit: bool,
    /// How many of the tokens that follow a block its key in the prefix cache covers: what a head that drafts from
    /// hidden states writes for a token depends on the next one, so its blocks are those of prompts that go on alike. 0
    /// where keys cover a block's own tokens only.
    pub key_lookahead: u32,
    /// Places beside its tokens that each scheduled request takes of a step's tokens: 1 for a draft model, which
    /// computes one token more than it drafts.
    pub draft_slots: u32,
    /// What the scheduler's release does with drafts, whatever proposes them.
    pub rules: DraftRules,
    /// Whether vLLM decides steps ahead beside such drafts unless it is told otherwise.
    pub looks_ahead: bool,
    /// Whether drafts that stand in for none, in the step of a request that comes in with a single token to compute,
    /// are accepted like all others. A server has nothing to accept there.
    pub accepts_padding: bool,
    /// How many drafts are accepted.
    pub acceptance: Acceptance,
}

/// What sets the releases of a scheduler apart in how they treat drafts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DraftRules {
    /// When the first step of a request that has a single token to compute is filled up with drafts.
    pub padding: DraftPadding,
    /// Whether a step sets places aside for as many requests as may run, whether it holds them or not.
    pub reserves_all_slots: bool,
    /// Whether a request needs blocks for its `lookahead_tokens` from its first step on, or from the second.
    pub admits_with_lookahead: bool,
    /// Whether the blocks that accepted drafts have filled are offered to the cache when their step has ended, or only
    /// by the request's next step, if it has one. Where steps are decided ahead the end of a step does it always.
    pub names_at_end: bool,
}

impl DraftRules {
    /// Those of vLLM 0.33.
    pub const NEWEST: Self = Self {
        padding: DraftPadding::BesideDecodersOrHit,
        reserves_all_slots: false,
        admits_with_lookahead: true,
        names_at_end: true,
    };
}

/// When a request that comes in with a single token to compute is filled up to what a request that decodes computes, so
/// that all rows of the step are alike. It waits while a step has too few tokens left for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DraftPadding {
    /// Never.
    Never,
    /// Beside requests that have computed their prompts; it waits near the end of the model's length too.
    BesideDecoders,
    /// Beside requests that have computed their prompts, or if it was found in the prefix cache; not near the end of
    /// the model's length.
    BesideDecodersOrHit,
}

/// How many drafts are accepted at a request's n-th verification (from 0).
#[derive(Clone, Debug, PartialEq)]
pub enum Acceptance {
    /// The n-th number, cyclically, as recordings have it; at least one number.
    Cyclic(Vec<u32>),
    /// As many as chance has it.
    Random {
        /// The probability that the draft at each position is accepted, and with it all before it: what vLLM reports as
        /// acceptance rates per position. They never grow from one position to the next.
        rates: Vec<f64>,
        /// What the draws grow from.
        seed: u64,
    },
}

/// What drafts came to, in the counts of vLLM's `spec_decode` metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DraftCounts {
    /// How often drafts were verified.
    pub drafts: u64,
    /// Tokens that were drafted and verified.
    pub draft_tokens: u64,
    /// Of these accepted, those beyond a request's last token included.
    pub accepted_tokens: u64,
}

impl DraftCounts {
    /// A request has got tokens of a step in which so many drafts were verified, if any, and so many accepted.
    pub fn add_verification(&mut self, drafts: u32, accepted: u32) {
        self.drafts += u64::from(drafts > 0);
        self.draft_tokens += u64::from(drafts);
        self.accepted_tokens += u64::from(accepted);
    }

    /// Adds those of another request.
    pub const fn add(&mut self, other: &Self) {
        self.drafts += other.drafts;
        self.draft_tokens += other.draft_tokens;
        self.accepted_tokens += other.accepted_tokens;
    }
}

impl Acceptance {
    /// One probability for each of `tokens` drafts, given that all before it are accepted: position `i` (from 0) is
    /// reached and accepted with `rate^(i + 1)`, so that a step yields `(1 - rate^(tokens + 1)) / (1 - rate)` tokens on
    /// average (Leviathan, Kalman, Matias 2023, arXiv:2211.17192, equation 1).
    pub fn independent(rate: f64, tokens: u32) -> Self {
        Self::Random {
            rates: (1..=tokens).map(|draft| rate.powf(draft.into())).collect(),
            seed: 0,
        }
    }

    /// How many drafts are accepted at the n-th verification of `request`: the same, whatever else the server does.
    pub fn accepted(&self, request: RequestId, number: usize) -> u32 {
        match self {
            Self::Cyclic(accepted) => accepted[number % accepted.len()],
            Self::Random { rates, seed } => {
                let drawn = uniform(*seed, request, number as u64);
                // The rates never grow, so one draw decides how far acceptance goes.
                rates.iter().filter(|&&rate| drawn < rate).count() as u32
            }
        }
    }
}

impl Speculative {
    /// How many drafts a request's n-th proposal has (from 0).
    pub fn proposed(&self, number: usize) -> u32 {
        if self.proposals.is_empty() {
            return self.tokens;
        }
        self.proposals[number % self.proposals.len()].min(self.tokens)
    }

    /// These drafts, accepted by draws that grow from `seed`.
    #[must_use]
    pub fn with_seed(mut self, run: u64) -> Self {
        if let Acceptance::Random { seed, .. } = &mut self.acceptance {
            *seed = run;
        }
        self
    }
}

/// A number from 0 to below 1 that belongs to the n-th verification of a request.
fn uniform(seed: u64, request: RequestId, number: u64) -> f64 {
    const PURPOSE: u64 = hash_bytes(b"acceptance");
    let of_run = mix(seed) ^ PURPOSE;
    let bits = mix(mix(mix(of_run) ^ request.0) ^ number);
    // The 53 bits that a float between 1/2 and 1 can hold.
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_tokens_come_of_a_step_as_the_formula_says() {
        const STEPS: u32 = 200_000;
        for (rate, tokens) in [(0.0, 3), (0.3, 1), (0.7, 4), (0.9, 8), (1.0, 5)] {
            let acceptance = Acceptance::independent(rate, tokens);
            let accepted: u64 = (0..STEPS)
                .map(|step| u64::from(acceptance.accepted(RequestId((step % 7).into()), step as usize / 7)))
                .sum();
            let mean = 1.0 + accepted as f64 / f64::from(STEPS);
            let expected = if rate < 1.0 {
                (1.0 - f64::powf(rate, (tokens + 1).into())) / (1.0 - rate)
            } else {
                f64::from(tokens + 1)
            };
            // Three standard errors of the widest.
            assert!(
                (mean - expected).abs() < 0.02,
                "{rate} {tokens}: {mean}, not {expected}"
            );
        }
    }

    #[test]
    fn each_position_is_accepted_as_often_as_its_rate_says() {
        let rates = [0.8, 0.6, 0.1];
        let acceptance = Acceptance::Random {
            rates: rates.to_vec(),
            seed: 9,
        };
        let draws: Vec<u32> = (0..100_000)
            .map(|number| acceptance.accepted(RequestId(3), number))
            .collect();
        for (position, rate) in rates.into_iter().enumerate() {
            let reached = draws.iter().filter(|&&accepted| accepted as usize > position);
            let share = reached.count() as f64 / draws.len() as f64;
            assert!((share - rate).abs() < 0.01, "{position}: {share}");
        }
    }

    #[test]
    fn draws_differ_by_seed_request_and_verification_and_by_nothing_else() {
        let draws = |seed, request| -> Vec<u32> {
            let acceptance = Acceptance::Random {
                rates: vec![0.9, 0.5, 0.3, 0.2],
                seed,
            };
            (0..50)
                .map(|number| acceptance.accepted(RequestId(request), number))
                .collect()
        };
        assert_eq!(draws(1, 1), draws(1, 1));
        assert_ne!(draws(1, 1), draws(2, 1));
        assert_ne!(draws(1, 1), draws(1, 2));
    }
}
