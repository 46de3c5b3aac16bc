//! How the used blocks, and the tokens in them, grow over a run of decode steps.

use std::ops::Range;

use crate::units::Span;

/// Used blocks during each step of a run in which every holder's context grows by one token a step.
#[derive(Clone, Copy, Debug)]
pub struct KvGrowth<'a> {
    /// Blocks in use during the first step.
    pub used: u32,
    /// Slots of these blocks without a token, those that the first step computes counted as tokens.
    pub empty: u64,
    /// Slots that each later step fills: one of each holder.
    pub fills: u32,
    /// `due[c]`: how many holders take new blocks in a step whose number is `c` modulo the block size; all of them
    /// together. Empty: nobody takes any.
    pub due: &'a [u32],
    /// Blocks that each of them takes: one in every group of layers that keeps tokens.
    pub each: u32,
    /// `freed[c]`: blocks that are given back at the start of a step whose number is `c` modulo the block size, as no
    /// later token sees them. Empty: nobody gives any back, and usage never falls within the run.
    pub freed: &'a [u32],
    /// The first step's number modulo the block size.
    pub phase: usize,
}

/// Blocks and empty slots over a run of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KvOverRun {
    /// Blocks in use during the last step.
    pub last: u64,
    /// The most in use during a step.
    pub most: u64,
    /// Used blocks times how long they were used [block * ps].
    pub used: u128,
    /// Slots of the used blocks without a token times how long they were so [slot * ps].
    pub empty: u128,
}

/// Runs of at most so many steps are added up step by step, which then is less work than the closed forms.
const WALKED_STEPS: u64 = 20;

impl KvGrowth<'_> {
    /// Blocks that stay as they are, with so many slots that no token fills.
    pub const fn constant(used: u32, empty: u64) -> KvGrowth<'static> {
        KvGrowth {
            used,
            empty,
            fills: 0,
            due: &[],
            each: 1,
            freed: &[],
            phase: 0,
        }
    }

    /// Whether usage may fall within the run.
    pub const fn may_fall(&self) -> bool {
        !self.freed.is_empty()
    }

    /// Blocks in use during step `j` (from 0), and their slots without a token.
    pub fn at(&self, j: u64) -> (u64, u64) {
        let block_tokens = self.due.len() as u64;
        let taken = self.taken_until(j);
        // What is given back was full.
        let empty = self.empty + taken * block_tokens - j * u64::from(self.fills);
        (u64::from(self.used) + taken - self.freed_until(j), empty)
    }

    /// Blocks in use during each of the first `steps` steps, and their slots without a token.
    pub fn each_step(&self, steps: u64) -> impl Iterator<Item = (u64, u64)> {
        let (mut takes, mut gives) = (self.takes(), self.gives());
        let (mut used, mut empty) = (u64::from(self.used), self.empty);
        (0..steps).map(move |step| {
            if step > 0 {
                let due = takes.next();
                used = used + due - gives.next();
                empty = empty + due * self.due.len() as u64 - u64::from(self.fills);
            }
            (used, empty)
        })
    }

    /// Blocks in use during step `j` (from 0).
    pub fn used_at(&self, j: u64) -> u64 {
        self.at(j).0
    }

    /// Blocks taken at the starts of steps `1..=j`.
    #[inline]
    pub fn taken_until(&self, j: u64) -> u64 {
        let cycle = self.due.len() as u64;
        if j < cycle {
            return self.takes().sum(j);
        }
        // In a cycle every holder takes what it takes once, and fills it.
        j.checked_div(cycle).map_or(0, |cycles| {
            cycles * u64::from(self.fills) + self.takes().sum(j - cycles * cycle)
        })
    }

    /// Blocks given back at the starts of steps `1..=j`.
    pub fn freed_until(&self, j: u64) -> u64 {
        let cycle = self.freed.len() as u64;
        j.checked_div(cycle).map_or(0, |cycles| {
            let a_cycle: u64 = self.freed.iter().map(|&blocks| u64::from(blocks)).sum();
            cycles * a_cycle + self.gives().sum(j - cycles * cycle)
        })
    }

    /// Blocks given back at the start of step `j` (from 0).
    pub fn freed_at(&self, j: u64) -> u32 {
        let cycle = self.freed.len() as u64;
        let place = (self.phase as u64 + j).checked_rem(cycle);
        place.map_or(0, |place| self.freed[place as usize])
    }

    /// Blocks taken at the start of step `j` (from 0).
    pub fn taken_at(&self, j: u64) -> u32 {
        let cycle = self.due.len() as u64;
        let place = (self.phase as u64 + j).checked_rem(cycle);
        place.map_or(0, |place| self.due[place as usize] * self.each)
    }

    /// Blocks and empty slots over `steps` steps, at least one, of which step `j` takes `first + j * growth`. Costs no
    /// more than a cycle of the block size, however many the steps.
    #[inline(always)]
    pub fn over(&self, first: Span, growth: Span, steps: u64) -> KvOverRun {
        if steps == 1 {
            let picos = u128::from(first.picos());
            return KvOverRun {
                last: self.used.into(),
                most: self.used.into(),
                used: u128::from(self.used) * picos,
                empty: u128::from(self.empty) * picos,
            };
        }
        if steps <= WALKED_STEPS || self.may_fall() {
            return self.walk(first.picos(), growth.picos(), steps);
        }
        self.in_closed_form(first, growth, steps)
    }

    /// A block that is taken at the start of step `i` is in use for all of the run but its first `i` steps, which take
    /// `i * first + growth * i * (i - 1) / 2`. So all that is asked of the steps at whose starts blocks are taken is
    /// how many these blocks are, and the sums of their `i` and `i^2`.
    fn in_closed_form(self, first: Span, growth: Span, steps: u64) -> KvOverRun {
        let (first, growth) = (u128::from(first.picos()), u128::from(growth.picos()));
        let (linear, squares) = sums_below(steps);
        let all = u128::from(steps) * first + growth * linear;
        let taken = self.taken_before(steps);
        let not_yet = first * taken.step_sum + growth * ((taken.square_sum - taken.step_sum) / 2);
        let taken_time = taken.blocks * all - not_yet;
        // Step `j` has filled `j` slots of each holder.
        let filled = u128::from(self.fills) * (first * linear + growth * squares);
        let last = u64::from(self.used) + taken.blocks as u64;
        KvOverRun {
            last,
            most: last,
            used: u128::from(self.used) * all + taken_time,
            empty: u128::from(self.empty) * all + self.due.len() as u128 * taken_time - filled,
        }
    }

    /// The blocks that are taken at the starts of steps `1..steps`.
    fn taken_before(&self, steps: u64) -> Taken {
        let cycle = self.due.len() as u64;
        if cycle == 0 {
            return Taken::default();
        }
        let (cycles, rest) = ((steps - 1) / cycle, (steps - 1) % cycle);
        // By their place in the cycle, 1, 2, ...: of those places that come once more at the end, and of a whole cycle.
        let mut takes = self.takes();
        let mut sums = PlaceSums::default();
        sums.add(&mut takes, 1..rest + 1);
        let at_end = sums.taken().later(cycles * cycle);
        if cycles == 0 {
            return at_end;
        }
        sums.add(&mut takes, rest + 1..cycle + 1);
        sums.taken().repeated(cycles, cycle).and(&at_end)
    }

    /// The loop that the closed forms replace.
    fn walk(self, mut picos: u64, growth: u64, steps: u64) -> KvOverRun {
        let (mut used, mut empty) = (u64::from(self.used), self.empty);
        let (mut used_time, mut empty_time, mut most) = (0, 0, 0);
        let (mut takes, mut gives) = (self.takes(), self.gives());
        let mut left = steps;
        loop {
            most = used.max(most);
            used_time += u128::from(used) * u128::from(picos);
            empty_time += u128::from(empty) * u128::from(picos);
            left -= 1;
            if left == 0 {
                break;
            }
            picos += growth;
            let due = takes.next();
            used = used + due - gives.next();
            empty = empty + due * self.due.len() as u64 - u64::from(self.fills);
        }
        KvOverRun {
            last: used,
            most,
            used: used_time,
            empty: empty_time,
        }
    }

    /// How many blocks are taken in step 1, 2, ...
    const fn takes(&self) -> Takes<'_> {
        Takes {
            due: self.due,
            each: self.each as u64,
            place: self.phase,
        }
    }

    /// How many blocks are given back in step 1, 2, ...
    const fn gives(&self) -> Takes<'_> {
        Takes {
            due: self.freed,
            each: 1,
            place: self.phase,
        }
    }
}

/// Goes around the block size for ever.
struct Takes<'a> {
    due: &'a [u32],
    each: u64,
    /// Of the latest step.
    place: usize,
}

impl Takes<'_> {
    #[inline]
    fn next(&mut self) -> u64 {
        self.place += 1;
        if self.place >= self.due.len() {
            self.place = 0;
        }
        self.due.get(self.place).map_or(0, |&due| u64::from(due) * self.each)
    }

    /// The blocks of the next `steps` steps.
    fn sum(mut self, steps: u64) -> u64 {
        (0..steps).map(|_| self.next()).sum()
    }
}

/// Of the blocks that are taken at some places of a cycle: how many, and the sums of their places and of the squares of
/// these. 64 bits hold them: a cycle has at most 2^12 places (`server.block_size`), and there are at most 2^32 blocks.
#[derive(Default)]
struct PlaceSums {
    blocks: u64,
    place_sum: u64,
    square_sum: u64,
}

impl PlaceSums {
    #[inline]
    fn add(&mut self, takes: &mut Takes<'_>, places: Range<u64>) {
        for place in places {
            let due = takes.next();
            self.blocks += due;
            self.place_sum += due * place;
            self.square_sum += due * (place * place);
        }
    }

    fn taken(&self) -> Taken {
        Taken {
            blocks: self.blocks.into(),
            step_sum: self.place_sum.into(),
            square_sum: self.square_sum.into(),
        }
    }
}

/// Blocks that are taken at the starts of steps: how many, and the sums of the steps' numbers and of their squares.
#[derive(Clone, Copy, Default)]
struct Taken {
    blocks: u128,
    step_sum: u128,
    square_sum: u128,
}

impl Taken {
    /// The sums over blocks that are taken `steps` steps later each: `(i + s)^2 = i^2 + 2 s i + s^2`.
    fn later(self, steps: u64) -> Self {
        let steps = u128::from(steps);
        Self {
            blocks: self.blocks,
            step_sum: self.step_sum + steps * self.blocks,
            square_sum: self.square_sum + steps * (2 * self.step_sum + steps * self.blocks),
        }
    }

    /// The sums over blocks that are taken so many times, each time `cycle` steps later: the sum of [`Taken::later`]
    /// over `cycle * m`, `m < times`.
    fn repeated(self, times: u64, cycle: u64) -> Self {
        let (linear, squares) = sums_below(times);
        let (times, cycle) = (u128::from(times), u128::from(cycle));
        Self {
            blocks: times * self.blocks,
            step_sum: times * self.step_sum + cycle * linear * self.blocks,
            square_sum: times * self.square_sum + cycle * (2 * linear * self.step_sum + cycle * squares * self.blocks),
        }
    }

    fn and(self, other: &Self) -> Self {
        Self {
            blocks: self.blocks + other.blocks,
            step_sum: self.step_sum + other.step_sum,
            square_sum: self.square_sum + other.square_sum,
        }
    }
}

/// The sums of j and of j^2 over all j below `count`.
fn sums_below(count: u64) -> (u128, u128) {
    // A division of 128 bits costs more than all the rest.
    if count < 1 << 20 {
        let linear = count * count.saturating_sub(1) / 2;
        return (linear.into(), (linear * (2 * count).saturating_sub(1) / 3).into());
    }
    let count = u128::from(count);
    let linear = count * (count - 1) / 2;
    (linear, linear * (2 * count - 1) / 3)
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::stats::streams::stream;

    #[test]
    fn large_blocks_and_long_runs_are_walked_to_the_same_end() {
        let mut random = stream(1, "growth");
        for cycle in [16, 1_000, 4_096] {
            let due: Vec<u32> = (0..cycle).map(|_| random.random_range(0..40)).collect();
            for steps in [21, cycle as u64, 9_000] {
                let blocks = KvGrowth {
                    used: 1_000_000,
                    empty: 1 << 40,
                    fills: due.iter().sum(),
                    due: &due,
                    phase: random.random_range(0..cycle),
                    ..KvGrowth::constant(0, 0)
                };
                let [first, growth] = [random.random::<u64>() >> 24, random.random::<u64>() >> 40];
                let walked = blocks.walk(first, growth, steps);
                let [first, growth] = [first, growth].map(Span::from_picos);
                assert_eq!(blocks.in_closed_form(first, growth, steps), walked);
                let taken = (1..steps).map(|step| u64::from(blocks.taken_at(step)));
                assert_eq!(u64::from(blocks.used) + taken.sum::<u64>(), walked.last);
            }
        }
    }

    #[test]
    fn sums_of_squares_are_the_same_however_they_are_computed() {
        for count in [0, 1, (1 << 20) - 1, 1 << 20, 1 << 31] {
            let wide = u128::from(count);
            let linear = wide * wide.saturating_sub(1) / 2;
            let squares = linear * (2 * wide).saturating_sub(1) / 3;
            assert_eq!(sums_below(count), (linear, squares));
        }
    }

    #[test]
    fn closed_forms_are_the_sums_over_the_steps() {
        for due in [&[3, 0, 1, 4, 0][..], &[2], &[]] {
            for phase in 0..due.len().max(1) {
                for (first, growth) in [(0, 0), (7, 0), (7, 2), (0, 1)] {
                    let blocks = KvGrowth {
                        used: 11,
                        empty: 2_000,
                        fills: 3 * due.iter().sum::<u32>(),
                        due,
                        each: 3,
                        phase,
                        ..KvGrowth::constant(0, 0)
                    };
                    let (mut used, mut empty) = (0, 0);
                    for step in 0..60 {
                        let picos = u128::from(first + growth * step);
                        let at = blocks.at(step);
                        used += u128::from(at.0) * picos;
                        empty += u128::from(at.1) * picos;
                        let over = KvOverRun {
                            last: at.0,
                            most: at.0,
                            used,
                            empty,
                        };
                        let steps = step + 1;
                        assert_eq!(blocks.walk(first, growth, steps), over);
                        let times = (Span::from_picos(first), Span::from_picos(growth));
                        assert_eq!(blocks.in_closed_form(times.0, times.1, steps), over);
                        assert_eq!(blocks.over(times.0, times.1, steps), over);
                    }
                }
            }
        }
    }

    #[test]
    fn usage_falls_where_more_is_given_back_than_taken() {
        let (due, freed) = ([2, 0, 1], [0, 4, 1]);
        for phase in 0..3 {
            let blocks = KvGrowth {
                used: 100,
                empty: 900,
                fills: 6,
                due: &due,
                each: 2,
                freed: &freed,
                phase,
            };
            let (mut used, mut empty) = (100, 900);
            let mut over = blocks.over(Span::from_picos(7), Span::ZERO, 1);
            for (step, told) in blocks.each_step(40).enumerate() {
                if step > 0 {
                    let place = (phase + step) % 3;
                    used = used + 2 * u64::from(due[place]) - u64::from(freed[place]);
                    empty = empty + 6 * u64::from(due[place]) - 6;
                    over.used += u128::from(used) * 7;
                    over.empty += u128::from(empty) * 7;
                    (over.last, over.most) = (used, over.most.max(used));
                }
                assert_eq!(told, (used, empty));
                assert_eq!(blocks.at(step as u64), told);
                assert_eq!(blocks.over(Span::from_picos(7), Span::ZERO, step as u64 + 1), over);
            }
        }
    }
}
