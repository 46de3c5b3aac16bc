//! A log-linear histogram: exact below 1,024, and 1,024 buckets to each doubling above.
//!
//! Own code instead of the crate `hdrhistogram`, because a run of decode steps adds a whole arithmetic progression of
//! values at once (here in one addition per bucket touched, there one call per value), because weights are picoseconds
//! whose sum over many runs passes 64 bits, and because only octaves from the least to the greatest value take memory
//! (8 or 16 KiB each).

use std::ops::AddAssign;

/// How far a value read from a histogram is from the recorded one at most, relative to it: a bucket's width, 1/1024 of
/// its lower end.
pub const RELATIVE_PRECISION: f64 = 1.0 / SLOTS as f64;

const SLOT_BITS: u32 = 10;
const SLOTS: usize = 1 << SLOT_BITS;

/// What weights are added up in: 64 bits where they count occurrences, which keeps the buckets in the processor's
/// cache; 128 where they are picoseconds of many runs.
pub(super) trait Weight: Copy + Default + AddAssign + From<u64> + Into<u128> {}

impl Weight for u64 {}
impl Weight for u128 {}

/// Weights by value.
#[derive(Clone, Debug, Default)]
pub(super) struct Histogram<W> {
    /// The number of the first of `weights`, whole octaves of buckets.
    first: usize,
    weights: Vec<W>,
}

/// The bucket that holds a rank.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    /// The least value in it.
    pub(super) low: u64,
    /// How many values it covers.
    pub(super) width: u64,
    /// Where in the bucket's weight the rank lies, in 0..1.
    pub(super) place: f64,
}

impl<W: Weight> Histogram<W> {
    /// An empty one with buckets for all values from `least` to `most`.
    pub(super) fn covering(least: u64, most: u64) -> Self {
        let mut histogram = Self::default();
        histogram.cover(number_of_bucket(least), number_of_bucket(most));
        histogram
    }

    /// Adds `weight` to the bucket of `value`.
    #[inline]
    pub(super) fn record(&mut self, value: u64, weight: W) {
        self.add(number_of_bucket(value), weight);
    }

    /// Adds `weight` for each of the values `first + j * growth`, `j < steps`, with `growth > 0`.
    pub(super) fn record_progression(&mut self, first: u64, growth: u64, steps: u64, weight: u64) {
        let last = first + growth * (steps - 1);
        let (mut value, mut left) = (first, steps);
        loop {
            let shift = shift_of(value);
            let end = value | ((1 << shift) - 1);
            let here = if last <= end { left } else { (end - value) / growth + 1 };
            self.add(number_of(value, shift), W::from(here * weight));
            left -= here;
            if left == 0 {
                return;
            }
            value += growth * here;
        }
    }

    /// Adds values, each with its weight.
    pub(super) fn record_all(&mut self, samples: impl IntoIterator<Item = (u64, W)>) {
        for (value, weight) in samples {
            self.record(value, weight);
        }
    }

    /// Adds all of `other`.
    pub(super) fn merge(&mut self, other: &Self) {
        if other.weights.is_empty() {
            return;
        }
        self.cover(other.first, other.first + other.weights.len() - 1);
        for (place, &weight) in other.weights.iter().enumerate() {
            if weight.into() > 0 {
                self.add(other.first + place, weight);
            }
        }
    }

    /// The numbers of the buckets in which the units of weight with the given ranks (from 0, in the order of values)
    /// lie, and the weight of all buckets before each; the ranks come in order, and none is beyond the end.
    pub(super) fn numbers_at_ranks(&self, ranks: &[u128]) -> Vec<(usize, u128)> {
        let mut found = Vec::with_capacity(ranks.len());
        let mut before = 0;
        for (place, &weight) in self.weights.iter().enumerate() {
            let until = before + weight.into();
            while ranks.get(found.len()).is_some_and(|&rank| rank < until) {
                found.push((self.first + place, before));
            }
            if found.len() == ranks.len() {
                break;
            }
            before = until;
        }
        assert_eq!(
            found.len(),
            ranks.len(),
            "ranks come in order and are below the weight of all"
        );
        found
    }

    /// The buckets in which the units of weight with the given ranks lie, as [`Histogram::numbers_at_ranks`].
    pub(super) fn at_ranks(&self, ranks: &[u128]) -> Vec<Bucket> {
        let found = self.numbers_at_ranks(ranks).into_iter();
        let buckets = found.zip(ranks).map(|((number, before), &rank)| {
            let weight: u128 = self.weights[number - self.first].into();
            let (low, width) = bucket(number);
            Bucket {
                low,
                width,
                place: ((rank - before) as f64 + 0.5) / weight as f64,
            }
        });
        buckets.collect()
    }

    #[inline]
    fn add(&mut self, number: usize, weight: W) {
        // Below `first` the difference wraps around, beyond any length.
        match self.weights.get_mut(number.wrapping_sub(self.first)) {
            Some(sum) => *sum += weight,
            None => self.add_outside(number, weight),
        }
    }

    #[cold]
    fn add_outside(&mut self, number: usize, weight: W) {
        self.cover(number, number);
        self.weights[number - self.first] += weight;
    }

    /// Makes room for the octaves of these buckets and all between.
    fn cover(&mut self, least: usize, most: usize) {
        let (least, end) = (least / SLOTS * SLOTS, (most / SLOTS + 1) * SLOTS);
        if self.weights.is_empty() {
            (self.first, self.weights) = (least, vec![W::default(); end - least]);
        }
        let first = self.first.min(least);
        let end = (self.first + self.weights.len()).max(end);
        if end - first > self.weights.len() {
            let mut weights = vec![W::default(); end - first];
            weights[self.first - first..][..self.weights.len()].copy_from_slice(&self.weights);
            *self = Self { first, weights };
        }
    }
}

impl Bucket {
    /// An estimate of the value at the rank: values are taken to spread evenly over the bucket.
    pub(super) fn estimate(&self) -> f64 {
        self.low as f64 + (self.width - 1) as f64 * self.place
    }
}

/// The number of the bucket of `value`.
#[inline]
pub(super) const fn number_of_bucket(value: u64) -> usize {
    number_of(value, shift_of(value))
}

/// By how many bits a bucket of `value` is wider than one value: it holds those that agree in all but as many of their
/// last bits.
#[inline]
const fn shift_of(value: u64) -> u32 {
    u64::BITS - 1 - SLOT_BITS - (value | SLOTS as u64).leading_zeros()
}

/// The number of the bucket of `value`. The first 2,048 hold a value each; after them each octave, of values that are
/// twice as large, has 1,024. There `value >> shift` is 1,024 to 2,047, so the first octave, with a shift of 1, starts
/// right behind them at 1,024 + 1,024.
#[inline]
const fn number_of(value: u64, shift: u32) -> usize {
    (shift as usize) * SLOTS + (value >> shift) as usize
}

/// The least value of a bucket, and how many it holds.
const fn bucket(number: usize) -> (u64, u64) {
    let shift = (number / SLOTS).saturating_sub(1);
    let low = ((number - shift * SLOTS) as u64) << shift;
    (low, 1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_its_bucket_and_buckets_are_narrow() {
        let mut value: u64 = 1;
        while value < u64::MAX / 3 {
            for probe in [value - 1, value, value + 1] {
                let mut histogram = Histogram::<u64>::default();
                histogram.record(probe, 1);
                let bucket = histogram.at_ranks(&[0])[0];
                assert!(bucket.low <= probe && probe - bucket.low < bucket.width);
                let width = (bucket.width - 1) as f64;
                assert!(width <= RELATIVE_PRECISION * bucket.low as f64);
            }
            value = value * 3 / 2 + 1;
        }
        let mut histogram = Histogram::<u64>::default();
        histogram.record(u64::MAX, 1);
        let bucket = histogram.at_ranks(&[0])[0];
        assert_eq!(bucket.low + (bucket.width - 1), u64::MAX);
    }

    #[test]
    fn buckets_follow_each_other_without_a_gap() {
        let mut next = 0;
        for number in 0..20 * SLOTS {
            let (low, width) = bucket(number);
            assert_eq!(low, next);
            for value in [low, low + width - 1] {
                assert_eq!(number_of(value, shift_of(value)), number);
            }
            next = low + width;
        }
    }

    #[test]
    fn it_grows_to_either_side() {
        let mut histogram = Histogram::<u64>::default();
        for value in [1 << 20, 3, u64::MAX, 1 << 20] {
            histogram.record(value, 1);
        }
        let lows: Vec<u64> = histogram
            .at_ranks(&[0, 1, 2, 3])
            .iter()
            .map(|bucket| bucket.low)
            .collect();
        assert_eq!(lows[..3], [3, 1 << 20, 1 << 20]);
        assert!(lows[3] > u64::MAX / 2);
    }

    #[test]
    fn a_progression_is_the_same_as_its_values_one_by_one() {
        for (first, growth, steps) in [
            (0, 1, 5_000),
            (900, 7, 4_000),
            (10_u64.pow(10), 390_000, 3_000),
            (5, 1 << 40, 30),
        ] {
            let mut at_once = Histogram::<u64>::default();
            let mut one_by_one = Histogram::<u64>::default();
            at_once.record_progression(first, growth, steps, 3);
            for step in 0..steps {
                one_by_one.record(first + growth * step, 3);
            }
            assert_eq!(at_once.weights, one_by_one.weights);
        }
    }
}
