//! The times of a run of decode steps: an arithmetic progression, so that any number of steps has a closed form.

use crate::units::Span;

/// A run of steps of which step `j` (from 0) takes `first + j * growth`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ramp {
    /// The first step's time.
    pub first: Span,
    /// How much longer each step is than the one before.
    pub growth: Span,
    /// For how many steps this holds; at least 1.
    pub len: u64,
}

impl Ramp {
    /// One step.
    pub const fn single(first: Span) -> Self {
        Self {
            first,
            growth: Span::ZERO,
            len: 1,
        }
    }

    /// The time of step `j` (from 0).
    pub const fn step(&self, j: u64) -> Span {
        Span::from_picos(self.first.picos() + j * self.growth.picos())
    }

    /// The ramp that is left after the first `steps` steps.
    #[must_use]
    pub const fn after(&self, steps: u64) -> Self {
        Self {
            first: self.step(steps),
            growth: self.growth,
            len: self.len - steps,
        }
    }

    /// The time of the first `steps` steps together: `steps * first + growth * steps * (steps - 1) / 2`.
    pub fn total(&self, steps: u64) -> Span {
        let picos = self.total_picos(steps);
        Span::from_picos(u64::try_from(picos).expect("a run of steps is shorter than 213 days"))
    }

    /// How many whole steps fit into `span`, at most `most`.
    pub fn steps_within(&self, span: Span, most: u64) -> u64 {
        let span = u128::from(span.picos());
        if most == 0 || self.total_picos(1) > span {
            return 0;
        }
        let (mut fits, mut beyond) = (1, most + 1);
        // Gallop from the short end: most runs end at the next arrival, a few steps away.
        let mut stride = 1;
        while fits + stride < beyond {
            if self.total_picos(fits + stride) <= span {
                fits += stride;
                stride *= 2;
            } else {
                beyond = fits + stride;
            }
        }
        while beyond - fits > 1 {
            let middle = fits + (beyond - fits) / 2;
            if self.total_picos(middle) <= span {
                fits = middle;
            } else {
                beyond = middle;
            }
        }
        fits
    }

    fn total_picos(&self, steps: u64) -> u128 {
        let steps = u128::from(steps);
        let pairs = steps * steps.saturating_sub(1) / 2;
        steps * u128::from(self.first.picos()) + pairs * u128::from(self.growth.picos())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(first: u64, growth: u64) -> Ramp {
        Ramp {
            first: Span::from_picos(first),
            growth: Span::from_picos(growth),
            len: u64::MAX,
        }
    }

    #[test]
    fn total_is_the_sum_of_its_steps() {
        for (first, growth) in [(0, 0), (5, 0), (5, 3), (0, 1)] {
            let ramp = ramp(first, growth);
            let mut sum = 0;
            for steps in 0..50 {
                assert_eq!(ramp.total(steps).picos(), sum);
                sum += ramp.step(steps).picos();
            }
        }
    }

    #[test]
    fn steps_within_is_the_most_that_fit() {
        for (first, growth) in [(0, 0), (5, 0), (5, 3), (0, 1), (7, 2)] {
            let ramp = ramp(first, growth);
            for span in 0..200 {
                let by_hand = (0..=40)
                    .rev()
                    .find(|&steps| ramp.total(steps).picos() <= span)
                    .unwrap();
                assert_eq!(ramp.steps_within(Span::from_picos(span), 40), by_hand);
            }
        }
    }
}
