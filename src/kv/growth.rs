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
        let rest: u64 = (1..=(j % cycle) as usize)
            .map(|step| u64::from(self.due[(self.phase + step) % self.due.len()]))
            .sum();
        u64::from(self.used) + j / cycle * self.per_cycle() + rest
    }

    /// Used blocks times how long they were used, summed over `steps` steps of which step `j` takes `first + j * growth` [block * ps].
    /// Costs the lesser of the steps and the block size.
    pub fn integral(&self, first: Span, growth: Span, steps: u64) -> u128 {
        let time = Times {
            first: first.picos().into(),
            growth: growth.picos().into(),
        };
        let all = time.of_first(steps.into());
        let cycle = self.due.len() as u64;
        let mut integral = u128::from(self.used) * all;
        // A block taken at the start of step i stays to the end of the run.
        for residue in 1..steps.min(cycle + 1) {
            let due = self.due[(self.phase + residue as usize) % self.due.len()];
            if due > 0 {
                let takes = u128::from((steps - 1 - residue) / cycle + 1);
                let before = time.of_first_summed(residue.into(), cycle.into(), takes);
                integral += u128::from(due) * (takes * all - before);
            }
        }
        integral
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

    /// The sum of `of_first(i)` over `i = start, start + stride, ...`, `count` terms.
    const fn of_first_summed(&self, start: u128, stride: u128, count: u128) -> u128 {
        // Sums of 1, m and m^2 over 0 <= m < count, and from them those of i and i^2 for i = start + m * stride.
        let linear = count * (count - 1) / 2;
        let quadratic = linear * (2 * count - 1) / 3;
        let sum = count * start + stride * linear;
        let squares =
            count * start * start + 2 * start * stride * linear + stride * stride * quadratic;
        self.first * sum + self.growth * ((squares - sum) / 2)
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
