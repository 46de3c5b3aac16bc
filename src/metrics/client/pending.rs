//! Values on their way into a distribution.

use crate::stats::Distribution;

/// Collects values until they are worth adding up together.
#[derive(Clone, Debug, Default)]
pub(super) struct Pending {
    distribution: Distribution,
    values: Vec<u64>,
}

/// 2 KiB, so that those of all latencies stay in the processor's first cache.
const ADDED_TOGETHER: usize = 256;

impl Pending {
    #[inline]
    pub(super) fn record(&mut self, value: u64) {
        self.values.push(value);
        if self.values.len() == ADDED_TOGETHER {
            self.add_up();
        }
    }

    /// Records a value so many times: each counts as a sample of its own where few are kept as they are.
    pub(super) fn record_often(&mut self, value: u64, times: u32) {
        let mut left = times as usize;
        while left > 0 {
            let taken = left.min(ADDED_TOGETHER - self.values.len());
            self.values.resize(self.values.len() + taken, value);
            left -= taken;
            if self.values.len() == ADDED_TOGETHER {
                self.add_up();
            }
        }
    }

    /// The distribution of all values.
    pub(super) fn finish(mut self) -> Distribution {
        self.add_up();
        self.distribution
    }

    #[cold]
    fn add_up(&mut self) {
        self.distribution.record_all(&self.values);
        self.values.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn often_is_one_by_one() {
        for times in [0, 1, 255, 256, 257, 600] {
            let (mut at_once, mut one_by_one) = (Pending::default(), Pending::default());
            for value in 1..9 {
                at_once.record_often(value, times);
                for _ in 0..times {
                    one_by_one.record(value);
                }
            }
            assert_eq!(at_once.values, one_by_one.values);
            let [at_once, one_by_one] = [at_once, one_by_one].map(Pending::finish);
            assert_eq!(format!("{at_once:?}"), format!("{one_by_one:?}"));
        }
    }
}
