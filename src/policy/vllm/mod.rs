//! vLLM V1's scheduler in readable form (0.33.0: `vllm/v1/core/sched/scheduler.py`, `async_scheduler.py`, `vllm/v1/core/kv_cache_manager.py`).
//!
//! There are no prefill and decode phases: each step gives a request the tokens that bring its computed tokens up to all its tokens, oldest
//! first, within a token budget, then admits from the head of the queue. A request whose last token is computed samples the next one.

mod member;
mod schedule;
mod update;

pub use member::Member;
pub use schedule::{Part, VllmPlan};
pub use update::Output;

use std::collections::VecDeque;

use crate::kv::{BlockPool, PoolRules};
use crate::workload::{Request, RequestId};

/// What the scheduler is told at its start, and in which points its releases differ.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "switches of the scheduler")]
pub struct VllmRules {
    /// The most requests running at once.
    pub max_num_seqs: u32,
    /// The most tokens in a step.
    pub max_num_batched_tokens: u32,
    /// The most tokens of one request.
    pub max_model_len: u32,
    /// Tokens in a block.
    pub block_tokens: u32,
    /// Whether a prompt may be spread over several steps.
    pub chunked_prefill: bool,
    /// The largest chunk; 0 for no limit.
    pub long_prefill_token_threshold: u32,
    /// The fraction of all blocks that an admission must leave free while others run.
    pub watermark: f64,
    /// Whether blocks with the same content are shared.
    pub prefix_caching: bool,
    /// Whether requests with a lower priority number go first.
    pub priority: bool,
    /// Whether a step is decided while the one before still runs.
    pub async_scheduling: bool,
    /// Draft tokens per step, if any, and blocks kept for the draft model's own tokens.
    pub speculative: Option<Speculative>,
    /// Whether a request is admitted only if all its tokens fit now (`scheduler_reserve_full_isl`; since 0.19).
    pub full_sequence_gate: bool,
    /// Whether freed blocks without content are taken first (since 0.25).
    pub keyless_first: bool,
    /// Whether the long-prefill threshold does not hold for a request that is alone (since 0.31).
    pub threshold_spares_alone: bool,
    /// Whether, under priorities, others are still scheduled after a request has preempted itself (since 0.33).
    pub goes_on_after_self_preemption: bool,
}

/// Speculative decoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Speculative {
    /// Draft tokens proposed per step.
    pub tokens: u32,
    /// Tokens beyond the scheduled ones that a request needs blocks for (draft models; 0 for n-gram drafts).
    pub lookahead_tokens: u32,
    /// How many drafts are accepted at a request's n-th verification: the n-th number, cyclically.
    pub accepted: Vec<u32>,
}

/// The scheduler's state.
#[derive(Clone, Debug)]
pub struct VllmScheduler {
    rules: VllmRules,
    pool: BlockPool,
    /// Next first: by arrival, preempted ones at the head; or by priority.
    waiting: VecDeque<Member>,
    /// In the order of admission.
    running: Vec<Member>,
}

impl VllmScheduler {
    /// An empty server with `kv_blocks` blocks, the null block included.
    pub fn new(rules: VllmRules, kv_blocks: u32) -> Self {
        let pool = PoolRules {
            caching: rules.prefix_caching,
            keyless_first: rules.keyless_first,
        };
        Self {
            rules,
            pool: BlockPool::new(kv_blocks, pool),
            waiting: VecDeque::new(),
            running: Vec::new(),
        }
    }

    /// A request arrives.
    pub fn submit(&mut self, request: Request) {
        let member = Member::new(request, self.rules.block_tokens);
        self.enqueue(member);
    }

    /// A client gives up: its request leaves at once. False if it is not here.
    pub fn abort(&mut self, id: RequestId) -> bool {
        if let Some(place) = self.waiting.iter().position(|member| member.id() == id) {
            self.waiting.remove(place);
            return true;
        }
        let Some(place) = self.running.iter().position(|member| member.id() == id) else {
            return false;
        };
        let member = self.running.remove(place);
        self.pool.release(&member.table);
        true
    }

    /// Forgets all cached content; false, and nothing happens, while any block is in use.
    pub fn reset_prefix_cache(&mut self) -> bool {
        self.pool.reset()
    }

    /// The blocks.
    pub const fn pool(&self) -> &BlockPool {
        &self.pool
    }

    /// The queue, next first.
    pub fn waiting(&self) -> impl ExactSizeIterator<Item = &Member> {
        self.waiting.iter()
    }

    /// The running requests in the order of admission.
    pub fn running(&self) -> &[Member] {
        &self.running
    }

    /// Puts a request where the queue's order wants it: at the end, or by priority.
    fn enqueue(&mut self, member: Member) {
        if !self.rules.priority {
            return self.waiting.push_back(member);
        }
        let place = self
            .waiting
            .partition_point(|other| other.rank() < member.rank());
        self.waiting.insert(place, member);
    }

    const fn lookahead_tokens(&self) -> u32 {
        match &self.rules.speculative {
            Some(speculative) => speculative.lookahead_tokens,
            None => 0,
        }
    }
}
