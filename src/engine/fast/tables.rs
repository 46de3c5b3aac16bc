//! The blocks that requests hold in all groups of layers together, as numbers.

use crate::hardware::KvGroup;
use crate::kv::KvGroups;
use crate::policy::{ContinuousSettings, Memory};

/// What a request's tables come to. Without groups there is one table, which keeps every token.
pub(super) struct Tables {
    groups: Option<KvGroups>,
    /// Tokens in a block, in every group that keeps tokens.
    pub block_tokens: u32,
    /// Groups that keep tokens.
    pub with_tokens: u32,
    /// Blocks of states, from a request's admission to its end.
    states: u32,
    max_model_len: u32,
    /// The most tokens that steps in flight compute together.
    tokens_in_flight: u64,
}

impl Tables {
    /// Those of a server; `None` if the blocks of its groups hold unlike numbers of tokens.
    pub(super) fn of(rules: &ContinuousSettings, memory: &Memory) -> Option<Self> {
        let groups = memory.groups();
        let (states, with_tokens): (Vec<KvGroup>, Vec<KvGroup>) = groups.iter().partition(|group| group.is_state());
        let first = with_tokens.first();
        let block_tokens = first.map_or(memory.block_tokens, |group| group.block_tokens);
        if with_tokens.iter().any(|group| group.block_tokens != block_tokens) {
            return None;
        }
        Some(Self {
            block_tokens,
            with_tokens: with_tokens.len() as u32,
            // A state is as large whatever the context.
            states: states.iter().map(|group| group.entries_for(1)).sum(),
            max_model_len: memory.max_model_len,
            tokens_in_flight: u64::from(rules.max_num_batched_tokens) * rules.steps_in_flight(),
            groups: memory.kv_groups.clone(),
        })
    }

    pub(super) const fn groups(&self) -> Option<&KvGroups> {
        self.groups.as_ref()
    }

    /// Entries of the tables of a request that has so many tokens computed, those of states not counted.
    pub(super) const fn entries(&self, computed: u32) -> u32 {
        computed.div_ceil(self.block_tokens) * self.with_tokens
    }

    /// Blocks of states that a request takes which has computed so many tokens.
    pub(super) const fn states_at(&self, computed: u32) -> u32 {
        if computed == 0 { self.states } else { 0 }
    }

    /// Blocks that a request takes which comes in and computes so many tokens.
    pub(super) const fn at_once(&self, tokens: u32) -> u32 {
        self.entries(tokens) + self.states
    }

    /// Slots without a token in the tables of a request that has so many computed.
    pub(super) fn empty_slots(&self, computed: u32) -> u64 {
        let slots = u64::from(self.entries(computed)) * u64::from(self.block_tokens);
        slots - u64::from(computed) * u64::from(self.with_tokens)
    }

    /// Entries that a request needs no more, or has no block for any more, once so many of its tokens are settled.
    pub(super) fn unseen(&self, settled: u32) -> u32 {
        let groups = self.groups.iter().flat_map(|groups| groups.iter());
        groups.map(|group| group.unseen_entries(settled)).sum()
    }

    /// Blocks that a request of so many tokens, which finds none of them, takes before its window moves on: what an
    /// admission that looks at the whole request counts.
    pub(super) fn whole(&self, tokens: u32) -> u32 {
        let Some(groups) = &self.groups else {
            return self.entries(tokens);
        };
        groups.iter().map(|group| self.whole_of(group, tokens)).sum()
    }

    /// The same in one group.
    pub(super) fn whole_of(&self, group: &KvGroup, tokens: u32) -> u32 {
        group.most_blocks(tokens, self.tokens_in_flight, self.max_model_len)
    }
}
