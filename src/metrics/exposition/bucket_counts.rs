//! A histogram as Prometheus keeps it.

/// Counts of values up to each of some boundaries, and their sum.
#[derive(Clone, Debug)]
pub(super) struct BucketCounts {
    /// As they are shown, in the unit of the metric.
    shown: Vec<f64>,
    /// The same in the unit of the values.
    edges: Vec<u64>,
    /// Of values that are up to an edge and above the one before; the last one of those above all.
    counts: Vec<u64>,
    sum: u128,
    /// Values in one of the metric's unit.
    per_unit: u64,
}

impl BucketCounts {
    /// With these boundaries, of values of which so many are one of the metric's unit.
    pub(super) fn new(boundaries: &[f64], per_unit: u64) -> Self {
        let edge = |boundary: &f64| (boundary * per_unit as f64).round() as u64;
        Self {
            shown: boundaries.to_vec(),
            edges: boundaries.iter().map(edge).collect(),
            counts: vec![0; boundaries.len() + 1],
            sum: 0,
            per_unit,
        }
    }

    pub(super) fn boundaries(&self) -> &[f64] {
        &self.shown
    }

    /// Takes in a value so many times.
    pub(super) fn observe(&mut self, value: u64, times: u64) {
        let place = self.edges.partition_point(|&edge| edge < value);
        self.counts[place] += times;
        self.sum += u128::from(value) * u128::from(times);
    }

    /// Takes in `first`, `first + growth` and so on, each so many times; they come to `sum` together, once each.
    pub(super) fn observe_progression(&mut self, first: u64, growth: u64, len: u64, times: u64, sum: u128) {
        if len == 0 || times == 0 {
            return;
        }
        let mut below = 0;
        for place in 0..self.counts.len() {
            let up_to = match self.edges.get(place) {
                Some(&edge) if edge < first => 0,
                Some(&edge) => (edge - first).checked_div(growth).map_or(len, |last| len.min(last + 1)),
                None => len,
            };
            self.counts[place] += (up_to - below) * times;
            below = up_to;
        }
        self.sum += sum * u128::from(times);
    }

    /// How many numbers [`BucketCounts::write`] writes.
    pub(super) const fn width(&self) -> usize {
        self.counts.len() + 1
    }

    /// How many values there are up to each boundary, how many in all, and their sum.
    pub(super) fn write(&self, row: &mut Vec<f64>) {
        let mut count = 0;
        for here in &self.counts {
            count += here;
            row.push(count as f64);
        }
        row.push(self.sum as f64 / self.per_unit as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boundary_belongs_to_the_values_below() {
        let mut counts = BucketCounts::new(&[0.5, 2.0], 10);
        for value in [0, 5, 6, 20, 21] {
            counts.observe(value, 1);
        }
        let mut row = Vec::new();
        counts.write(&mut row);
        assert_eq!(row, [2.0, 4.0, 5.0, 5.2]);
        assert_eq!(row.len(), counts.width());
    }

    #[test]
    fn a_progression_is_its_values_one_by_one() {
        for (first, growth) in [(0, 0), (3, 0), (3, 2), (7, 1), (50, 9), (21, 1)] {
            for len in 0..12 {
                let mut together = BucketCounts::new(&[0.5, 1.0, 2.0], 10);
                let mut one_by_one = together.clone();
                let values: Vec<u64> = (0..len).map(|step| first + step * growth).collect();
                let sum = values.iter().map(|&value| u128::from(value)).sum();
                together.observe_progression(first, growth, len, 3, sum);
                for value in values {
                    one_by_one.observe(value, 3);
                }
                assert_eq!(together.counts, one_by_one.counts, "{first} {growth} {len}");
                assert_eq!(together.sum, one_by_one.sum);
            }
        }
    }
}
