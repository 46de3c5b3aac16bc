//! How the used blocks, and the tokens in them, grow over a run of decode steps.

use crate::units::Span;

/// Used blocks during each step of a run in which every holder's context grows by one token a step.
#[derive(Clone, Copy, Debug)]
pub struct KvGrowth<'a> {
    /// Blocks in use during the first step.
    pub used: u32,
    /// Slots of these blocks without a token, those that the first step computes counted as tokens.
    pub empty: u64,
    /// Slots that each later step fills.
    pub fills: u32,
    /// `due[c]`: how many holders take a new block in a step whose number is `c` modulo the block size. Empty: nothing grows.
    pub due: &'a [u32],
    /// The first step's number modulo the block size.
    pub phase: usize,
}

impl KvGrowth<'_> {
    /// Blocks that stay as they are, with so many slots that no token fills.
    pub const fn constant(used: u32, empty: u64) -> KvGrowth<'static> {
        KvGrowth {
            used,
            empty,
            fills: 0,
            due: &[],
            phase: 0,
        }
    }

    /// Blocks taken by all holders in a full cycle of `block_size` steps; every holder takes one.
    pub fn per_cycle(&self) -> u64 {
        self.due.iter().map(|&due| u64::from(due)).sum()
    }

    /// Blocks in use during step `j` (from 0).
    pub fn used_at(&self, j: u64) -> u64 {
        let cycle = self.due.len() as u64;
        if cycle == 0 {
            return u64::from(self.used);
        }
        let rest: u64 = self.takes().take((j % cycle) as usize).map(u64::from).sum();
        let cycles = j / cycle;
        let taken_in_cycles = if cycles == 0 {
            0
        } else {
            cycles * self.per_cycle()
        };
        u64::from(self.used) + taken_in_cycles + rest
    }

    /// Slots of the used blocks without a token during step `j` (from 0).
    pub fn empty_at(&self, j: u64) -> u64 {
        let block_tokens = self.due.len() as u64;
        let taken = self.used_at(j) - u64::from(self.used);
        self.empty + taken * block_tokens - j * u64::from(self.fills)
    }

    /// Slots without a token times how long they were so, summed over `steps` steps of which step `j` takes `first + j * growth`, when
    /// [`KvGrowth::integral`] of these is `used` [slot * ps].
    pub fn empty_integral(&self, first: Span, growth: Span, steps: u64, used: u128) -> u128 {
        let (first, growth) = (u128::from(first.picos()), u128::from(growth.picos()));
        let (linear, squares) = sums_below(steps);
        let all = u128::from(steps) * first + growth * linear;
        let taken = used - u128::from(self.used) * all;
        let filled = u128::from(self.fills) * (first * linear + growth * squares);
        u128::from(self.empty) * all + self.due.len() as u128 * taken - filled
    }

    /// Used blocks times how long they were used, summed over `steps` steps of which step `j` takes `first + j * growth` [block * ps].
    /// Costs no more than a cycle of the block size, however many the steps.
    pub fn integral(&self, first: Span, growth: Span, steps: u64) -> u128 {
        let times = Times {
            first: first.picos().into(),
            growth: growth.picos().into(),
        };
        let all = times.of_first(steps.into());
        let mut integral = u128::from(self.used) * all;
        if self.due.is_empty() || steps < 2 {
            return integral;
        }
        // Blocks are taken at the starts of steps 1, 2, ... steps - 1, and stay to the end of the run.
        let cycle = self.due.len() as u64;
        let (cycles, rest) = ((steps - 1) / cycle, (steps - 1) % cycle);
        if cycles > 0 {
            integral += self.integral_of_cycles(&times, all, cycles.into());
        }
        let whole = cycles * cycle;
        let mut left = all - times.of_first(whole.into());
        for (step, due) in (whole..).zip(self.takes().take(rest as usize)) {
            left -= times.first + times.growth * u128::from(step);
            integral += u128::from(due) * left;
        }
        integral
    }

    /// The part of the integral that is due to the blocks taken in whole cycles, of a run that takes `all` picoseconds.
    fn integral_of_cycles(&self, times: &Times, all: u128, cycles: u128) -> u128 {
        let cycle = self.due.len() as u128;
        // Blocks by their place r = 1, 2, ... in the cycle: sums of due, due * r, due * r^2.
        let (mut due_sum, mut due_places, mut due_squares) = (0_u64, 0_u64, 0_u64);
        for (place, due) in (1..).zip(self.takes()) {
            let due = u64::from(due);
            due_sum += due;
            due_places += due * place;
            due_squares += due * place * place;
        }
        let [due_sum, due_places, due_squares] = [due_sum, due_places, due_squares].map(u128::from);
        // Blocks are taken in steps i = r + cycle * m: sums over m < cycles of m and m^2, and from them of due * i and due * i^2.
        let linear = cycles * (cycles - 1) / 2;
        let quadratic = linear * (2 * cycles - 1) / 3;
        let steps = cycles * due_places + cycle * linear * due_sum;
        let squares = cycles * due_squares
            + 2 * cycle * linear * due_places
            + cycle * cycle * quadratic * due_sum;
        cycles * due_sum * all - times.first * steps - times.growth * ((squares - steps) / 2)
    }

    /// How many blocks are taken in step 1, 2, ... up to a full cycle.
    fn takes(&self) -> impl Iterator<Item = u32> {
        let (until, from) = self.due.split_at((self.phase + 1).min(self.due.len()));
        from.iter().chain(until).copied()
    }
}

/// The sums of j and of j^2 over all j below `count`.
fn sums_below(count: u64) -> (u128, u128) {
    // A division of 128 bits costs more than all the rest.
    if count < 1 << 20 {
        let linear = count * count.saturating_sub(1) / 2;
        return (
            linear.into(),
            (linear * (2 * count).saturating_sub(1) / 3).into(),
        );
    }
    let count = u128::from(count);
    let linear = count * (count - 1) / 2;
    (linear, linear * (2 * count - 1) / 3)
}

/// Step times that grow evenly [ps].
struct Times {
    first: u128,
    growth: u128,
}

impl Times {
    /// The time of the first `steps` steps together.
    const fn of_first(&self, steps: u128) -> u128 {
        steps * self.first + self.growth * (steps * steps.saturating_sub(1) / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_integral_is_the_sum_over_the_steps() {
        let due = [3, 0, 1, 4, 0];
        for phase in 0..due.len() {
            for (first, growth) in [(0, 0), (7, 0), (7, 2), (0, 1)] {
                let blocks = KvGrowth {
                    used: 11,
                    empty: 700,
                    fills: 8,
                    due: &due,
                    phase,
                };
                let (mut sum, mut empty) = (0, 0);
                for steps in 0..40 {
                    let times = (Span::from_picos(first), Span::from_picos(growth));
                    let integral = blocks.integral(times.0, times.1, steps);
                    assert_eq!(integral, sum);
                    assert_eq!(blocks.empty_integral(times.0, times.1, steps, sum), empty);
                    let takes = u128::from(first + growth * steps);
                    sum += u128::from(blocks.used_at(steps)) * takes;
                    empty += u128::from(blocks.empty_at(steps)) * takes;
                }
            }
        }
    }

    #[test]
    fn constant_usage_is_used_all_the_time() {
        let integral =
            KvGrowth::constant(5, 0).integral(Span::from_picos(10), Span::from_picos(1), 3);
        assert_eq!(integral, 5 * (10 + 11 + 12));
    }
}
