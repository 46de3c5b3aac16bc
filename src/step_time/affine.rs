//! A step time given by hand: a constant, so much per token, so much per request.

use super::kind::StepTimeKind;
use super::{DecodeLine, Ramp, StepShape, StepTime, saturation};
use crate::units::Span;

/// Times that were given.
pub(super) const KIND: StepTimeKind = StepTimeKind {
    name: "affine",
    rests_on: "times that were measured on a server",
    is_modelled: false,
    is_all_there_is: true,
};

/// `base + per_token * tokens + per_sequence * requests`, whatever their contexts; at most
/// [`LONGEST_STEP`](super::LONGEST_STEP).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Affine {
    /// Of every step.
    pub base: Span,
    /// Per token in the step.
    pub per_token: Span,
    /// Per request in the step.
    pub per_sequence: Span,
}

impl Affine {
    /// How long a step of so many tokens and requests would take if no step were too long [s].
    pub(super) fn unlimited_s(&self, tokens: u64, requests: u32) -> f64 {
        self.base.seconds()
            + self.per_token.seconds() * tokens as f64
            + self.per_sequence.seconds() * f64::from(requests)
    }

    fn picos(&self, shape: &StepShape) -> u64 {
        let tokens = self.per_token.picos().saturating_mul(shape.tokens());
        let requests = u64::from(shape.sequences).saturating_mul(self.per_sequence.picos());
        tokens.saturating_add(requests).saturating_add(self.base.picos())
    }
}

impl StepTime for Affine {
    fn step(&self, shape: &StepShape) -> Span {
        saturation::step(self.picos(shape))
    }

    fn ramp(&self, shape: &StepShape) -> Ramp {
        saturation::ramp(self.picos(shape), 0, saturation::LONGEST_RAMP)
    }

    fn decode_line(&self, decoding: u32) -> Option<DecodeLine> {
        Some(DecodeLine {
            steady: self.picos(&StepShape::of_decoding(decoding)),
            ..DecodeLine::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODEL: Affine = Affine {
        base: Span::from_micros(8000),
        per_token: Span::from_micros(20),
        per_sequence: Span::from_micros(30),
    };

    #[test]
    fn prices_tokens_and_requests() {
        let mut shape = StepShape::default();
        shape.add(499, 1, 500);
        shape.add(0, 100, 100);
        let micros = 8000 + 20 * 101 + 30 * 2;
        assert_eq!(MODEL.step(&shape), Span::from_micros(micros));
    }

    #[test]
    fn the_context_costs_nothing() {
        let mut shape = StepShape::default();
        shape.add(499, 1, 500);
        let ramp = MODEL.ramp(&shape);
        assert_eq!(ramp.growth, Span::ZERO);
        assert_eq!(ramp.step(1_000_000), MODEL.step(&shape.later(1_000_000)));
    }

    #[test]
    fn no_price_overflows() {
        let model = Affine {
            base: Span::MAX,
            per_token: Span::MAX,
            per_sequence: Span::MAX,
        };
        let shape = StepShape {
            decoding: u32::MAX,
            prefill: u64::MAX / 2,
            sequences: u32::MAX,
            ..StepShape::default()
        };
        assert_eq!(model.step(&shape), saturation::LONGEST_STEP);
    }
}
