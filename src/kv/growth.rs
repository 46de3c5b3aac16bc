//! How the number of used blocks grows over a run of decode steps.

use crate::units::Span;

/// Used blocks during each step of a run in which every holder's context grows by one token a step.
#[derive(Clone, Copy, Debug)]
pub struct KvGrowth<'a> {
    /// Blocks in use during the first step.
    pub used: u32,
    /// `due[c]`: how many holders take a new block in a step whose number is `c` modulo the block size. Empty: nothing grows.
    pub due: &'a [u32],
    /// The first step's number modulo the block size.
    pub phase: usize,
}

impl KvGrowth<'_> {
    /// Usage that stays as it is.
    pub const fn constant(used: u32) -> KvGrowth<'static> {
        KvGrowth {
            used,
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
                    due: &due,
                    phase,
                };
                let mut sum = 0;
                for steps in 0..40 {
                    let integral =
                        blocks.integral(Span::from_picos(first), Span::from_picos(growth), steps);
                    assert_eq!(integral, sum);
                    sum += u128::from(blocks.used_at(steps)) * u128::from(first + growth * steps);
                }
            }
        }
    }

    #[test]
    fn constant_usage_is_used_all_the_time() {
        let integral = KvGrowth::constant(5).integral(Span::from_picos(10), Span::from_picos(1), 3);
        assert_eq!(integral, 5 * (10 + 11 + 12));
    }
}
