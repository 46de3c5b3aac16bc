//! The step time with drafts: the model's own pass, then the passes that propose the next drafts.
//!
//! As vLLM's proposer does it (`propose` in `vllm/v1/spec_decode`): the first pass goes over all tokens of the step, so
//! that the drafter has keys and values for them; each further pass adds one token to every request of the step, those
//! with a part of their prompt included. Passes run one after the other on the same GPUs, and each ends with the head
//! and a choice for every request. Not modelled: drafts of a step that nobody will verify, as its requests finish, are
//! still paid for; drafts proposed in parallel or in trees.

use super::{StepShape, StepTime, saturation};
use crate::units::Span;

/// What a step takes beside the passes: choosing which drafts to accept, and laying out the drafter's inputs. Fitted to
/// steps of few clients of gpt-oss-120b on one H200, which take 0.5 to 0.9 ms longer than their passes, with one and
/// with seven drafts of an EAGLE-3 head alike (figures of GloriaXimingLu/inferencex-profiling @ 237385b).
const BESIDES: Span = Span::from_micros(500);

/// A step-time model with the drafter's passes added.
pub struct Drafting {
    target: Box<dyn StepTime>,
    pass: DraftPass,
    passes: u32,
}

/// What one pass of the drafter costs.
pub enum DraftPass {
    /// As much as this model says.
    Of(Box<dyn StepTime>),
    /// This fraction of what the target would take for the same pass.
    Share(f64),
}

impl Drafting {
    /// `target` with `passes` passes of the drafter a step: one for each draft token.
    pub const fn new(target: Box<dyn StepTime>, pass: DraftPass, passes: u32) -> Self {
        Self { target, pass, passes }
    }

    fn pass_picos(&self, shape: &StepShape) -> u64 {
        match &self.pass {
            DraftPass::Of(drafter) => drafter.step(shape).picos(),
            DraftPass::Share(part) => (self.target.step(shape).picos() as f64 * part).round() as u64,
        }
    }
}

impl StepTime for Drafting {
    /// Of this model a step with drafts has no ramp: how many drafts are accepted, and with it each context, is left to
    /// chance.
    fn step(&self, shape: &StepShape) -> Span {
        let mut sum = self.target.step(shape).picos();
        if self.passes > 0 {
            // Only each request's last position is drafted from.
            let first = StepShape {
                sampling: shape.sequences,
                ..*shape
            };
            sum = sum.saturating_add(self.pass_picos(&first));
            if let DraftPass::Of(_) = self.pass {
                sum = sum.saturating_add(BESIDES.picos());
            }
        }
        let mut one_each = StepShape {
            decoding: shape.sequences,
            context: shape.context + shape.prefill_context,
            sequences: shape.sequences,
            sampling: shape.sequences,
            ..StepShape::default()
        };
        for _ in 1..self.passes {
            one_each = one_each.later(1);
            sum = sum.saturating_add(self.pass_picos(&one_each));
        }
        saturation::step(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step_time::Affine;

    const fn affine(base: u64, per_token: u64, per_sequence: u64) -> Affine {
        Affine {
            base: Span::from_micros(base),
            per_token: Span::from_micros(per_token),
            per_sequence: Span::from_micros(per_sequence),
        }
    }

    /// Two requests that verify three drafts each, and a prompt of 100 tokens.
    fn shape() -> StepShape {
        let mut shape = StepShape::default();
        shape.add_verification(200, 3);
        shape.add_verification(300, 3);
        shape.add(0, 100, 100);
        shape
    }

    #[test]
    fn the_first_pass_takes_all_tokens_and_the_others_one_of_each_request() {
        let target = affine(8000, 20, 30);
        let drafter = affine(500, 2, 3);
        let passes = (500 + 2 * 108 + 3 * 3) + 2 * (500 + 2 * 3 + 3 * 3);
        let step = Drafting::new(Box::new(target), DraftPass::Of(Box::new(drafter)), 3);
        let expected = 8000 + 20 * 108 + 30 * 3 + passes + 500;
        assert_eq!(step.step(&shape()), Span::from_micros(expected));
    }

    #[test]
    fn a_share_is_one_of_the_same_pass_of_the_target() {
        let target = affine(8000, 20, 30);
        let own = 8000 + 20 * 108 + 30 * 3;
        let later = 8000 + 20 * 3 + 30 * 3;
        for (share, passes) in [(0.0, 3), (0.5, 1), (0.5, 3)] {
            let step = Drafting::new(Box::new(target), DraftPass::Share(share), passes);
            let drafting = share * (own + later * u64::from(passes - 1)) as f64;
            let expected = Span::from_micros(own + drafting as u64);
            assert_eq!(step.step(&shape()), expected, "{share} {passes}");
        }
    }

    #[test]
    fn no_price_overflows() {
        let longest = Affine {
            base: Span::MAX,
            per_token: Span::MAX,
            per_sequence: Span::MAX,
        };
        let step = Drafting::new(Box::new(longest), DraftPass::Share(1.0), 1000);
        assert_eq!(step.step(&shape()), saturation::LONGEST_STEP);
    }
}
