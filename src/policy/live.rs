//! A request inside a server, and the memory that requests share.

use super::speculative::DraftCounts;
use crate::kv::{KvGroups, blocks_for};
use crate::units::Time;
use crate::workload::Request;

/// A request inside a server.
#[derive(Clone, Debug)]
pub struct Live {
    /// What was asked for, its output cut to what the model's length allows.
    pub request: Request,
    /// Tokens whose KV exists.
    pub computed: u32,
    /// Output tokens produced.
    pub generated: u32,
    /// Blocks of KV memory that the request holds.
    pub blocks: u32,
    /// When it was first part of a step.
    pub scheduled: Option<Time>,
    /// When its first token was produced.
    pub first_token: Option<Time>,
    /// How many requests ran then, itself included unless it was preempted meanwhile.
    pub running_at_first_token: u32,
    /// When its latest token was produced.
    pub last_token: Option<Time>,
    /// How often it was preempted.
    pub preemptions: u32,
    /// Whether it was preempted and has not been admitted again.
    pub is_preempted: bool,
    /// Tokens that were computed again after preemptions.
    pub recomputed: u64,
    /// Prompt tokens found in the prefix cache when it was first admitted.
    pub cached: u32,
    /// Output tokens it had when it was last released: it computes them again as if they were prompt.
    pub released_with: u32,
    /// What its drafts came to.
    pub drafts: DraftCounts,
}

/// The KV cache that requests share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Blocks that can hold tokens: all but the null block.
    pub usable_blocks: u32,
    /// Tokens in a block.
    pub block_tokens: u32,
    /// The most tokens of one request.
    pub max_model_len: u32,
    /// The groups of layers between which it is divided; `None` if all layers keep every token in one table, of blocks
    /// of `block_tokens` tokens. Only vLLM's batching knows others: under other policies every layer keeps all.
    pub kv_groups: Option<KvGroups>,
}

impl Live {
    /// A request that has just arrived.
    #[inline]
    pub const fn new(request: Request) -> Self {
        Self {
            request,
            computed: 0,
            generated: 0,
            blocks: 0,
            scheduled: None,
            first_token: None,
            running_at_first_token: 0,
            last_token: None,
            preemptions: 0,
            is_preempted: false,
            recomputed: 0,
            cached: 0,
            released_with: 0,
            drafts: DraftCounts {
                drafts: 0,
                draft_tokens: 0,
                accepted_tokens: 0,
            },
        }
    }

    /// Tokens it has, prompt and output; the newest output token has no KV yet.
    pub const fn num_tokens(&self) -> u32 {
        self.request.prompt.tokens() + self.generated
    }

    /// It has produced a token while so many requests ran.
    pub fn note_token(&mut self, at: Time, running: u32) {
        if self.first_token.is_none() {
            self.first_token = Some(at);
            self.running_at_first_token = running;
        }
        self.last_token = Some(at);
    }

    /// It has got tokens where steps verify drafts, and so many of its own were verified. The KV of those that were
    /// refused, or lie beyond its end, counts for nothing, nor does that of a step in flight before it has ended.
    pub fn note_drafts(&mut self, drafts: u32, accepted: u32) {
        self.drafts.add_verification(drafts, accepted);
        self.computed = self.num_tokens() - 1;
    }

    /// Whether it has computed its prompt, and all it lost, and goes on from token to token.
    pub const fn is_decoding(&self) -> bool {
        self.generated > self.released_with
    }

    /// The most tokens it may come to: what reserving policies set aside.
    pub const fn most_tokens(&self) -> u32 {
        self.request.most_tokens()
    }

    /// Whether it has all its output.
    pub const fn is_complete(&self) -> bool {
        self.generated == self.request.output_tokens
    }
}

impl Memory {
    /// The groups of layers, whether they are given or not.
    pub fn groups(&self) -> KvGroups {
        let given = self.kv_groups.clone();
        given.unwrap_or_else(|| KvGroups::full(self.block_tokens))
    }

    /// Tokens of the longest request by the blocks that it holds, of all groups.
    pub fn tokens_by_block(&self) -> u32 {
        let Some(groups) = &self.kv_groups else {
            return self.block_tokens;
        };
        let blocks = groups.blocks_of_context(self.max_model_len).max(1);
        (u64::from(self.max_model_len) / blocks).max(1) as u32
    }

    /// Blocks that hold `tokens` tokens.
    pub const fn blocks_for(&self, tokens: u32) -> u32 {
        blocks_for(tokens, self.block_tokens)
    }
}

/// `request` with its output cut to what fits into the model's length beside its prompt.
#[inline]
pub fn cut_to_model_length(mut request: Request, max_model_len: u32) -> Request {
    if request.is_prompt_only {
        return request;
    }
    let room = max_model_len.saturating_sub(request.prompt.tokens());
    request.max_tokens = request.max_tokens.min(room);
    if request.output_tokens > room {
        request.output_tokens = room;
        request.stops = false;
    }
    request
}

/// What a server takes of a request that arrives: its output cut to what the model's length leaves it; `None` if it is
/// rejected, as its prompt leaves no room for a token it asks for, or `can_ever_serve` says so. A prompt as long as the
/// model is too long only for who generates (vLLM, `v1/engine/input_processor.py`, which asks for the runner's type).
#[inline]
pub fn taken_of(
    request: Request,
    max_model_len: u32,
    can_ever_serve: impl FnOnce(&Request) -> bool,
) -> Option<Request> {
    let least_tokens = request.prompt.tokens() + u32::from(!request.is_prompt_only);
    if least_tokens > max_model_len {
        return None;
    }
    let request = cut_to_model_length(request, max_model_len);
    can_ever_serve(&request).then_some(request)
}
