//! Names of the content that synthetic prompts share. Each kind has numbers of its own, so that two kinds never meet.

use super::{ContentId, RequestId};

const POOLED_PROMPT: u64 = 1 << 60;
const MESSAGE: u64 = 2 << 60;

/// The system prompt with this number.
pub(super) const fn shared_prefix(number: u32) -> ContentId {
    ContentId::numbered(number as u64)
}

/// What is its own in the prompt with this number of a pool.
pub(super) const fn pooled_prompt(number: u32) -> ContentId {
    ContentId::numbered(POOLED_PROMPT | number as u64)
}

/// What the user says for the first time in `request`, and later turns of the session repeat.
pub(super) const fn message_of(request: RequestId) -> ContentId {
    ContentId::numbered(MESSAGE | request.0)
}
