//! How long those requests took that were answered between two instants.

use crate::engine::Finished;
use crate::units::Span;

/// How long requests took to be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerTimes {
    /// In the mean.
    pub mean: Span,
    /// The one that took longest.
    pub max: Span,
}

/// Requests that were answered since the latest instant of a row.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AnsweredSince {
    requests: u64,
    /// What they took together [ps].
    picos: u128,
    longest: Span,
}

impl AnsweredSince {
    pub(super) fn add(&mut self, history: &Finished) {
        let took = history.finished.since(history.arrival);
        self.requests += 1;
        self.picos += u128::from(took.picos());
        self.longest = self.longest.max(took);
    }

    pub(super) fn times(&self) -> Option<AnswerTimes> {
        let mean = self.picos.checked_div(self.requests.into())?;
        Some(AnswerTimes {
            mean: Span::from_picos(mean as u64),
            max: self.longest,
        })
    }
}
