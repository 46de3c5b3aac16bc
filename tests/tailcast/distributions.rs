//! Distributions and time-weighted statistics agree with lists counted one by one.

use rand::RngExt;
use tailcast::stats::{Distribution, RELATIVE_PRECISION, TimeWeighted};

use crate::metrics::{MILLISECOND, close, random};

/// numpy's percentile with method "linear" over a sorted list.
fn numpy_linear(sorted: &[u64], q: f64) -> f64 {
    let position = q * (sorted.len() - 1) as f64;
    let below = sorted[position.floor() as usize] as f64;
    let above = sorted[position.ceil() as usize] as f64;
    below + (above - below) * position.fract()
}

const QUANTILES: [f64; 7] = [0.0, 0.01, 0.5, 0.9, 0.99, 0.999, 1.0];

#[test]
fn exact_distributions_agree_with_lists() {
    let mut random = random(1);
    for _ in 0..300 {
        let (mut distribution, mut list) = (Distribution::default(), Vec::new());
        for _ in 0..random.random_range(1..40) {
            let value = random.random_range(0..60_u64);
            let weight = random.random_range(0..4_u64);
            let (growth, steps) = (random.random_range(0..3_u64), random.random_range(1..6_u64));
            distribution.record_progression(value, growth, steps, weight);
            for step in 0..steps {
                list.extend((0..weight).map(|_| value + growth * step));
            }
        }
        assert_agrees(&distribution, &mut list, 1e-12);
    }
}

#[test]
fn many_values_at_once_are_as_many_one_by_one() {
    let mut random = random(2);
    for bits in [0, 6, 40, 64] {
        let (mut at_once, mut one_by_one) = (Distribution::default(), Distribution::default());
        // More than are kept as they are, and squares that pass 128 bits.
        for _ in 0..1_100 {
            let values: Vec<u64> = (0..random.random_range(0..256))
                .map(|_| random.random::<u64>().unbounded_shr(64 - bits))
                .collect();
            at_once.record_all(&values);
            for value in values {
                one_by_one.record(value, 1);
            }
        }
        assert!(!at_once.is_exact());
        let all = |one: &Distribution| (one.count(), one.sum(), one.min(), one.max());
        assert_eq!(all(&at_once), all(&one_by_one));
        assert_eq!(at_once.standard_deviation(), one_by_one.standard_deviation());
        assert_eq!(at_once.quantiles(QUANTILES), one_by_one.quantiles(QUANTILES));
    }
}

fn assert_agrees(distribution: &Distribution, list: &mut [u64], precision: f64) {
    list.sort_unstable();
    assert_eq!(distribution.count(), list.len() as u64);
    assert_eq!(distribution.sum(), list.iter().map(|&value| u128::from(value)).sum());
    assert_eq!(distribution.min(), list.first().copied());
    assert_eq!(distribution.max(), list.last().copied());
    let Some(quantiles) = distribution.quantiles(QUANTILES) else {
        assert!(list.is_empty());
        return;
    };
    for (q, quantile) in QUANTILES.into_iter().zip(quantiles) {
        let expected = numpy_linear(list, q);
        assert!(
            close(quantile, expected, precision),
            "q = {q}: {quantile}, not {expected}"
        );
    }
    let mean = list.iter().map(|&value| value as f64).sum::<f64>() / list.len() as f64;
    let variance = list.iter().map(|&value| (value as f64 - mean).powi(2)).sum::<f64>() / list.len() as f64;
    assert!(close(distribution.mean().unwrap(), mean, 1e-9));
    assert!(close(distribution.standard_deviation().unwrap(), variance.sqrt(), 1e-6));
}

#[test]
fn histograms_keep_within_a_thousandth() {
    let mut random = random(2);
    let (mut distribution, mut list) = (Distribution::default(), Vec::new());
    for _ in 0..150_000 {
        // From microseconds to hours, evenly in the logarithm.
        let value = 10_f64.powf(random.random_range(6.0..16.0)) as u64;
        distribution.record(value, 2);
        list.extend([value, value]);
    }
    for _ in 0..2_000 {
        let first = random.random_range(5..20 * MILLISECOND);
        let (growth, steps) = (random.random_range(0..4_000_000), random.random_range(1..300));
        distribution.record_progression(first, growth, steps, 1);
        list.extend((0..steps).map(|step| first + growth * step));
    }
    assert!(!distribution.is_exact());
    assert_agrees(&distribution, &mut list, RELATIVE_PRECISION);
}

#[test]
fn merging_is_recording_everything_in_one() {
    let mut random = random(3);
    for samples in [50, 70_000, 140_000] {
        let mut parts = [Distribution::default(), Distribution::default()];
        let mut list = Vec::new();
        for sample in 0..samples {
            let value = random.random_range(0..100 * MILLISECOND);
            parts[sample % 2].record(value, 1);
            list.push(value);
        }
        let [mut all, other] = parts;
        all.merge(&other);
        assert_eq!(all.is_exact(), samples <= 1 << 17);
        assert_agrees(&all, &mut list, if all.is_exact() { 1e-12 } else { RELATIVE_PRECISION });
    }
}

#[test]
fn the_longest_progressions_keep_exact_sums() {
    let mut distribution = Distribution::default();
    let (first, growth, steps, weight) = (5, 3, 3_000_000, 2);
    distribution.record_progression(first, growth, steps, weight);
    assert_eq!(distribution.count(), steps * weight);
    let sum = weight * (first * steps + growth * (steps * (steps - 1) / 2));
    assert_eq!(distribution.sum(), sum.into());
    // The standard deviation of an arithmetic progression is growth * sqrt((steps^2 - 1) / 12).
    let expected = growth as f64 * ((steps as f64).powi(2) - 1.0).sqrt() / 12_f64.sqrt();
    assert!(close(distribution.standard_deviation().unwrap(), expected, 1e-12));
}

#[test]
fn a_day_of_picoseconds_does_not_overflow() {
    let mut distribution = Distribution::default();
    let day = 86_400_000 * MILLISECOND;
    distribution.record(day, 1 << 40);
    distribution.record_progression(day, day, 100, 1 << 30);
    assert!(distribution.standard_deviation().unwrap() > 0.0);
}

#[test]
fn time_weighted_statistics_agree_with_instants_counted_one_by_one() {
    let mut random = random(4);
    for _ in 0..200 {
        let (mut values, mut instants) = (TimeWeighted::default(), Vec::new());
        for _ in 0..random.random_range(1..30) {
            let value = random.random_range(0..12_u64);
            let held = random.random_range(0..9_u64);
            values.hold(value, held);
            instants.extend((0..held).map(|_| value));
        }
        instants.sort_unstable();
        assert_eq!(values.max(), instants.last().copied());
        assert_eq!(values.integral(), instants.iter().map(|&value| u128::from(value)).sum());
        for per_mille in [500, 900, 990, 1_000] {
            let rank = (instants.len() * per_mille as usize).div_ceil(1_000).max(1) - 1;
            assert_eq!(values.quantile(per_mille), instants.get(rank).copied());
        }
    }
}
