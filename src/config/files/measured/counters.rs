//! Counters and histograms of a server: what it has counted since it started, or between two looks at it.

use std::collections::BTreeMap;

/// What a server has counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServerCounters {
    /// The name of the model, as its labels say.
    pub model: Option<String>,
    /// Counts by their name, without `_total`.
    pub counts: BTreeMap<String, f64>,
    /// Histograms by their name.
    pub histograms: BTreeMap<String, CountedHistogram>,
}

/// A histogram with bounds that do not change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CountedHistogram {
    /// The sum of all values.
    pub sum: f64,
    /// How many there are.
    pub count: f64,
    /// Upper bounds with how many values are no larger, in the order of the bounds; the last one may be infinite.
    pub buckets: Vec<(f64, f64)>,
}

impl ServerCounters {
    /// What was counted after `before`; otherwise the counter that says that these are no two looks at one server in
    /// this order.
    pub fn since(&self, before: &Self) -> Result<Self, String> {
        let mut later = self.clone();
        for (name, count) in &mut later.counts {
            *count -= before.counts.get(name).copied().unwrap_or(0.0);
            if *count < 0.0 {
                return Err(name.clone());
            }
        }
        for (name, histogram) in &mut later.histograms {
            if let Some(before) = before.histograms.get(name) {
                *histogram = histogram.since(before).ok_or_else(|| name.clone())?;
            }
        }
        Ok(later)
    }
}

impl CountedHistogram {
    fn since(&self, before: &Self) -> Option<Self> {
        let buckets = self.buckets.iter().map(|&(bound, count)| {
            let same = before.buckets.iter().find(|(other, _)| other.total_cmp(&bound).is_eq());
            (bound, count - same.map_or(0.0, |(_, count)| *count))
        });
        let later = Self {
            sum: self.sum - before.sum,
            count: self.count - before.count,
            buckets: buckets.collect(),
        };
        let has_fallen = later.sum < 0.0 || later.count < 0.0 || later.buckets.iter().any(|(_, count)| *count < 0.0);
        (!has_fallen).then_some(later)
    }

    /// The mean; `None` of no values.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0.0).then(|| self.sum / self.count)
    }

    /// The bounds of the bucket in which a quantile lies; `None` where there are no values, or no bound above it.
    pub fn bounds_of(&self, share: f64) -> Option<(f64, f64)> {
        let rank = share * self.count;
        if self.count <= 0.0 {
            return None;
        }
        let mut low = 0.0;
        for &(bound, count) in &self.buckets {
            if count >= rank {
                return bound.is_finite().then_some((low, bound));
            }
            low = bound;
        }
        None
    }

    /// The quantile as Prometheus's `histogram_quantile` has it: as if values were spread evenly over their bucket.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let (low, high) = self.bounds_of(share)?;
        let up_to = |bound: f64| {
            let found = self.buckets.iter().find(|(it, _)| it.total_cmp(&bound).is_eq());
            found.map_or(0.0, |(_, count)| *count)
        };
        let (before, within) = (up_to(low), up_to(high) - up_to(low));
        let part = if within > 0.0 {
            (share * self.count - before) / within
        } else {
            1.0
        };
        Some(low + (high - low) * part.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(counts: [f64; 4]) -> CountedHistogram {
        let bounds = [0.1, 0.2, 0.4, f64::INFINITY];
        CountedHistogram {
            sum: 10.0,
            count: counts[3],
            buckets: bounds.into_iter().zip(counts).collect(),
        }
    }

    #[test]
    fn a_quantile_lies_in_a_bucket() {
        let histogram = histogram([10.0, 50.0, 90.0, 100.0]);
        assert_eq!(histogram.bounds_of(0.5), Some((0.1, 0.2)));
        assert_eq!(histogram.quantile(0.5), Some(0.2));
        assert_eq!(histogram.quantile(0.3), Some(0.1 + 0.1 * 0.5));
        assert_eq!(histogram.bounds_of(0.99), None, "above the last bound nothing is known");
    }

    #[test]
    fn what_falls_is_another_server() {
        let (before, later) = (histogram([1.0, 2.0, 3.0, 4.0]), histogram([1.0, 5.0, 6.0, 8.0]));
        assert_eq!(later.since(&before).unwrap().count as u64, 4);
        assert_eq!(before.since(&later), None);
    }
}
