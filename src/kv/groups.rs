//! The groups of layers between which a KV cache is divided, and what a request holds in each (vLLM 0.33.0,
//! `vllm/v1/core/single_type_kv_cache_manager.py`, `kv_cache_coordinator.py`).
//!
//! All groups take their blocks from one pool. A request has a table of blocks in each: one entry for every
//! `block_tokens` of its tokens, of which those that no later token can see become null.

use std::ops::Deref;
use std::sync::Arc;

use crate::hardware::{KvGroup, KvGroupKind};

/// The groups of a server, at least one, in the order in which blocks are taken and given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KvGroups(Arc<[KvGroup]>);

impl KvGroups {
    /// These groups; at least one.
    pub fn new(groups: &[KvGroup]) -> Self {
        assert!(!groups.is_empty(), "a KV cache has at least one group");
        assert!(
            groups.iter().all(|group| group.block_tokens > 0),
            "a block holds at least one token"
        );
        Self(groups.into())
    }

    /// One group that keeps every token, in blocks of so many.
    pub fn full(block_tokens: u32) -> Self {
        Self::new(&[KvGroup {
            kind: KvGroupKind::Full,
            block_tokens,
        }])
    }

    /// Whether every layer keeps every token in one table.
    pub fn is_one_full(&self) -> bool {
        matches!(
            self[..],
            [KvGroup {
                kind: KvGroupKind::Full,
                ..
            }]
        )
    }

    /// Blocks that a request holds in all groups once it has computed so many tokens, at least one, and what no later
    /// token can see has been given back.
    pub fn blocks_of_context(&self, tokens: u32) -> u64 {
        let held = |group: &KvGroup| group.entries_for(tokens).saturating_sub(group.unseen_entries(tokens));
        self.iter().map(|group| u64::from(held(group))).sum()
    }

    /// The most blocks that a request of so many tokens holds in all groups, with `in_flight` tokens in the steps that
    /// may run at once.
    pub fn most_blocks(&self, tokens: u32, in_flight: u64) -> u64 {
        let most = |group: &KvGroup| group.most_blocks(tokens, in_flight, tokens);
        self.iter().map(|group| u64::from(most(group))).sum()
    }

    /// What the prefix cache finds is a multiple of so many tokens: the least that every group has whole blocks for.
    pub fn alignment(&self) -> u32 {
        let alignment = self.tokens_of_blocks().map(u64::from).reduce(least_multiple);
        alignment.map_or(1, |tokens| u32::try_from(tokens).expect("blocks of few sizes"))
    }

    /// Keys name so many tokens each: the most that blocks of every group are made of.
    pub fn key_tokens(&self) -> u32 {
        let tokens = self.tokens_of_blocks().map(u64::from).reduce(greatest_divisor);
        tokens.map_or(1, |tokens| tokens as u32)
    }

    fn tokens_of_blocks(&self) -> impl Iterator<Item = u32> {
        let with_tokens = self.iter().filter(|group| !group.is_state());
        with_tokens.map(|group| group.block_tokens)
    }
}

impl Deref for KvGroups {
    type Target = [KvGroup];
    fn deref(&self) -> &[KvGroup] {
        &self.0
    }
}

impl KvGroup {
    /// Whether it keeps a state, and no tokens.
    pub const fn is_state(&self) -> bool {
        matches!(self.kind, KvGroupKind::State(_))
    }

    /// Entries that a request's table has, null ones included, once it has room for so many tokens, at least one.
    pub const fn entries_for(&self, tokens: u32) -> u32 {
        match self.kind {
            KvGroupKind::State(blocks) => blocks,
            _ => tokens.div_ceil(self.block_tokens),
        }
    }

    /// How many of a request's first tokens no later one can see once it has computed so many.
    pub const fn unseen_tokens(&self, computed: u32) -> u32 {
        match self.kind {
            KvGroupKind::Full | KvGroupKind::State(_) => 0,
            KvGroupKind::Sliding(window) => (computed + 1).saturating_sub(window),
            KvGroupKind::Chunked(chunk) => computed - computed % chunk,
        }
    }

    /// How many of a table's first entries are needed no more once a request has computed so many tokens.
    pub const fn unseen_entries(&self, computed: u32) -> u32 {
        self.unseen_tokens(computed) / self.block_tokens
    }

    /// Blocks before a token that a window reaches into: as many in a row make a hit of a sliding group.
    pub const fn window_blocks(&self) -> u32 {
        match self.kind {
            // Even a window of one token looks for a block.
            KvGroupKind::Sliding(window) if window > 1 => (window - 1).div_ceil(self.block_tokens),
            _ => 1,
        }
    }

    /// The most blocks that a request of so many tokens comes to hold at a time, cut to the model's length, with so
    /// many tokens in flight.
    pub fn most_blocks(&self, tokens: u32, tokens_in_flight: u64, max_model_len: u32) -> u32 {
        let entries = self.entries_for(tokens.min(max_model_len));
        entries.min(self.most_held(tokens_in_flight, max_model_len))
    }

    /// The most blocks that a request holds at a time, if steps in flight compute at most so many tokens together and
    /// no request is longer than the model: what an admission that looks at the whole request counts.
    pub fn most_held(&self, tokens_in_flight: u64, max_model_len: u32) -> u32 {
        let reach = |tokens: u32| (u64::from(tokens) + tokens_in_flight).min(max_model_len.into()) as u32;
        match self.kind {
            KvGroupKind::Full => u32::MAX,
            KvGroupKind::Sliding(window) => self.entries_for(reach(window - 1)) + 1,
            KvGroupKind::Chunked(chunk) => self.entries_for(reach(chunk)),
            KvGroupKind::State(blocks) => blocks,
        }
    }
}

const fn greatest_divisor(mut one: u64, mut other: u64) -> u64 {
    while other > 0 {
        (one, other) = (other, one % other);
    }
    one
}

const fn least_multiple(one: u64, other: u64) -> u64 {
    one / greatest_divisor(one, other) * other
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn group(kind: KvGroupKind, block_tokens: u32) -> KvGroup {
        KvGroup { kind, block_tokens }
    }

    #[test]
    fn a_window_keeps_what_the_next_token_sees() {
        // The token after ten computed ones is the eleventh; a window of four reaches back to the eighth.
        let sliding = group(KvGroupKind::Sliding(4), 3);
        assert_eq!([3, 4, 10].map(|computed| sliding.unseen_tokens(computed)), [0, 1, 7]);
        assert_eq!(
            [3, 5, 6, 9].map(|computed| sliding.unseen_entries(computed)),
            [0, 0, 1, 2]
        );
        let chunked = group(KvGroupKind::Chunked(8), 4);
        assert_eq!(
            [7, 8, 15, 16].map(|computed| chunked.unseen_entries(computed)),
            [0, 2, 2, 4]
        );
        for kind in [KvGroupKind::Full, KvGroupKind::State(2)] {
            assert_eq!(group(kind, 4).unseen_entries(1_000), 0);
        }
    }

    #[test]
    fn a_request_holds_what_steps_in_flight_and_the_window_reach() {
        // vLLM 0.33's own counts for gpt-oss-20b (a window of 128), Gemma 3 (1024) and Llama 4 (chunks of 8192), steps
        // of 8192 tokens, two in flight.
        let most = |kind| group(kind, 16).most_held(16_384, 131_072);
        assert_eq!(most(KvGroupKind::Sliding(128)), 1_033);
        assert_eq!(most(KvGroupKind::Sliding(1024)), 1_089);
        assert_eq!(most(KvGroupKind::Chunked(8192)), 1_536);
        assert_eq!(most(KvGroupKind::State(3)), 3);
    }

    #[test]
    fn keys_and_hits_fit_the_blocks_of_every_group() {
        let groups = KvGroups::new(&[
            group(KvGroupKind::Full, 4),
            group(KvGroupKind::Sliding(9), 6),
            group(KvGroupKind::State(1), 100),
        ]);
        assert_eq!((groups.key_tokens(), groups.alignment()), (2, 12));
        assert!(!groups.is_one_full());
        assert!(KvGroups::full(16).is_one_full());
    }
}
