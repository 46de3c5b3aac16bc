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
    /// Usage in whole multiples of each pool's `1 << coarseness` blocks: in blocks, or in parts of [`WHOLE`] of a
    /// server's own where servers are unlike.
    rounded: TimeWeighted,
    /// Memory to work with.
    taken: Vec<u64>,
}

/// Used blocks of servers that are alike.
#[derive(Clone, Debug)]
struct UsedInPool {
    usable_blocks: u32,
    /// Rounding is by at most 0.05 % of the capacity.
    coarseness: u32,
    /// Exact: [block * ps].
    integral: u128,
    max: u64,
}

/// All blocks of a server, where servers have unlike numbers of them: more than any has.
const WHOLE: u64 = 1 << 40;

/// So many blocks of a server of a pool, as they are held.
fn held(pools: &[UsedInPool], place: usize, blocks: u64) -> u64 {
    match pools {
        [_] => blocks,
        pools => (u128::from(blocks) * u128::from(WHOLE) / u128::from(pools[place].usable_blocks.max(1))) as u64,
    }
}

impl UsedInPool {
    fn fraction(&self, blocks: f64) -> f64 {
        blocks / f64::from(self.usable_blocks.max(1))
    }

    /// A number of blocks to the nearest multiple.
    #[inline]
    const fn nearest_multiple(&self, blocks: u64) -> u64 {
        (blocks + self.half()) >> self.coarseness << self.coarseness
    }

    const fn half(&self) -> u64 {
        (1 << self.coarseness) / 2
    }
}

impl UsedBlocks {
    /// Servers with so many blocks that can hold tokens, in the order of the pools.
    pub(super) fn new(usable_blocks: Vec<u32>) -> Self {
        let pool = |usable_blocks: u32| UsedInPool {
            usable_blocks,
            coarseness: (usable_blocks / 1_000).checked_ilog2().unwrap_or(0),
            integral: 0,
            max: 0,
        };
        Self {
            pools: usable_blocks.into_iter().map(pool).collect(),
            rounded: TimeWeighted::default(),
            taken: Vec::new(),
        }
    }

    /// Steps of a server of this pool have ended that used these blocks.
    #[inline(always)]
    pub(super) fn ran(&mut self, place: usize, run: &StepRun<'_>, kv: &KvOverRun) {
        let pool = &mut self.pools[place];
        pool.max = pool.max.max(kv.most);
        pool.integral += kv.used;
        let first = pool.nearest_multiple(run.kv.used.into());
        if run.kv.may_fall() {
            return self.hold_each_step(place, run);
        }
        if first == pool.nearest_multiple(kv.last) {
            self.rounded.hold(held(&self.pools, place, first), run.takes.picos());
        } else {
            self.hold_in_parts(place, run);
        }
    }

    /// Nothing was in use for the rest of a run that took so long.
    pub(super) fn fill_up(&mut self, run_picos: u128) {
        let mut idle = run_picos - self.rounded.picos();
        // That of many servers may not fit.
        while let Some(left) = idle.checked_sub(u128::from(u64::MAX)) {
            self.rounded.hold(0, u64::MAX);
            idle = left;
        }
        self.rounded.hold(0, idle as u64);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.pools.iter_mut().zip(&other.pools) {
            mine.usable_blocks = mine.usable_blocks.max(theirs.usable_blocks);
            mine.integral += theirs.integral;
            mine.max = mine.max.max(theirs.max);
        }
        self.rounded.merge(&other.rounded);
    }

    /// The mean over time as a fraction of the usable blocks.
    pub(super) fn mean(&self) -> Option<f64> {
        let picos = self.rounded.picos();
        let of_pool = |pool: &UsedInPool| pool.fraction(pool.integral as f64 / picos as f64);
        (picos > 0).then(|| self.pools.iter().map(of_pool).sum())
    }

    /// A quantile over time as a fraction of the usable blocks, within 0.1 % of them.
    pub(super) fn quantile(&self, per_mille: u32) -> Option<f64> {
        let used = self.rounded.quantile(per_mille)?;
        Some(match &self.pools[..] {
            [alike] => alike.fraction(used.min(alike.max) as f64),
            _ => used as f64 / WHOLE as f64,
        })
    }

    /// The most blocks in use, as a fraction of the usable ones of the same server.
    pub(super) fn max(&self) -> Option<f64> {
        let most = self.pools.iter().map(|pool| pool.fraction(pool.max as f64));
        most.reduce(f64::max).filter(|_| self.rounded.picos() > 0)
    }

    /// Steps one by one: usage rises and falls.
    fn hold_each_step(&mut self, place: usize, run: &StepRun<'_>) {
        let (mut picos, growth) = (run.ramp.first.picos(), run.ramp.growth.picos());
        for (used, _) in run.kv.each_step(run.steps) {
            let multiple = self.pools[place].nearest_multiple(used);
            self.rounded.hold(held(&self.pools, place, multiple), picos);
            picos += growth;
        }
    }

    /// Steps in parts, each of which uses as many blocks to the nearest multiple: where runs of steps are cut does not
    /// matter.
    fn hold_in_parts(&mut self, place: usize, run: &StepRun<'_>) {
        let mut by_place = std::mem::take(&mut self.taken);
        let taken = TakenInCycle::of(&run.kv, &mut by_place);
        let used = u64::from(run.kv.used);
        let (mut step, mut ramp) = (0, run.ramp);
        while step < run.steps {
            let pool = &self.pools[place];
            let multiple = pool.nearest_multiple(used + taken.before(step));
            let beyond = multiple + (1 << pool.coarseness) - pool.half();
            let until = taken.first_step_with(beyond - used).min(run.steps);
            self.rounded
                .hold(held(&self.pools, place, multiple), ramp.total(until - step).picos());
            ramp.first = ramp.step(until - step);
            step = until;
        }
        self.taken = by_place;
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

    /// The first step by whose start at least so many blocks, one or more, are taken.
    fn first_step_with(&self, blocks: u64) -> u64 {
        let Some(cycles) = (blocks - 1).checked_div(self.per_cycle()) else {
            return u64::MAX;
        };
        let rest = blocks - cycles * self.per_cycle();
        let place = self.by_place.partition_point(|&taken| taken < rest) as u64;
        cycles * self.by_place.len() as u64 + place + 1
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

    const SHAPE: StepShape = StepShape {
        decoding: 0,
        context: 0,
        prefill: 0,
        prefill_context: 0,
        prefill_attention: 0,
        sequences: 0,
        sampling: 0,
        verifying: 0,
    };

    /// So many steps of 1,000 picoseconds and more, the first of which uses `used` blocks.
    fn run(due: &[u32], used: u32, steps: u64) -> StepRun<'_> {
        let ramp = Ramp {
            first: Span::from_picos(1_000),
            growth: Span::from_picos(3),
            len: steps,
        };
        StepRun {
            start: Time::ZERO,
            steps,
            ramp,
            takes: ramp.total(steps),
            shape: &SHAPE,
            streaming: 0,
            kv: KvGrowth {
                used,
                empty: 100_000,
                fills: due.iter().sum(),
                due,
                phase: 1,
                ..KvGrowth::constant(0, 0)
            },
        }
    }

    /// Those of `steps` steps of a run after its first `before` steps.
    fn part<'a>(run: &StepRun<'a>, before: u64, steps: u64) -> StepRun<'a> {
        let ramp = run.ramp.after(before);
        let (used, empty) = run.kv.at(before);
        StepRun {
            start: run.start + run.ramp.total(before),
            steps,
            ramp,
            takes: ramp.total(steps),
            kv: KvGrowth {
                used: used as u32,
                empty,
                phase: (run.kv.phase + before as usize) % run.kv.due.len(),
                ..run.kv
            },
            ..*run
        }
    }

    fn usage_of(usable: u32, runs: &[StepRun<'_>]) -> UsedBlocks {
        let mut usage = UsedBlocks::new(vec![usable]);
        for run in runs {
            let kv = run.kv.over(run.ramp.first, run.ramp.growth, run.steps);
            usage.ran(0, run, &kv);
        }
        usage
    }

    const CASES: [([u32; 4], u32); 4] = [
        ([1, 0, 2, 0], 40_000),
        ([9, 9, 9, 9], 40_000),
        ([0, 0, 0, 200], 40_000),
        ([0, 5, 0, 0], 300),
    ];

    #[test]
    fn rounding_keeps_within_a_thousandth_of_the_capacity() {
        for (due, usable) in CASES {
            let run = run(&due, 17, 500);
            let usage = usage_of(usable, &[run]);
            let mut by_step = TimeWeighted::default();
            for step in 0..500 {
                by_step.hold(run.kv.used_at(step), run.ramp.step(step).picos());
            }
            assert_eq!(usage.pools[0].integral, by_step.integral());
            assert_eq!(Some(usage.pools[0].max), by_step.max());
            assert_eq!(usage.rounded.picos(), by_step.picos());
            for per_mille in [10, 500, 990] {
                let difference = usage
                    .rounded
                    .quantile(per_mille)
                    .unwrap()
                    .abs_diff(by_step.quantile(per_mille).unwrap());
                assert!(difference * 1_000 <= u64::from(usable), "{difference}");
            }
        }
    }

    #[test]
    fn where_runs_of_steps_are_cut_does_not_matter() {
        for (due, usable) in CASES {
            let whole = run(&due, 17, 500);
            let uncut = usage_of(usable, &[whole]);
            for cut in [1, 2, 3, 4, 100, 251, 499] {
                let parts = [part(&whole, 0, cut), part(&whole, cut, 500 - cut)];
                let cut = usage_of(usable, &parts);
                let exact = |usage: &UsedBlocks| (usage.pools[0].integral, usage.pools[0].max);
                assert_eq!(exact(&cut), exact(&uncut));
                for per_mille in 1..1_000 {
                    assert_eq!(cut.quantile(per_mille), uncut.quantile(per_mille));
                }
            }
        }
    }
}
