//! What servers have produced since an autoscaler last looked.

use crate::units::{PICOS_PER_SECOND, Span, Time};

/// Sums over all servers since the last look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Gauges {
    /// Output tokens.
    tokens: u64,
    /// Requests that got their first token.
    answered: u64,
    /// How long these had waited for it together.
    waited_picos: u128,
}

impl Gauges {
    /// So many more output tokens were produced.
    pub(super) const fn produced(&mut self, tokens: u64) {
        self.tokens += tokens;
    }

    /// A request has its first token at `at` that was first sent at `sent`.
    pub(super) fn first_token(&mut self, sent: Time, at: Time) {
        self.answered += 1;
        self.waited_picos += u128::from(at.since(sent).picos());
    }

    /// Output tokens in a second, of all servers, in so long a time.
    pub(super) fn tokens_per_s(&self, within: Span) -> f64 {
        self.tokens as f64 / within.seconds()
    }

    /// The mean time to first token; `None` if nobody got one [s].
    pub(super) fn mean_ttft_s(&self) -> Option<f64> {
        let mean_picos = self.waited_picos as f64 / self.answered as f64;
        (self.answered > 0).then_some(mean_picos / PICOS_PER_SECOND as f64)
    }
}
