//! What a server takes of a request that arrives (`tokenizer_manager.py`, `scheduler.py`, `init_req_max_new_tokens`).

use super::member::SglangMember;
use super::settings::SglangSettings;
use crate::policy::live::Memory;
use crate::workload::{Prompt, Request};

/// Tokens below the longest input that a prompt must stay (`max_req_input_len`).
const RESERVED_INPUT: u64 = 5;

/// How long requests may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LengthLimits {
    /// The most tokens of a request.
    longest: u64,
    /// Slots for tokens.
    capacity: u64,
    page: u64,
}

impl LengthLimits {
    pub(crate) fn new(settings: &SglangSettings, memory: &Memory) -> Self {
        let capacity = settings.capacity(memory);
        Self {
            longest: u64::from(memory.max_model_len).min(capacity).saturating_sub(1),
            capacity,
            page: settings.page_size.into(),
        }
    }

    /// The most tokens that a request may come to, where its prompt fills its pages.
    pub(crate) fn longest_request(self) -> u32 {
        let beside_a_page = self.capacity.saturating_sub(self.page + 1);
        self.longest.saturating_sub(1).min(beside_a_page) as u32
    }

    /// Whether a prompt is refused for its length.
    pub(crate) fn is_too_long(self, prompt: &Prompt) -> bool {
        u64::from(prompt.tokens()) + RESERVED_INPUT >= self.longest
    }

    /// The most output tokens that are left of those that are asked for: nothing is refused for its output's length.
    fn max_new(self, request: &Request) -> u32 {
        let prompt = u64::from(request.prompt.tokens());
        let left = self.longest.saturating_sub(prompt + 1);
        let fits = self
            .capacity
            .saturating_sub(prompt.next_multiple_of(self.page) + self.page + 1);
        u64::from(request.most_answer_tokens()).min(left).min(fits) as u32
    }

    /// The request as the scheduler keeps it. A prompt that is too long is not refused at once: it becomes a single
    /// token, waits and computes as any other, and ends with its first token.
    pub(crate) fn member(self, mut request: Request, settings: &SglangSettings) -> SglangMember {
        let max_new = self.max_new(&request);
        let is_aborted = self.is_too_long(&request.prompt);
        if is_aborted && let Some(special) = settings.special_tokens {
            request.prompt = Prompt::of_segments([special.filler]);
        }
        if request.output_tokens > max_new.max(1) {
            request.output_tokens = max_new.max(1);
            request.stops = false;
        }
        request.max_tokens = max_new.max(1);
        let mut member = SglangMember::new(request, max_new);
        member.is_aborted = is_aborted;
        member
    }

    /// Whether a request would ever come in on an empty server: SGLang would ask it for ever, and nobody behind it.
    pub(crate) fn comes_in(self, member: &SglangMember, settings: &SglangSettings) -> bool {
        let prompt = u64::from(member.prompt());
        let max_new = u64::from(member.clipped_max_new());
        if member.request.ignore_eos && !settings.prefix_caching {
            return prompt.next_multiple_of(self.page) + self.page + u64::from(member.max_new) + 1 < self.capacity;
        }
        prompt + max_new + self.page < self.capacity
    }
}
