//! Confidence intervals for a mean, from independent replications.

use serde::Serialize;

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

impl From<Interval> for [f64; 2] {
    fn from(interval: Interval) -> Self {
        [interval.low, interval.high]
    }
}

/// The two-sided 95 % confidence interval for the mean of what `values` are independent draws of (Student's t); `None`
/// of fewer than two.
pub fn confidence_interval_95(values: &[f64]) -> Option<Interval> {
    if values.len() < 2 {
        return None;
    }
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    let standard_error = (squares / (count - 1.0) / count).sqrt();
    let half_width = t_quantile_975(values.len() - 1) * standard_error;
    Some(Interval {
        low: mean - half_width,
        high: mean + half_width,
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
}
