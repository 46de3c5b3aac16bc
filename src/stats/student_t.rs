//! Confidence intervals for a mean, from independent replications.

use serde::Serialize;

use super::mean::mean;

/// The 97.5 % quantile of Student's t for 1 to 9 degrees of freedom: NIST/SEMATECH e-Handbook of Statistical Methods,
/// 1.3.6.7.2, with more digits.
const FEW_DEGREES: [f64; 9] = [
    12.706_204_74,
    4.302_652_73,
    3.182_446_31,
    2.776_445_11,
    2.570_581_84,
    2.446_911_85,
    2.364_624_25,
    2.306_004_14,
    2.262_157_16,
];

/// The 97.5 % quantile of the normal distribution.
const NORMAL: f64 = 1.959_963_984_540_054;

/// A range that holds the true value with a stated confidence; `[low, high]` in files.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(into = "[f64; 2]")]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Interval {
    /// A single value.
    pub const fn at(value: f64) -> Self {
        Self {
            low: value,
            high: value,
        }
    }
}

impl From<Interval> for [f64; 2] {
    fn from(interval: Interval) -> Self {
        [interval.low, interval.high]
    }
}

/// The two-sided 95 % confidence interval for the mean of what `values` are independent draws of (Student's t); `None`
/// of fewer than two.
pub fn confidence_interval_95(values: &[f64]) -> Option<Interval> {
    let (mean, half_width) = mean_and_half_width(values)?;
    Some(Interval {
        low: mean - half_width,
        high: mean + half_width,
    })
}

fn mean_and_half_width(values: &[f64]) -> Option<(f64, f64)> {
    if values.len() < 2 {
        return None;
    }
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    let standard_error = (squares / (count - 1.0) / count).sqrt();
    Some((mean, t_quantile_975(values.len() - 1) * standard_error))
}

/// The 95 % confidence interval for the mean of values that are never negative, such as times: symmetric in its
/// logarithm (the delta method: the standard error of a logarithm is the relative standard error), so that it never
/// reaches below 0; `None` of fewer than two values.
pub fn confidence_interval_95_above_zero(values: &[f64]) -> Option<Interval> {
    confidence_interval_95_about(mean(values.iter().copied())?, values)
}

/// The interval of [`confidence_interval_95_above_zero`] about another estimate of what `values` estimate, such as a
/// quantile of all their samples together, which is less biased than the mean of their quantiles.
pub fn confidence_interval_95_about(estimate: f64, values: &[f64]) -> Option<Interval> {
    let (mean, half_width) = mean_and_half_width(values)?;
    if mean <= 0.0 {
        return Some(Interval {
            low: estimate,
            high: estimate,
        });
    }
    let factor = (half_width / mean).exp();
    Some(Interval {
        low: estimate / factor,
        high: (estimate * factor).min(f64::MAX),
    })
}

/// The 95 % confidence interval for the mean of parts of one: symmetric in its logit, so that it stays between 0 and 1;
/// `None` of fewer than two values.
pub fn confidence_interval_95_of_shares(values: &[f64]) -> Option<Interval> {
    let (mean, half_width) = mean_and_half_width(values)?;
    if mean <= 0.0 || mean >= 1.0 {
        return Some(Interval { low: mean, high: mean });
    }
    let (logit, half_width) = ((mean / (1.0 - mean)).ln(), half_width / (mean * (1.0 - mean)));
    let share = |logit: f64| 1.0 / (1.0 + (-logit).exp());
    Some(Interval {
        low: share(logit - half_width),
        high: share(logit + half_width),
    })
}

/// The 97.5 % quantile of Student's t with `degrees` (at least 1) of freedom, within 0.00002: tabulated up to 9, from
/// there by the expansion of Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.5.
pub fn t_quantile_975(degrees: usize) -> f64 {
    assert!(degrees > 0, "a t quantile needs a degree of freedom");
    if let Some(&quantile) = FEW_DEGREES.get(degrees - 1) {
        return quantile;
    }
    let z = NORMAL;
    let square = z * z;
    let terms = [
        z * (square + 1.0) / 4.0,
        z * ((5.0 * square + 16.0) * square + 3.0) / 96.0,
        z * (((3.0 * square + 19.0) * square + 17.0) * square - 15.0) / 384.0,
        z * ((((79.0 * square + 776.0) * square + 1482.0) * square - 1920.0) * square - 945.0) / 92_160.0,
    ];
    let inverse = 1.0 / degrees as f64;
    // Horner's scheme in 1 / degrees.
    terms.iter().rev().fold(0.0, |sum, term| (sum + term) * inverse) + z
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t_quantiles_are_those_of_the_tables() {
        let table = [
            (1, 12.706_20),
            (4, 2.776_45),
            (9, 2.262_16),
            (10, 2.228_14),
            (12, 2.178_81),
            (20, 2.085_96),
            (30, 2.042_27),
            (100, 1.983_97),
            (1_000_000, 1.959_97),
        ];
        for (degrees, expected) in table {
            let quantile = t_quantile_975(degrees);
            assert!((quantile - expected).abs() < 0.000_02, "{degrees}: {quantile}");
        }
    }

    #[test]
    fn an_interval_is_the_one_on_paper() {
        // Mean 3, standard deviation sqrt(2.5), standard error sqrt(0.5), t(4) = 2.776445.
        let interval = confidence_interval_95(&[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        let half_width = 2.776_445_11 * 0.5_f64.sqrt();
        assert!((interval.low - (3.0 - half_width)).abs() < 1e-12);
        assert!((interval.high - (3.0 + half_width)).abs() < 1e-12);
        assert_eq!(confidence_interval_95(&[1.0]), None);
    }

    #[test]
    fn intervals_stay_within_what_values_can_be() {
        // Mean 2, standard error 1: 2 / e^(t/2) and 2 e^(t/2) with t(2) = 4.302653.
        let root = 3.0_f64.sqrt();
        let interval = confidence_interval_95_above_zero(&[2.0 - root, 2.0, 2.0 + root]).unwrap();
        assert!(
            (interval.low - 2.0 / 2.151_326_365_f64.exp()).abs() < 1e-9,
            "{interval:?}"
        );
        assert!(
            (interval.high - 2.0 * 2.151_326_365_f64.exp()).abs() < 1e-9,
            "{interval:?}"
        );
        // Mean 1/2, standard error 0.1: the logit is 0, its standard error 0.1 / 0.25.
        let spread = 0.1 * root;
        let interval = confidence_interval_95_of_shares(&[0.5 - spread, 0.5, 0.5 + spread]).unwrap();
        let half_width = 4.302_652_73_f64 * 0.4;
        assert!(
            (interval.high - 1.0 / (1.0 + (-half_width).exp())).abs() < 1e-9,
            "{interval:?}"
        );
        assert!((interval.low + interval.high - 1.0).abs() < 1e-12, "{interval:?}");
        for values in [[0.0, 0.0], [1.0, 1.0], [0.0, 1.0], [1e-300, 1.0]] {
            for interval in [
                confidence_interval_95_above_zero(&values).unwrap(),
                confidence_interval_95_of_shares(&values).unwrap(),
            ] {
                assert!(
                    interval.low >= 0.0 && interval.low <= interval.high,
                    "{values:?}: {interval:?}"
                );
            }
            assert!(confidence_interval_95_of_shares(&values).unwrap().high <= 1.0);
        }
    }
}
