//! Times between the tokens of all requests of a run.

use crate::engine::{Event, Observer, StepRun, Streamed};
use crate::stats::Distribution;
use crate::units::Time;
use crate::workload::RequestId;

/// Hears every gap between tokens, as clients see them.
#[derive(Default)]
pub struct TokenGaps(Distribution);

impl TokenGaps {
    /// The mean [s]; `None` if there are no gaps.
    pub fn mean(&self) -> Option<f64> {
        self.0.mean().map(seconds)
    }

    /// Quantiles [s]; `None` if there are no gaps.
    pub fn quantiles<const N: usize>(&self, shares: [f64; N]) -> Option<[f64; N]> {
        self.0.quantiles(shares).map(|all| all.map(seconds))
    }
}

fn seconds(picos: f64) -> f64 {
    picos / 1e12
}

impl Observer for TokenGaps {
    fn on(&mut self, _at: Time, _id: RequestId, event: &Event) {
        if let Event::Token { gap } = event {
            self.0.record(gap.picos(), 1);
        }
    }

    fn ran(&mut self, run: &StepRun<'_>) {
        self.streamed(&Streamed::of(run));
    }

    fn streamed(&mut self, tokens: &Streamed) {
        let (first, growth) = (tokens.gaps.first.picos(), tokens.gaps.growth.picos());
        self.0
            .record_progression(first, growth, tokens.steps, tokens.clients.into());
    }
}
