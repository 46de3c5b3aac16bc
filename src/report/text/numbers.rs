//! How reports show numbers.

use crate::metrics::Slo;
use crate::stats::rounded;
use crate::study::Quantity;

/// What stands for an unknown number.
pub const UNKNOWN: &str = "-";

/// A number of that kind with its unit.
pub fn with_unit(quantity: Quantity, value: f64) -> String {
    match quantity {
        Quantity::Time => duration(value),
        Quantity::Share => percent(value),
        Quantity::Rate => format!("{}/s", rounded(value)),
        Quantity::Count => rounded(value),
    }
}

/// An objective in words.
pub fn slo(slo: &Slo) -> String {
    let (metric, statistic) = (slo.metric.name(), slo.statistic.name());
    format!("{metric} {statistic} <= {}", duration(slo.limit.seconds()))
}

/// In milliseconds, without the unit.
pub fn milliseconds(seconds: Option<f64>) -> String {
    or_unknown(seconds, |seconds| rounded(seconds * 1e3))
}

/// With its unit: milliseconds below a second.
pub fn duration(seconds: f64) -> String {
    if seconds.abs() >= 1.0 {
        format!("{} s", rounded(seconds))
    } else {
        format!("{} ms", rounded(seconds * 1e3))
    }
}

/// A part of one.
pub fn percent(fraction: f64) -> String {
    format!("{:.1} %", fraction * 100.0)
}

/// A number that may be unknown.
pub fn or_unknown<T>(value: Option<T>, show: impl Fn(T) -> String) -> String {
    value.map_or_else(|| UNKNOWN.to_owned(), show)
}
