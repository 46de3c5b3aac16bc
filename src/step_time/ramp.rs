//! The times of a run of decode steps: an arithmetic progression, so that any number of steps has a closed form.

use crate::units::Span;

/// How many steps are added up one by one before the closed form is asked.
const WALKED_STEPS: u64 = 8;

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

    /// How many whole steps fit into `span`, at most `most`, and how long they take.
    pub fn within(&self, span: Span, most: u64) -> (u64, Span) {
        let span = span.picos();
        // Most runs end at the next arrival, a few steps away: walk there.
        let (mut steps, mut takes, mut next) = (0, 0, self.first.picos());
        while steps < most.min(WALKED_STEPS) {
            if next > span - takes {
                return (steps, Span::from_picos(takes));
            }
            takes += next;
            next += self.growth.picos();
            steps += 1;
        }
        if steps < most {
            steps = self.bisect(steps, most, span.into());
        }
        (steps, self.total(steps))
    }

    /// The most steps, of those from `fits`, which fit, to `most`, that fit into `span` picoseconds.
    fn bisect(&self, mut fits: u64, most: u64, span: u128) -> u64 {
        let mut beyond = most + 1;
        let mut stride = fits;
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
    fn as_many_steps_as_fit_are_within_a_span() {
        for (first, growth) in [(0, 0), (5, 0), (5, 3), (0, 1), (7, 2)] {
            let ramp = ramp(first, growth);
            for span in 0..200 {
                for most in [0, 1, 7, 8, 9, 40] {
                    let by_hand = (0..=most)
                        .rev()
                        .find(|&steps| ramp.total(steps).picos() <= span)
                        .unwrap();
                    let within = ramp.within(Span::from_picos(span), most);
                    assert_eq!(within, (by_hand, ramp.total(by_hand)));
                }
            }
        }
    }
}
