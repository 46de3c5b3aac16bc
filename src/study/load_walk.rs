//! The loads that a bisection tries, one after another.

use super::load_kind::LoadKind;

/// The ratio of the two loads around a capacity.
pub const PRECISION: f64 = 1.01;
/// A search around an answer that is nearly right begins with loads this far from it.
pub(super) const FIRST_STEP: f64 = PRECISION * PRECISION;
/// It gives up at loads this far from it.
pub(super) const FURTHEST_STEP: f64 = 1e3;

/// A bisection without its runs: which load is next follows from what came of those before. All loads that it may ever
/// try are the knots of one tree, so that its ends depend on nothing but where the capacity lies among them.
#[derive(Clone, Copy, Debug)]
pub(super) struct LoadWalk {
    kind: LoadKind,
    start: f64,
    /// The highest load that was met; 0 if none was.
    met: f64,
    /// The lowest load that was missed; infinite if none was.
    missed: f64,
    step: f64,
}

impl LoadWalk {
    /// Around a load where the capacity is nearly known to be: in steps that become wider, then by halves.
    pub(super) fn around(kind: LoadKind, load: f64) -> Self {
        Self {
            kind,
            start: kind.rounded(load),
            met: 0.0,
            missed: f64::INFINITY,
            step: FIRST_STEP,
        }
    }

    /// Between a load that is met and one that is not: by halves.
    pub(super) const fn between(kind: LoadKind, met: f64, missed: f64) -> Self {
        Self {
            kind,
            start: met,
            met,
            missed,
            step: FIRST_STEP,
        }
    }

    /// The load that it begins with.
    pub(super) const fn start(&self) -> f64 {
        self.start
    }

    const fn has_begun(&self) -> bool {
        self.met > 0.0 || self.missed.is_finite()
    }

    const fn is_closed(&self) -> bool {
        self.met > 0.0 && self.missed.is_finite()
    }

    /// The next load to try; `None` at its end.
    pub(super) fn next(&self) -> Option<f64> {
        if !self.has_begun() {
            return Some(self.start);
        }
        let is_at_end = if self.is_closed() {
            self.missed <= self.met * PRECISION
        } else {
            self.step >= FURTHEST_STEP
        };
        if is_at_end {
            return None;
        }
        let load = if self.is_closed() {
            (self.met * self.missed).sqrt()
        } else if self.met > 0.0 {
            // A whole client more, where loads are whole.
            (self.met * self.step).max(self.met + self.kind.least_step())
        } else {
            (self.missed / self.step).min(self.missed - self.kind.least_step())
        };
        let load = self.kind.rounded(load);
        (load > self.met && load < self.missed).then_some(load)
    }

    /// Goes on from a load that was tried.
    pub(super) fn take(&mut self, load: f64, is_met: bool) {
        if self.has_begun() && !self.is_closed() {
            self.step *= self.step;
        }
        if is_met {
            self.met = load;
        } else {
            self.missed = load;
        }
    }

    /// Its two ends if all loads up to this one are met, and none above.
    pub(super) fn ends(mut self, capacity: f64) -> (f64, f64) {
        while let Some(load) = self.next() {
            self.take(load, load <= capacity);
        }
        (self.met, self.missed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    /// So that any load of one walk may be tried in any other: what it tells moves no end.
    #[test]
    fn the_ends_share_all_loads_out_and_no_load_that_is_tried_lies_between_two_of_them() {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(5);
        for round in 0..2_000 {
            let kind = [LoadKind::Rate, LoadKind::Users][round % 2];
            let start = 10.0_f64.powf(random.random_range(-1.0..3.0));
            let walk = if random.random() {
                LoadWalk::around(kind, start)
            } else {
                LoadWalk::between(kind, kind.rounded(start), kind.rounded(start) * 2.0)
            };
            let ends_near =
                |random: &mut Xoshiro256PlusPlus| walk.ends(start * 10.0_f64.powf(random.random_range(-1.0..1.0)));
            let (one, other) = (ends_near(&mut random), ends_near(&mut random));
            let is_apart = one.1 <= other.0 || other.1 <= one.0;
            assert!(one == other || is_apart, "{one:?} and {other:?} of {walk:?}");
            let mut going = walk;
            while let Some(load) = going.next() {
                assert!(load <= other.0 || load >= other.1, "{load} is within {other:?}");
                going.take(load, load <= one.0);
            }
            assert_eq!(walk.ends(one.0), one, "a lower end is met itself");
        }
    }
}
