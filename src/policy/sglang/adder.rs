//! Which waiting requests SGLang lets into a step (`schedule_policy.py`, `PrefillAdder`).

use super::kv_cache::KvCache;
use crate::kv::FoundPrefix;
use crate::policy::queue::Live;

/// The most output that is expected of a request (`CLIP_MAX_NEW_TOKENS`).
const CLIP_MAX_NEW_TOKENS: u32 = 4096;

/// What is left for the prompts of a step.
pub(super) struct Adder {
    /// Of the slots that are free or can be evicted: what those that run are expected to take, and what the step's
    /// prompts were charged.
    pub(super) taken: f64,
    /// Prompt tokens left of the step's budget.
    pub(super) input: i64,
    /// Tokens left of the chunk.
    pub(super) chunk: Option<i64>,
    pub(super) page: u32,
    /// Prompts in the step.
    pub(super) added: usize,
}

/// What came of asking a request in (`AddReqResult`).
#[derive(PartialEq, Eq)]
pub(super) enum Added {
    Whole(u32),
    Cut(u32),
    NoMemory,
    NoBudget,
}

impl Adder {
    /// Whether and how a waiting request comes in, of which this prefix is cached (`add_one_req`).
    pub(super) fn add(&mut self, live: &Live, prefix: FoundPrefix, cache: &KvCache) -> Added {
        let lacking = live.num_tokens() - prefix.tokens;
        let most = u64::from(lacking) + u64::from(expected(live)) + u64::from(self.page);
        let available = cache.available();
        if most as f64 >= self.left(available) {
            return Added::NoMemory;
        }
        let paged = i64::from(lacking.next_multiple_of(self.page));
        if paged >= self.input && self.added > 0 {
            return Added::NoBudget;
        }
        // What it locks of the tree is no longer available to anyone.
        if most as f64 >= self.left(available - cache.would_lock(prefix)) {
            return Added::NoMemory;
        }
        match self.chunk {
            Some(left) if paged > left => {
                let left = u32::try_from(left).unwrap_or(0);
                let tokens = left - left % self.page;
                if tokens == 0 {
                    return Added::NoBudget;
                }
                self.charge(tokens, 0);
                Added::Cut(tokens)
            }
            _ => {
                self.charge(lacking, expected(live));
                Added::Whole(lacking)
            }
        }
    }

    /// Takes off a prompt's tokens, in whole pages, and what the request may produce.
    pub(super) fn charge(&mut self, tokens: u32, output: u32) {
        let paged = tokens.next_multiple_of(self.page);
        self.taken += f64::from(paged) + f64::from(output);
        self.input -= i64::from(paged);
        self.chunk = self.chunk.map(|left| left - i64::from(paged));
        self.added += 1;
    }

    /// What is left of the slots that are available.
    pub(super) fn left(&self, available: u64) -> f64 {
        available as f64 - self.taken
    }

    /// Whether the step holds as many tokens as it may.
    pub(super) fn is_used_up(&self) -> bool {
        self.input <= 0 || self.chunk.is_some_and(|left| left <= 0)
    }
}

/// What the admission estimate counts on a request to produce yet: nothing of one that embeds or scores, which asks for
/// no new token.
pub(super) fn expected(live: &Live) -> u32 {
    if live.request.is_prompt_only {
        return 0;
    }
    (live.request.max_tokens - live.generated).min(CLIP_MAX_NEW_TOKENS)
}
