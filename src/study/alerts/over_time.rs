//! Prometheus's functions over a range of samples (`promql/functions.go` and `promql/quantile.go`, release 2.42).

/// A sample: when [s], and what.
pub(super) type Sample = (f64, f64);

/// `increase`: by how much a counter grew from `start` to `end`, extrapolated to the ends of the range, but never below
/// zero; `None` of fewer than two samples.
pub(super) fn increase(samples: &[Sample], start: f64, end: f64) -> Option<f64> {
    let (&(first_at, first), &(last_at, last)) = (samples.first()?, samples.last()?);
    if samples.len() < 2 {
        return None;
    }
    // Who starts again starts from zero.
    let resets = samples.windows(2).filter(|pair| pair[1].1 < pair[0].1);
    let grown = last - first + resets.map(|pair| pair[0].1).sum::<f64>();
    let covered = last_at - first_at;
    let between = covered / (samples.len() - 1) as f64;
    let mut to_start = first_at - start;
    if grown > 0.0 && first >= 0.0 {
        to_start = to_start.min(covered * (first / grown));
    }
    let extended = |gap: f64| if gap < 1.1 * between { gap } else { between / 2.0 };
    let extrapolated = covered + extended(to_start) + extended(end - last_at);
    Some(grown * extrapolated / covered)
}

/// `deriv`: how fast a gauge grows, by least squares [1/s]; `None` of fewer than two samples.
pub(super) fn deriv(samples: &[Sample]) -> Option<f64> {
    let &(origin, base) = samples.first()?;
    if samples.len() < 2 {
        return None;
    }
    let count = samples.len() as f64;
    let (mut x, mut y, mut xy, mut xx) = (0.0, 0.0, 0.0, 0.0);
    for &(at, value) in samples {
        let (at, value) = (at - origin, value - base);
        x += at;
        y += value;
        xy += at * value;
        xx += at * at;
    }
    let variance = xx - x * x / count;
    (variance > 0.0).then(|| (xy - x * y / count) / variance)
}

/// `histogram_quantile`: of the counts up to each boundary, the last one infinite; linear within a bucket. `None` if
/// nothing was counted.
pub(super) fn histogram_quantile(quantile: f64, boundaries: &[f64], counts: &[f64]) -> Option<f64> {
    let mut highest: f64 = 0.0;
    // Sums of extrapolated counts may be off by the last bit.
    let counts: Vec<f64> = counts
        .iter()
        .map(|&count| {
            highest = highest.max(count);
            highest
        })
        .collect();
    let all = counts.last().copied().filter(|&all| all > 0.0)?;
    let rank = quantile * all;
    let bucket = counts[..counts.len() - 1].partition_point(|&count| count < rank);
    let Some(&end) = boundaries.get(bucket) else {
        return boundaries.last().copied();
    };
    let (start, below) = match bucket.checked_sub(1) {
        Some(before) => (boundaries[before], counts[before]),
        None => (0.0, 0.0),
    };
    Some(start + (end - start) * (rank - below) / (counts[bucket] - below))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_counter_grows_by_its_rate_however_the_range_lies() {
        let samples: Vec<Sample> = (0..20)
            .map(|k| (15.0 * f64::from(k), 30.0 * f64::from(k) + 100.0))
            .collect();
        let grown = increase(&samples, -7.5, 292.5).unwrap();
        assert!((grown - 600.0).abs() < 1e-9, "{grown}");
        // What began within the range is not extrapolated to before it was zero.
        let begun: Vec<Sample> = (0..5).map(|k| (15.0 * f64::from(k), 30.0 * f64::from(k))).collect();
        assert_eq!(increase(&begun, -240.0, 60.0), Some(120.0));
        assert_eq!(increase(&begun[..1], 0.0, 60.0), None);
    }

    #[test]
    fn a_counter_that_starts_again_has_grown_all_the_same() {
        let samples = [(0.0, 90.0), (10.0, 100.0), (20.0, 5.0), (30.0, 15.0)];
        assert_eq!(increase(&samples, 0.0, 30.0), Some(25.0));
    }

    #[test]
    fn slopes_are_those_of_least_squares() {
        assert_eq!(deriv(&[(5.0, 1.0), (6.0, 3.0), (7.0, 5.0)]), Some(2.0));
        assert_eq!(deriv(&[(0.0, 0.0), (1.0, 1.0), (2.0, 0.0)]), Some(0.0));
        assert_eq!(deriv(&[(0.0, 0.0)]), None);
    }

    #[test]
    fn quantiles_are_linear_within_a_bucket() {
        let boundaries = [1.0, 2.0, 4.0];
        let quantile = |q, counts: &[f64]| histogram_quantile(q, &boundaries, counts);
        assert_eq!(quantile(0.5, &[10.0, 10.0, 10.0, 10.0]), Some(0.5));
        assert_eq!(quantile(0.75, &[2.0, 2.0, 4.0, 4.0]), Some(3.0));
        // Above the highest boundary nothing is known.
        assert_eq!(quantile(0.99, &[0.0, 0.0, 1.0, 9.0]), Some(4.0));
        assert_eq!(quantile(0.5, &[0.0; 4]), None);
    }
}
