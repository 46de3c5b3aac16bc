//! A request as the scheduler knows it.

use crate::kv::{BlockId, BlockKey, KeyChain};
use crate::units::Time;
use crate::workload::{ContentId, Request, RequestId, Segment};

/// A request inside the scheduler.
#[derive(Clone, Debug)]
pub struct Member {
    /// What was asked for.
    pub request: Request,
    /// Output tokens produced.
    pub generated: u32,
    /// Tokens whose KV exists or is being computed.
    pub computed: u32,
    /// Its blocks, in the order of its tokens.
    pub table: Vec<BlockId>,
    /// Tokens that a step in flight is going to sample.
    pub placeholders: u32,
    /// Outputs of steps in flight that were scheduled before its latest preemption.
    pub stale: u32,
    /// Draft tokens to verify in its next step.
    pub drafts: u32,
    /// How often drafts were verified.
    pub verifications: usize,
    /// How often it was preempted.
    pub preemptions: u32,
    /// Tokens found in the prefix cache at its first admission.
    pub cached: u32,
    /// How many of its blocks have been offered to the cache.
    pub(super) named: usize,
    keys: Vec<BlockKey>,
    chain: KeyChain,
    /// Tokens that `chain` has seen.
    chained: u32,
}

impl Member {
    pub(super) fn new(request: Request, block_tokens: u32) -> Self {
        Self {
            request,
            generated: 0,
            computed: 0,
            table: Vec::new(),
            placeholders: 0,
            stale: 0,
            drafts: 0,
            verifications: 0,
            preemptions: 0,
            cached: 0,
            named: 0,
            keys: Vec::new(),
            chain: KeyChain::new(block_tokens),
            chained: 0,
        }
    }

    /// The request's number, which tells it from all others.
    pub const fn id(&self) -> RequestId {
        self.request.id
    }

    /// Tokens it has, prompt and output.
    pub const fn num_tokens(&self) -> u32 {
        self.request.prompt.tokens() + self.generated
    }

    /// The order under priorities: lower numbers first, then earlier arrivals.
    pub(super) const fn rank(&self) -> (i32, Time, RequestId) {
        (self.request.priority, self.request.arrival, self.request.id)
    }

    /// The keys of all full blocks of its tokens.
    pub(super) fn keys(&mut self) -> &[BlockKey] {
        let prompt = self.request.prompt.tokens();
        if self.chained == 0 {
            let whole = [Segment {
                content: ContentId::unique_prompt_of(self.request.id),
                offset: 0,
                tokens: prompt,
            }];
            for &segment in self.request.prompt.segments().unwrap_or(&whole) {
                self.chain.extend(segment, |key| self.keys.push(key));
            }
            self.chained = prompt;
        }
        let all = self.num_tokens();
        let output = Segment {
            content: self.request.output_name.content,
            offset: self.request.output_name.offset + (self.chained - prompt),
            tokens: all - self.chained,
        };
        self.chain.extend(output, |key| self.keys.push(key));
        self.chained = all;
        &self.keys
    }
}
