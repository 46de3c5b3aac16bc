//! Statistics of a step function of time, each value weighted with how long it was held.

use super::histogram::Histogram;

/// Values (of a queue depth, say) and for how long each was held. The mean and the maximum are exact; quantiles are
/// exact below 1,024 and within [`super::RELATIVE_PRECISION`] above. Memory is bounded.
#[derive(Clone, Debug, Default)]
pub struct TimeWeighted {
    histogram: Histogram<u128>,
    integral: u128,
    picos: u128,
    max: u64,
}

impl TimeWeighted {
    /// The function had `value` for `picos` picoseconds. What was held for no time at all does not count.
    #[inline]
    pub fn hold(&mut self, value: u64, picos: u64) {
        if picos == 0 {
            return;
        }
        let picos = u128::from(picos);
        self.histogram.record(value, picos);
        self.integral += u128::from(value) * picos;
        self.picos += picos;
        self.max = self.max.max(value);
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        self.histogram.merge(&other.histogram);
        self.integral += other.integral;
        self.picos += other.picos;
        self.max = self.max.max(other.max);
    }

    /// For how long the function is known [ps].
    pub const fn picos(&self) -> u128 {
        self.picos
    }

    /// The integral of the function over time [value * ps].
    pub const fn integral(&self) -> u128 {
        self.integral
    }

    /// The mean over time; `None` of no time.
    pub fn mean(&self) -> Option<f64> {
        (self.picos > 0).then(|| self.integral as f64 / self.picos as f64)
    }

    /// The greatest value held; `None` of no time.
    pub fn max(&self) -> Option<u64> {
        (self.picos > 0).then_some(self.max)
    }

    /// The least value that was not exceeded for at least `per_mille` thousandths of the time; `None` of no time.
    pub fn quantile(&self, per_mille: u32) -> Option<u64> {
        if self.picos == 0 {
            return None;
        }
        let rank = (self.picos * u128::from(per_mille)).div_ceil(1_000);
        let bucket = self.histogram.at_ranks(&[rank.saturating_sub(1)])[0];
        Some((bucket.low + bucket.width / 2).min(self.max))
    }
}
