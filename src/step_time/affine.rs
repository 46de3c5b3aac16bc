//! A fixed affine step time, for experiments with known answers and for engines measured that way.

use super::{Ramp, StepShape, StepTime};
use crate::units::Span;

/// `base + per_token * tokens + per_sequence * sequences`, whatever the contexts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Affine {
    /// What every step takes.
    pub base: Span,
    /// What each token adds.
    pub per_token: Span,
    /// What each request in the step adds.
    pub per_sequence: Span,
}

impl StepTime for Affine {
    fn step(&self, shape: &StepShape) -> Span {
        Span::from_picos(
            self.base.picos()
                + self.per_token.picos() * shape.tokens()
                + self.per_sequence.picos() * u64::from(shape.sequences),
        )
    }

    fn ramp(&self, shape: &StepShape) -> Ramp {
        Ramp {
            first: self.step(shape),
            growth: Span::ZERO,
            len: u64::MAX,
        }
    }
}
