//! The pool of blocks that a GPU's memory holds, and what an engine says of it when it starts.

use super::{KvGroup, KvGroupKind, KvGroupRules, KvLayout};

/// The blocks of a server's KV cache.
#[derive(Clone, Debug, PartialEq)]
pub struct KvPool {
    /// The groups that take their blocks from it, and the size of a block.
    pub layout: KvLayout,
    /// Blocks that there are, the null block included.
    pub blocks: u64,
    /// Blocks that a request of `max_model_len` takes in each group.
    pub blocks_of_request: Vec<u64>,
    /// Bytes that there are for blocks.
    available_bytes: u64,
    max_model_len: u32,
    /// Tokens that the steps which may run at once hold beside a window or a chunk; 0 where there is none.
    in_flight: u64,
    rules: KvGroupRules,
}

/// What the length of requests and the size of steps say of how much a request can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KvLimits {
    /// The longest context a request may have [tokens].
    pub max_model_len: u32,
    /// The most tokens in one step.
    pub max_num_batched_tokens: u32,
    /// Steps that may run at once: 2 with asynchronous scheduling, else 1.
    pub steps_in_flight: u32,
}

impl KvPool {
    /// What so many bytes hold.
    pub fn new(layout: KvLayout, available_bytes: u64, limits: KvLimits, rules: KvGroupRules) -> Self {
        let blocks = available_bytes / layout.bytes_per_block;
        let in_flight = in_flight(&layout, &limits, rules);
        let blocks_of_request = layout.blocks_of_request(limits.max_model_len.into(), in_flight);
        Self {
            layout,
            blocks,
            blocks_of_request,
            available_bytes,
            max_model_len: limits.max_model_len,
            in_flight,
            rules,
        }
    }

    /// [`Self::blocks`] as engines count them.
    pub fn block_count(&self) -> u32 {
        u32::try_from(self.blocks).unwrap_or(u32::MAX)
    }

    /// What has to be there for one request of `max_model_len`, the null block added where the release asks for it
    /// [bytes].
    pub fn needed_bytes(&self) -> u64 {
        self.needed_for(self.max_model_len)
    }

    fn needed_for(&self, length: u32) -> u64 {
        let blocks = self.layout.blocks_of_request(length.into(), self.in_flight);
        let blocks = blocks.into_iter().sum::<u64>() + u64::from(self.rules.keeps_null_block);
        blocks.saturating_mul(self.layout.bytes_per_block)
    }

    /// Whether the engine starts.
    pub fn starts(&self) -> bool {
        self.available_bytes > 0 && self.needed_bytes() <= self.available_bytes
    }

    /// The longest context, up to `max_model_len`, with which the engine starts: what its refusal estimates, and what
    /// it takes when asked to find one (`--max-model-len -1`); 0 if there is none [tokens].
    pub fn longest(&self) -> u32 {
        let fits = |length: u32| self.needed_for(length) <= self.available_bytes;
        let (mut enough, mut too_long) = (0, self.max_model_len.saturating_add(1));
        while too_long - enough > 1 {
            let middle = enough + (too_long - enough) / 2;
            if fits(middle) {
                enough = middle;
            } else {
                too_long = middle;
            }
        }
        enough
    }

    /// How many requests of `max_model_len` fit at once ("Maximum concurrency").
    pub fn concurrency(&self) -> f64 {
        let of_one: u64 = self.blocks_of_request.iter().sum();
        self.blocks as f64 / of_one.max(1) as f64
    }

    /// The size that the engine logs ("GPU KV cache size") [tokens].
    pub fn logged_tokens(&self) -> u64 {
        if self.rules.logs_tokens_of_requests {
            return (self.concurrency() * f64::from(self.max_model_len)) as u64;
        }
        let groups = self.layout.groups.len() as u64;
        let tokens = self.layout.groups.iter().map(|group| group.block_tokens).min();
        self.blocks / groups * u64::from(tokens.unwrap_or(1))
    }
}

fn in_flight(layout: &KvLayout, limits: &KvLimits, rules: KvGroupRules) -> u64 {
    let is_bounded = |group: &KvGroup| matches!(group.kind, KvGroupKind::Sliding(_) | KvGroupKind::Chunked(_));
    if !layout.groups.iter().any(is_bounded) {
        return 0;
    }
    let steps = if rules.counts_steps_in_flight {
        limits.steps_in_flight
    } else {
        1
    };
    u64::from(limits.max_num_batched_tokens) * u64::from(steps)
}
