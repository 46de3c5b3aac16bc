//! What a call of the model is made of: waiting, the prompt, the answer.

use crate::engine::Finished;
use crate::units::{Span, Time};

/// A call of the model in its parts.
#[derive(Clone, Copy, Debug)]
pub(super) struct CallParts {
    /// From when it was sent to its first step, its first token and its last one.
    pub(super) parts: [Span; Self::NAMES.len()],
    /// When its client had the first token.
    pub(super) first_token: Time,
}

impl CallParts {
    /// What the parts are called in results.
    pub(super) const NAMES: [&str; 3] = ["llm.queue", "llm.prefill", "llm.decode"];

    pub(super) fn of(history: &Finished) -> Self {
        let between = |start: Time, end: Time| Span::from_picos(end.picos().saturating_sub(start.picos()));
        Self {
            parts: [
                between(history.arrival, history.scheduled),
                between(history.scheduled, history.first_token),
                between(history.first_token, history.finished),
            ],
            first_token: history.first_token,
        }
    }
}
