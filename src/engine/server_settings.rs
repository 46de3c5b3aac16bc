//! What a server is made of.

use crate::hardware::{KvGroup, KvGroupKind};
use crate::kv::KvGroups;
use crate::policy::{Memory, PolicySettings};

/// What a server is made of, apart from its step time.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerSettings {
    /// The batching policy.
    pub policy: PolicySettings,
    /// Blocks of the KV cache as an engine logs them: the null block, which holds no tokens, included. They must hold
    /// one request of `max_model_len` tokens, or a request that outgrows them would compute, lose its blocks and
    /// compute again for ever.
    pub kv_blocks: u32,
    /// Tokens in a block; at least 1.
    pub block_tokens: u32,
    /// The most tokens of one request, prompt and output together.
    pub max_model_len: u32,
    /// The groups of layers between which the blocks are divided; `None` if all layers keep every token, as they do
    /// under policies other than vLLM's.
    pub kv_groups: Option<KvGroups>,
}

impl ServerSettings {
    /// The memory that the server hands out.
    pub fn memory(&self) -> Memory {
        Memory {
            usable_blocks: self.kv_blocks - 1,
            block_tokens: self.block_tokens,
            max_model_len: self.max_model_len,
            kv_groups: self.kv_groups.clone().filter(|groups| !self.is_usual(groups)),
        }
    }

    /// Tokens that the cache holds: over several groups those of as many requests of `max_model_len` as there are
    /// blocks for. The null block holds none.
    pub fn cache_tokens(&self) -> u64 {
        let blocks = u64::from(self.kv_blocks - 1);
        let Some(groups) = self.memory().kv_groups else {
            return blocks * u64::from(self.block_tokens);
        };
        let limits = self.policy.limits();
        let steps = if self.policy.decides_ahead() { 2 } else { 1 };
        let in_flight = limits.most_tokens.saturating_mul(steps);
        let of_longest = groups.most_blocks(self.max_model_len, in_flight).max(1);
        (blocks as f64 / of_longest as f64 * f64::from(self.max_model_len)) as u64
    }

    /// The most tokens that a request may come to before its output is cut.
    pub fn longest_request(&self) -> u32 {
        self.policy.longest_request(&self.memory())
    }

    /// Whether some layers see a window or a chunk of the context only, and keep no more.
    pub fn has_windows(&self) -> bool {
        let is_window = |group: &KvGroup| matches!(group.kind, KvGroupKind::Sliding(_) | KvGroupKind::Chunked(_));
        self.kv_groups
            .as_ref()
            .is_some_and(|groups| groups.iter().any(is_window))
    }

    /// Whether groups are the one that there is if none are given.
    fn is_usual(&self, groups: &KvGroups) -> bool {
        groups.is_one_full() && groups[0].block_tokens == self.block_tokens
    }
}
