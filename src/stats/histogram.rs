//! A log-linear histogram: exact below 1,024, and 1,024 buckets to each doubling above.
//!
//! Own code instead of the crate `hdrhistogram`, because a run of decode steps adds a whole arithmetic progression of values at once
//! (here in one addition per bucket touched, there one call per value), because weights are picoseconds whose sum over many runs
//! passes 64 bits, and because only the octaves that occur take memory (8 or 16 KiB each).

use std::ops::AddAssign;

/// How far a value read from a histogram is from the recorded one at most, relative to it: a bucket's width, 1/1024 of its lower end.
pub const RELATIVE_PRECISION: f64 = 1.0 / SLOTS as f64;

const SLOT_BITS: u32 = 10;
const SLOTS: usize = 1 << SLOT_BITS;

/// Octave 0 is the exact part; octave `o > 0` starts at `1024 * 2^(o - 1)`.
const OCTAVES: usize = (u64::BITS - SLOT_BITS) as usize + 1;

type Octave<W> = Box<[W; SLOTS]>;

/// What weights are added up in: 64 bits where they count occurrences, which keeps the buckets in the processor's cache; 128 where
/// they are picoseconds of many runs.
pub(super) trait Weight: Copy + Default + AddAssign + From<u64> + Into<u128> {}

impl Weight for u64 {}
impl Weight for u128 {}

/// Weights by value.
#[derive(Clone, Debug)]
pub(super) struct Histogram<W> {
    octaves: [Option<Octave<W>>; OCTAVES],
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
    pub(super) fn new() -> Self {
        Self {
            octaves: [const { None }; OCTAVES],
        }
    }

    /// Adds `weight` to the bucket of `value`.
    #[inline]
    pub(super) fn record(&mut self, value: u64, weight: W) {
        let octave = octave_of(value);
        *self.slot(octave, value) += weight;
    }

    /// Adds `weight` for each of the values `first + j * growth`, `j < steps`, with `growth > 0`.
    pub(super) fn record_progression(&mut self, first: u64, growth: u64, steps: u64, weight: u64) {
        let last = first + growth * (steps - 1);
        let (mut value, mut left) = (first, steps);
        loop {
            let octave = octave_of(value);
            let end = value | (width_of(octave) - 1);
            let here = if last <= end {
                left
            } else {
                (end - value) / growth + 1
            };
            *self.slot(octave, value) += W::from(here * weight);
            left -= here;
            if left == 0 {
                return;
            }
            value += growth * here;
        }
    }

    /// Adds all of `other`.
    pub(super) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.octaves.iter_mut().zip(&other.octaves) {
            let Some(theirs) = theirs else { continue };
            let mine = mine.get_or_insert_with(empty_octave::<W>);
            for (mine, theirs) in mine.iter_mut().zip(theirs.iter()) {
                *mine += *theirs;
            }
        }
    }

    /// The bucket in which the unit of weight with the given rank (from 0, in the order of values) lies; `None` beyond the end.
    pub(super) fn at_rank(&self, rank: u128) -> Option<Bucket> {
        let mut before = 0;
        for (octave, slots) in self.octaves.iter().enumerate() {
            let Some(slots) = slots else { continue };
            for (slot, &weight) in slots.iter().enumerate() {
                let weight: u128 = weight.into();
                if rank < before + weight {
                    let width = width_of(octave);
                    let first_slot = if octave == 0 { 0 } else { SLOTS as u64 };
                    return Some(Bucket {
                        low: (first_slot + slot as u64) * width,
                        width,
                        place: ((rank - before) as f64 + 0.5) / weight as f64,
                    });
                }
                before += weight;
            }
        }
        None
    }

    #[inline]
    fn slot(&mut self, octave: usize, value: u64) -> &mut W {
        let slot = (value >> octave.saturating_sub(1)) as usize % SLOTS;
        &mut self.octaves[octave].get_or_insert_with(empty_octave::<W>)[slot]
    }
}

impl Bucket {
    /// An estimate of the value at the rank: values are taken to spread evenly over the bucket.
    pub(super) fn estimate(&self) -> f64 {
        self.low as f64 + (self.width - 1) as f64 * self.place
    }
}

#[inline]
const fn octave_of(value: u64) -> usize {
    (u64::BITS - (value >> SLOT_BITS).leading_zeros()) as usize
}

#[inline]
const fn width_of(octave: usize) -> u64 {
    1 << octave.saturating_sub(1)
}

#[cold]
#[expect(clippy::unnecessary_box_returns, reason = "an octave fills pages")]
fn empty_octave<W: Weight>() -> Octave<W> {
    Box::new([W::default(); SLOTS])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_its_bucket_and_buckets_are_narrow() {
        let mut value: u64 = 1;
        while value < u64::MAX / 3 {
            for probe in [value - 1, value, value + 1] {
                let mut histogram = Histogram::<u64>::new();
                histogram.record(probe, 1);
                let bucket = histogram.at_rank(0).unwrap();
                assert!(bucket.low <= probe && probe - bucket.low < bucket.width);
                let width = (bucket.width - 1) as f64;
                assert!(width <= RELATIVE_PRECISION * bucket.low as f64);
            }
            value = value * 3 / 2 + 1;
        }
        let mut histogram = Histogram::<u64>::new();
        histogram.record(u64::MAX, 1);
        assert!(histogram.at_rank(0).is_some() && histogram.at_rank(1).is_none());
    }

    #[test]
    fn a_progression_is_the_same_as_its_values_one_by_one() {
        for (first, growth, steps) in [
            (0, 1, 5_000),
            (900, 7, 4_000),
            (10_u64.pow(10), 390_000, 3_000),
            (5, 1 << 40, 30),
        ] {
            let (mut at_once, mut one_by_one) = (Histogram::<u64>::new(), Histogram::<u64>::new());
            at_once.record_progression(first, growth, steps, 3);
            for step in 0..steps {
                one_by_one.record(first + growth * step, 3);
            }
            assert_eq!(at_once.octaves, one_by_one.octaves);
        }
    }
}
