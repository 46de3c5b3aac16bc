//! The times of a run of decode steps: an arithmetic progression, so that any number of steps has a closed form.

use crate::units::Span;

/// How many steps are added up one by one before the closed form is asked.
const WALKED_STEPS: u64 = 8;

/// A run of steps of which step `j` (from 0) takes `first + j * growth`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ramp {
    /// The first step's time.
    pub first: Span,
    /// How much longer each step is than the one before.
    pub growth: Span,
    /// For how many steps this holds; at least 1.
    pub len: u64,
}

impl Ramp {
    /// A run of a single step that takes `first`.
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

    /// How many whole steps fit into `span`, at most `most`, and how long they take. No ramp has more than 2^32 steps.
    pub fn within(&self, span: Span, most: u64) -> (u64, Span) {
        let span = span.picos();
        let walked = most.min(WALKED_STEPS);
        if most > walked && self.total_picos(walked) <= u128::from(span) {
            return self.search(span, walked, most);
        }
        // Most runs end at the next arrival, a few steps away: walk there.
        let (mut steps, mut takes, mut next) = (0, 0, self.first.picos());
        while steps < walked && next <= span - takes {
            takes += next;
            next += self.growth.picos();
            steps += 1;
        }
        (steps, Span::from_picos(takes))
    }

    /// The most steps that fit into `span` picoseconds, of those from `fits`, which do, to `most`; and how long they
    /// take.
    fn search(&self, span: u64, mut fits: u64, most: u64) -> (u64, Span) {
        let (mut beyond, mut takes) = (most + 1, None);
        // Nearly always the guess is right, and only its neighbours have to be looked at.
        let guess = self.guess(span as f64).min(most);
        let mut likely = [guess, guess.saturating_sub(1), guess + 1].into_iter();
        while beyond - fits > 1 {
            let next = likely.find(|&steps| steps > fits && steps < beyond);
            let steps = next.unwrap_or(fits + (beyond - fits) / 2);
            let picos = self.total_picos(steps);
            if picos <= u128::from(span) {
                (fits, takes) = (steps, Some(Span::from_picos(picos as u64)));
            } else {
                beyond = steps;
            }
        }
        (fits, takes.unwrap_or_else(|| self.total(fits)))
    }

    /// About how many steps fit into `span` picoseconds: `k` steps take `a * k^2 + b * k` with `a = growth / 2` and `b
    /// = first - a`, and this root of the quadratic equation has no difference of nearly equal numbers where steps grow
    /// by less than they take, and holds for `a = 0`.
    fn guess(&self, span: f64) -> u64 {
        let a = self.growth.picos() as f64 / 2.0;
        let b = self.first.picos() as f64 - a;
        let root = 2.0 * span / (b + (b * b + 4.0 * a * span).sqrt());
        root as u64 // NaN, of 0 / 0, becomes 0; infinity the largest number.
    }

    fn total_picos(&self, steps: u64) -> u128 {
        let steps = u128::from(steps);
        let pairs = steps * steps.saturating_sub(1) / 2;
        steps * u128::from(self.first.picos()) + pairs * u128::from(self.growth.picos())
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::stats::streams::stream;

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

    #[test]
    fn however_long_and_however_steep_the_most_steps_are_found() {
        let mut random = stream(1, "ramps");
        for _ in 0..20_000 {
            let mut below = |bits: u32| random.random::<u64>() >> (64 - random.random_range(1..=bits));
            let (ramp, span, most) = (ramp(below(54), below(54)), below(63), below(32));
            let (steps, takes) = ramp.within(Span::from_picos(span), most);
            assert_eq!(takes, ramp.total(steps));
            assert!(steps <= most && takes.picos() <= span);
            assert!(steps == most || ramp.total_picos(steps + 1) > u128::from(span));
        }
    }
}
