//! A weighted multiset of integers: exact sums, and quantiles that are exact up to a number of samples and within 0.1 %
//! beyond it.

use super::histogram::{Bucket, Histogram};
use super::ranked::Ranked;
use super::wide::Wide;

/// Samples kept one by one before a histogram takes over: 2 MiB a distribution.
const EXACT_SAMPLES: usize = 1 << 17;

/// The most steps of a progression that are added at once: the sum of their squared numbers still fits into 64 bits.
const LONGEST_PROGRESSION: u64 = 1 << 20;

/// Whether a quantile, in thousandths, may be reported of that many samples: at least ten must lie beyond it, so the
/// 90th percentile needs 100, the 99th 1,000. The median needs one.
pub const fn enough_samples(permille: u64, samples: u64) -> bool {
    if permille <= 500 {
        samples >= 1
    } else {
        samples.saturating_mul(1_000 - permille) >= 10_000
    }
}

/// Values (picoseconds, or counts), each with a weight: how often it occurred. The total weight must stay below 2^64.
#[derive(Clone, Debug)]
pub struct Distribution {
    count: u64,
    sum: u128,
    squares: Wide,
    min: u64,
    max: u64,
    samples: Samples,
}

#[derive(Clone, Debug)]
enum Samples {
    /// Values with their weights, in the order of recording.
    Exact(Vec<(u64, u64)>),
    Binned(Histogram<u64>),
}

impl Default for Distribution {
    fn default() -> Self {
        Self {
            count: 0,
            sum: 0,
            squares: Wide::default(),
            min: u64::MAX,
            max: 0,
            samples: Samples::Exact(Vec::new()),
        }
    }
}

impl Distribution {
    /// Adds one occurrence of each of `values`. Many at once cost half as much as one by one: sums stay in registers,
    /// and the buckets, each in another cache line, come from memory side by side.
    pub fn record_all(&mut self, values: &[u64]) {
        let (Some(&min), Some(&max)) = (values.iter().min(), values.iter().max()) else {
            return;
        };
        if !squares_fit(max, values.len() as u64) {
            for &value in values {
                self.record(value, 1);
            }
            return;
        }
        let (mut sum, mut squares) = (0, 0);
        for &value in values {
            sum += u128::from(value);
            squares += u128::from(value) * u128::from(value);
        }
        self.sum += sum;
        self.squares.add_narrow(squares);
        self.widen(min, max, values.len() as u64);
        match &mut self.samples {
            Samples::Exact(samples) if samples.len() + values.len() <= EXACT_SAMPLES => {
                samples.extend(values.iter().map(|&value| (value, 1)));
            }
            _ => self.spill().record_all(values.iter().map(|&value| (value, 1))),
        }
    }

    /// Adds `weight` occurrences of `value`.
    #[inline]
    pub fn record(&mut self, value: u64, weight: u64) {
        if weight == 0 {
            return;
        }
        let square = u128::from(value) * u128::from(value);
        if squares_fit(value, weight) {
            self.squares.add_narrow(square * u128::from(weight));
        } else {
            self.squares.add(Wide::product(square, weight.into()));
        }
        self.sum += u128::from(value) * u128::from(weight);
        self.widen(value, value, weight);
        match &mut self.samples {
            Samples::Exact(_) => self.keep(value, weight),
            Samples::Binned(histogram) => histogram.record(value, weight),
        }
    }

    fn keep(&mut self, value: u64, weight: u64) {
        match &mut self.samples {
            Samples::Exact(samples) if samples.len() < EXACT_SAMPLES => {
                samples.push((value, weight));
            }
            _ => self.spill().record(value, weight),
        }
    }

    /// Adds `weight` occurrences of each of the values `first + j * growth`, `j < steps`.
    pub fn record_progression(&mut self, first: u64, growth: u64, steps: u64, weight: u64) {
        if growth == 0 || steps <= 1 {
            return self.record(first, weight * steps);
        }
        if weight == 0 {
            return;
        }
        if steps > LONGEST_PROGRESSION {
            let rest = first + growth * LONGEST_PROGRESSION;
            self.record_progression(first, growth, LONGEST_PROGRESSION, weight);
            return self.record_progression(rest, growth, steps - LONGEST_PROGRESSION, weight);
        }
        self.add_sums_of_progression(first, growth, steps, weight);
        self.widen(first, first + growth * (steps - 1), weight * steps);
        match &mut self.samples {
            Samples::Exact(samples) if (samples.len() as u64) + steps <= EXACT_SAMPLES as u64 => {
                samples.extend((0..steps).map(|step| (first + growth * step, weight)));
            }
            Samples::Exact(_) => self.spill().record_progression(first, growth, steps, weight),
            Samples::Binned(histogram) => {
                histogram.record_progression(first, growth, steps, weight);
            }
        }
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        self.sum += other.sum;
        self.squares.add(other.squares);
        self.widen(other.min, other.max, other.count);
        match (&mut self.samples, &other.samples) {
            (Samples::Exact(mine), Samples::Exact(theirs)) if mine.len() + theirs.len() <= EXACT_SAMPLES => {
                mine.extend_from_slice(theirs);
            }
            (_, Samples::Exact(theirs)) => self.spill().record_all(theirs.iter().copied()),
            (_, Samples::Binned(theirs)) => self.spill().merge(theirs),
        }
    }

    /// Occurrences in total.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The sum of all values, exact.
    pub const fn sum(&self) -> u128 {
        self.sum
    }

    /// The mean; `None` of nothing.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64)
    }

    /// The standard deviation of the population (numpy's `std`); `None` of nothing.
    pub fn standard_deviation(&self) -> Option<f64> {
        (self.count > 0).then(|| {
            // n * sum(x^2) - (sum x)^2 = n^2 * variance, in integers: no cancellation.
            let scaled = self.squares.times(self.count).minus(Wide::product(self.sum, self.sum));
            scaled.to_f64().sqrt() / self.count as f64
        })
    }

    /// The least value; `None` of nothing.
    pub fn min(&self) -> Option<u64> {
        (self.count > 0).then_some(self.min)
    }

    /// The greatest value; `None` of nothing.
    pub fn max(&self) -> Option<u64> {
        (self.count > 0).then_some(self.max)
    }

    /// Whether quantiles are exact; otherwise they are within [`super::RELATIVE_PRECISION`].
    pub const fn is_exact(&self) -> bool {
        matches!(self.samples, Samples::Exact(_))
    }

    /// The quantiles `q` (in 0..=1) as numpy's default, "linear", gives them for a list in which each value stands as
    /// often as it occurred; `None` of nothing.
    pub fn quantiles<const N: usize>(&self, q: [f64; N]) -> Option<[f64; N]> {
        if self.count == 0 {
            return None;
        }
        let ranks = q.map(|q| {
            let position = q * (self.count - 1) as f64;
            let rank = (position as u64).min(self.count - 1);
            (rank, position - rank as f64)
        });
        let after = |rank: u64| (rank + 1).min(self.count - 1);
        let mut asked: Vec<u128> = ranks
            .iter()
            .flat_map(|&(rank, _)| [rank.into(), after(rank).into()])
            .collect();
        asked.sort_unstable();
        let value: Box<dyn Fn(u64) -> f64> = match &self.samples {
            Samples::Exact(samples) => {
                let ranked = Ranked::of(samples, (self.min, self.max), &asked);
                Box::new(move |rank| ranked.value(rank))
            }
            Samples::Binned(histogram) => {
                let buckets = histogram.at_ranks(&asked);
                Box::new(move |rank| {
                    let place = asked.partition_point(|&asked| asked < u128::from(rank));
                    self.estimate(buckets[place], rank)
                })
            }
        };
        Some(ranks.map(|(rank, part)| between(value(rank), value(after(rank)), part)))
    }

    /// The value of the given rank, which lies in this bucket of the histogram, as far as that tells.
    fn estimate(&self, bucket: Bucket, rank: u64) -> f64 {
        if rank == 0 {
            return self.min as f64;
        }
        if rank + 1 == self.count {
            return self.max as f64;
        }
        bucket.estimate().clamp(self.min as f64, self.max as f64)
    }

    #[inline]
    fn widen(&mut self, min: u64, max: u64, weight: u64) {
        self.count = self
            .count
            .checked_add(weight)
            .expect("a distribution holds fewer than 2^64 occurrences");
        self.min = self.min.min(min);
        self.max = self.max.max(max);
    }

    fn add_sums_of_progression(&mut self, first: u64, growth: u64, steps: u64, weight: u64) {
        // Sums of 1, j and j^2 over 0 <= j < steps.
        let linear = steps * (steps - 1) / 2;
        let quadratic = linear * (2 * steps - 1) / 3;
        let last = first + growth * (steps - 1);
        let fits = u32::try_from(weight).is_ok() && squares_fit(last, weight * steps);
        let [first, growth, steps, weight] = [first, growth, steps, weight].map(u128::from);
        let [linear, quadratic] = [linear, quadratic].map(u128::from);
        self.sum += weight * (steps * first + linear * growth);
        if fits {
            let squares = first * first * steps + 2 * first * growth * linear + growth * growth * quadratic;
            self.squares.add_narrow(squares * weight);
            return;
        }
        self.squares.add(Wide::product(first * first, weight * steps));
        self.squares.add(Wide::product(first * growth, 2 * weight * linear));
        self.squares.add(Wide::product(growth * growth, weight * quadratic));
    }

    /// The histogram, filled from the single samples if they were kept until now.
    fn spill(&mut self) -> &mut Histogram<u64> {
        if let Samples::Exact(samples) = &self.samples {
            let mut histogram = Histogram::covering(self.min, self.max);
            histogram.record_all(samples.iter().copied());
            self.samples = Samples::Binned(histogram);
        }
        match &mut self.samples {
            Samples::Binned(histogram) => histogram,
            Samples::Exact(_) => unreachable!("the samples were just binned"),
        }
    }
}

/// Whether the squares of so many numbers of at most `most` sum up to less than 2^128.
#[inline]
const fn squares_fit(most: u64, count: u64) -> bool {
    2 * most.leading_zeros() + count.leading_zeros() >= 64
}

fn between(lower: f64, upper: f64, part: f64) -> f64 {
    lower + (upper - lower) * part
}
