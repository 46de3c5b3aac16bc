//! How many KV blocks are in use, over time.

use crate::engine::StepRun;
use crate::kv::{KvGrowth, KvOverRun};
use crate::stats::TimeWeighted;

/// Used blocks during steps. Outside of steps nothing runs and no block is in use, as no policy holds blocks while the
/// server idles and waiting requests hold none; that time is added at the end by [`UsedBlocks::fill_up`].
#[derive(Clone, Debug)]
pub(super) struct UsedBlocks {
    /// Of servers of each pool.
    pools: Vec<UsedInPool>,
    /// Usage in pieces of time in which it grows by at most 0.1 % of the capacity, each with its middle value: in
    /// blocks, or in parts of [`WHOLE`] of a server's own where servers are unlike.
    pieces: TimeWeighted,
    /// Memory to work with.
    taken: Vec<u64>,
}

/// Used blocks of servers that are alike.
#[derive(Clone, Debug)]
struct UsedInPool {
    usable_blocks: u32,
    /// Exact: [block * ps].
    integral: u128,
    max: u64,
}

/// So many blocks of a server, as pieces have them.
fn piece(pools: &[UsedInPool], place: usize, blocks: u64) -> u64 {
    match pools {
        [_] => blocks,
        pools => (u128::from(blocks) * u128::from(WHOLE) / u128::from(pools[place].usable_blocks.max(1))) as u64,
    }
}

/// All blocks of a server, where servers have unlike numbers of them: more than any has.
const WHOLE: u64 = 1 << 40;

impl UsedInPool {
    fn fraction(&self, blocks: f64) -> f64 {
        blocks / f64::from(self.usable_blocks.max(1))
    }
}

impl UsedBlocks {
    /// Servers with so many blocks that can hold tokens, in the order of the pools.
    pub(super) fn new(usable_blocks: Vec<u32>) -> Self {
        let pool = |usable_blocks| UsedInPool {
            usable_blocks,
            integral: 0,
            max: 0,
        };
        Self {
            pools: usable_blocks.into_iter().map(pool).collect(),
            pieces: TimeWeighted::default(),
            taken: Vec::new(),
        }
    }

    /// Steps of a server of this pool have ended that used these blocks.
    #[inline(always)]
    pub(super) fn ran(&mut self, place: usize, run: &StepRun<'_>, kv: &KvOverRun) {
        let pool = &mut self.pools[place];
        pool.max = pool.max.max(kv.last);
        pool.integral += kv.used;
        let first = u64::from(run.kv.used);
        if kv.last - first <= self.coarseness(place) {
            let middle = u64::midpoint(first, kv.last);
            self.pieces.hold(piece(&self.pools, place, middle), run.takes.picos());
        } else {
            self.hold_in_pieces(place, *run);
        }
    }

    /// Nothing was in use for the rest of a run that took so long.
    pub(super) fn fill_up(&mut self, run_picos: u128) {
        let mut idle = run_picos - self.pieces.picos();
        // That of many servers may not fit.
        while let Some(left) = idle.checked_sub(u128::from(u64::MAX)) {
            self.pieces.hold(0, u64::MAX);
            idle = left;
        }
        self.pieces.hold(0, idle as u64);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.pools.iter_mut().zip(&other.pools) {
            mine.usable_blocks = mine.usable_blocks.max(theirs.usable_blocks);
            mine.integral += theirs.integral;
            mine.max = mine.max.max(theirs.max);
        }
        self.pieces.merge(&other.pieces);
    }

    /// The mean over time as a fraction of the usable blocks.
    pub(super) fn mean(&self) -> Option<f64> {
        let picos = self.pieces.picos();
        let of_pool = |pool: &UsedInPool| pool.fraction(pool.integral as f64 / picos as f64);
        (picos > 0).then(|| self.pools.iter().map(of_pool).sum())
    }

    /// A quantile over time as a fraction of the usable blocks, within 0.1 % of them.
    pub(super) fn quantile(&self, per_mille: u32) -> Option<f64> {
        let used = self.pieces.quantile(per_mille)? as f64;
        Some(match &self.pools[..] {
            [alike] => alike.fraction(used),
            _ => used / WHOLE as f64,
        })
    }

    /// The most blocks in use, as a fraction of the usable ones of the same server.
    pub(super) fn max(&self) -> Option<f64> {
        let most = self.pools.iter().map(|pool| pool.fraction(pool.max as f64));
        most.reduce(f64::max).filter(|_| self.pieces.picos() > 0)
    }

    /// By how many blocks usage may grow within a piece.
    fn coarseness(&self, place: usize) -> u64 {
        u64::from(self.pools[place].usable_blocks / 1_000)
    }

    fn hold_in_pieces(&mut self, place: usize, run: StepRun<'_>) {
        let coarseness = self.coarseness(place);
        let taken = TakenInCycle::of(&run.kv, &mut self.taken);
        let used_at = |step| u64::from(run.kv.used) + taken.before(step);
        let longest = taken.steps_of(coarseness);
        let (mut step, mut ramp) = (0, run.ramp);
        while step < run.steps {
            let first = used_at(step);
            let mut steps = longest.min(run.steps - step);
            let mut last = used_at(step + steps - 1);
            // Requests may take their blocks all in one step, so that a part of a cycle takes more than its share.
            while steps > 1 && last - first > coarseness {
                steps /= 2;
                last = used_at(step + steps - 1);
            }
            let middle = u64::midpoint(first, last);
            let used = piece(&self.pools, place, middle);
            self.pieces.hold(used, ramp.total(steps).picos());
            step += steps;
            ramp.first = ramp.step(steps);
        }
    }
}

/// Blocks taken since the first step of a run.
struct TakenInCycle<'a> {
    /// In steps 1, 2, ... up to a full cycle of the block size, together.
    by_place: &'a [u64],
}

impl<'a> TakenInCycle<'a> {
    fn of(kv: &KvGrowth<'_>, by_place: &'a mut Vec<u64>) -> Self {
        by_place.clear();
        let (until, from) = kv.due.split_at(kv.phase + 1);
        let mut sum = 0;
        by_place.extend(from.iter().chain(until).map(|&due| {
            sum += u64::from(due);
            sum
        }));
        Self { by_place }
    }

    /// Up to the start of step `step`, itself included.
    fn before(&self, step: u64) -> u64 {
        let cycle = self.by_place.len() as u64;
        let rest = match step % cycle {
            0 => 0,
            place => self.by_place[place as usize - 1],
        };
        step / cycle * self.per_cycle() + rest
    }

    /// How many steps, at least one, take that many blocks if all take the same.
    fn steps_of(&self, blocks: u64) -> u64 {
        (blocks * self.by_place.len() as u64 / self.per_cycle().max(1)).max(1)
    }

    fn per_cycle(&self) -> u64 {
        self.by_place.last().copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step_time::{Ramp, StepShape};
    use crate::units::{Span, Time};

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
                takes: Span::from_picos((0..500).map(|step| 1_000 + 3 * step).sum()),
                shape: &StepShape::default(),
                streaming: 0,
                kv: KvGrowth {
                    used: 17,
                    empty: 100_000,
                    fills: due.iter().sum(),
                    due: &due,
                    phase: 1,
                },
            };
            let kv = run.kv.over(run.ramp.first, run.ramp.growth, run.steps);
            let mut usage = UsedBlocks::new(vec![usable]);
            usage.ran(0, &run, &kv);
            let mut by_step = TimeWeighted::default();
            for step in 0..500 {
                by_step.hold(run.kv.used_at(step), run.ramp.step(step).picos());
            }
            assert_eq!(usage.pools[0].integral, by_step.integral());
            assert_eq!(Some(usage.pools[0].max), by_step.max());
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
