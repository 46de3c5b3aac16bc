//! The values at a few ranks of a list.

use super::histogram::{Histogram, number_of_bucket};

/// Values of a list near the ranks that were asked for. To sort the whole list would take most of the time of a short
/// simulation; so a histogram says in which buckets the ranks lie, and only what is in these is sorted.
pub(super) struct Ranked {
    /// The buckets that hold the ranks, in the order of their values.
    buckets: Vec<Bucket>,
}

struct Bucket {
    /// The weight of all values in the buckets before it.
    before: u64,
    /// In order, each with its weight.
    values: Vec<(u64, u64)>,
}

/// To look through the buckets takes longer than to sort fewer values than this.
const FEWEST_IN_BUCKETS: usize = 4_096;

impl Ranked {
    /// Of values from `least` to `most` with their weights, in any order; ranks count from 0, come in order and are
    /// below the sum of the weights.
    pub(super) fn of(samples: &[(u64, u64)], (least, most): (u64, u64), ranks: &[u128]) -> Self {
        if samples.len() < FEWEST_IN_BUCKETS {
            let mut values = samples.to_vec();
            values.sort_unstable();
            let all = Bucket { before: 0, values };
            return Self { buckets: vec![all] };
        }
        let mut histogram = Histogram::<u64>::covering(least, most);
        histogram.record_all(samples.iter().copied());
        let mut found = histogram.numbers_at_ranks(ranks);
        found.dedup();
        // Of each bucket the place after its own among those that hold ranks; 0 if it holds none.
        let first = number_of_bucket(least);
        let mut places = vec![0; number_of_bucket(most) - first + 1];
        let mut buckets = Vec::with_capacity(found.len());
        for (number, before) in found {
            buckets.push(Bucket {
                before: before as u64,
                values: Vec::new(),
            });
            places[number - first] = buckets.len();
        }
        for &(value, weight) in samples {
            let place = places[number_of_bucket(value) - first];
            if place > 0 {
                buckets[place - 1].values.push((value, weight));
            }
        }
        for bucket in &mut buckets {
            bucket.values.sort_unstable();
        }
        Self { buckets }
    }

    /// The value of one of the ranks.
    pub(super) fn value(&self, rank: u64) -> f64 {
        let after = self.buckets.partition_point(|bucket| bucket.before <= rank);
        let bucket = &self.buckets[after - 1];
        let mut up_to = bucket.before;
        for &(value, weight) in &bucket.values {
            up_to += weight;
            if rank < up_to {
                return value as f64;
            }
        }
        unreachable!("the bucket of each rank is kept")
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::stats::streams::stream;

    #[test]
    fn values_are_those_of_the_sorted_list() {
        let mut random = stream(1, "ranks");
        for (most_value, count) in [(1, 5_000), (100, 50), (5_000, 5_000), (u64::MAX, 1), (u64::MAX, 5_000)] {
            let mut draw = || {
                let value = random.random_range(0..=most_value);
                (value, random.random_range(1..4))
            };
            let samples: Vec<(u64, u64)> = (0..count).map(|_| draw()).collect();
            let mut sorted: Vec<u64> = samples
                .iter()
                .flat_map(|&(value, weight)| (0..weight).map(move |_| value))
                .collect();
            sorted.sort_unstable();
            let last = sorted.len() as u64 - 1;
            let ranks = [0, 1, last / 2, last / 2 + 1, last * 9 / 10, last];
            let ranks = ranks.map(|rank| rank.min(last));
            let bounds = (sorted[0], sorted[last as usize]);
            let ranked = Ranked::of(&samples, bounds, &ranks.map(u128::from));
            for rank in ranks {
                let expected = sorted[rank as usize] as f64;
                assert_eq!(ranked.value(rank).to_bits(), expected.to_bits());
            }
        }
    }
}
