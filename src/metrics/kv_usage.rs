//! Used KV blocks over time.

use crate::engine::StepRun;
use crate::stats::TimeWeighted;
use crate::units::Span;

/// Used blocks during steps. Outside of steps nothing runs and no block is in use, as no policy holds blocks while the server idles and
/// waiting requests hold none; that time is added at the end by [`KvUsage::pass_idle`].
#[derive(Clone, Debug)]
pub(super) struct KvUsage {
    usable_blocks: u32,
    /// Exact: [block * ps].
    integral: u128,
    max: u64,
    /// Usage in pieces of time in which it grows by at most half of 0.1 % of the capacity, each with its middle value.
    pieces: TimeWeighted,
}

/// Blocks used during a run of steps.
#[derive(Clone, Copy, Debug)]
pub(super) struct BlocksOfRun {
    /// Times how long they were used [block * ps].
    pub(super) integral: u128,
    /// Those of the last step, the most of all.
    pub(super) last: u64,
}

impl KvUsage {
    pub(super) fn new(usable_blocks: u32) -> Self {
        Self {
            usable_blocks,
            integral: 0,
            max: 0,
            pieces: TimeWeighted::default(),
        }
    }

    /// A run of steps took `all` in total.
    pub(super) fn ran(&mut self, run: &StepRun<'_>, all: Span) -> BlocksOfRun {
        let first = u64::from(run.kv.used);
        let last = if run.steps == 1 {
            first
        } else {
            run.kv.used_at(run.steps - 1)
        };
        self.max = self.max.max(last);
        if first == last {
            let integral = u128::from(first) * u128::from(all.picos());
            self.integral += integral;
            self.pieces.hold(first, all.picos());
            return BlocksOfRun { integral, last };
        }
        let integral = run.kv.integral(run.ramp.first, run.ramp.growth, run.steps);
        self.integral += integral;
        if last - first <= self.coarseness() {
            self.pieces.hold(u64::midpoint(first, last), all.picos());
        } else {
            self.hold_in_pieces(run);
        }
        BlocksOfRun { integral, last }
    }

    /// Nothing was in use for `span`.
    pub(super) fn pass_idle(&mut self, span: Span) {
        self.pieces.hold(0, span.picos());
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.usable_blocks = self.usable_blocks.max(other.usable_blocks);
        self.integral += other.integral;
        self.max = self.max.max(other.max);
        self.pieces.merge(&other.pieces);
    }

    /// The mean over time as a fraction of the usable blocks.
    pub(super) fn mean(&self) -> Option<f64> {
        (self.pieces.picos() > 0)
            .then(|| self.fraction(self.integral as f64 / self.pieces.picos() as f64))
    }

    /// A quantile over time as a fraction of the usable blocks, within 0.1 % of them.
    pub(super) fn quantile(&self, per_mille: u32) -> Option<f64> {
        let blocks = self.pieces.quantile(per_mille)?;
        Some(self.fraction(blocks as f64))
    }

    /// The most blocks in use, as a fraction of the usable ones.
    pub(super) fn max(&self) -> Option<f64> {
        (self.pieces.picos() > 0).then(|| self.fraction(self.max as f64))
    }

    fn fraction(&self, blocks: f64) -> f64 {
        blocks / f64::from(self.usable_blocks.max(1))
    }

    /// By how many blocks usage may grow within a piece.
    fn coarseness(&self) -> u64 {
        u64::from(self.usable_blocks / 2_000)
    }

    fn hold_in_pieces(&mut self, run: &StepRun<'_>) {
        let cycle = run.kv.due.len() as u64;
        let per_cycle = run.kv.per_cycle().max(1);
        // As many whole cycles a piece as keep it narrow; where a single cycle is too wide, single steps.
        let stride = (self.coarseness() / per_cycle * cycle).max(1);
        let (mut step, mut ramp, mut used) = (0, run.ramp, u64::from(run.kv.used));
        while step < run.steps {
            let steps = stride.min(run.steps - step);
            let grown = if stride == 1 {
                u64::from(run.kv.due[(run.kv.phase + step as usize + 1) % run.kv.due.len()])
            } else {
                stride / cycle * per_cycle
            };
            let middle = if stride == 1 { used } else { used + grown / 2 };
            self.pieces.hold(middle, ramp.total(steps).picos());
            step += steps;
            used += grown;
            ramp.first = ramp.step(steps);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kv::KvGrowth;
    use crate::step_time::{Ramp, StepShape};
    use crate::units::Time;

    #[test]
    fn pieces_keep_within_a_thousandth_of_the_capacity() {
        for (due, usable) in [
            (vec![1, 0, 2, 0], 40_000),
            (vec![9, 9, 9, 9], 40_000),
            (vec![0, 5], 300),
        ] {
            let run = StepRun {
                start: Time::ZERO,
                steps: 500,
                ramp: Ramp {
                    first: Span::from_picos(1_000),
                    growth: Span::from_picos(3),
                    len: 500,
                },
                takes: Span::ZERO,
                shape: StepShape::default(),
                streaming: 0,
                kv: KvGrowth {
                    used: 17,
                    empty: 0,
                    fills: 0,
                    due: &due,
                    phase: 1,
                },
            };
            let all = run.ramp.total(run.steps);
            let mut usage = KvUsage::new(usable);
            usage.ran(&run, all);
            let mut by_step = TimeWeighted::default();
            for step in 0..500 {
                by_step.hold(run.kv.used_at(step), run.ramp.step(step).picos());
            }
            assert_eq!(usage.integral, by_step.integral());
            assert_eq!(Some(usage.max), by_step.max());
            assert_eq!(usage.pieces.picos(), by_step.picos());
            for per_mille in [10, 500, 990] {
                let difference = usage
                    .pieces
                    .quantile(per_mille)
                    .unwrap()
                    .abs_diff(by_step.quantile(per_mille).unwrap());
                assert!(difference * 1_000 <= u64::from(usable), "{difference}");
            }
        }
    }
}
