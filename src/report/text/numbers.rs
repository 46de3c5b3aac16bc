//! How reports show numbers.

use crate::metrics::{ClassToRecord, Slo, SloOutcome, SloResult, Summary};
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
        Quantity::Price => price(value),
    }
}

/// An objective in words.
pub fn slo(slo: &Slo) -> String {
    match slo {
        Slo::Latency(slo) => {
            let (metric, statistic) = (slo.metric.name(), slo.statistic.name());
            format!("{metric} {statistic} <= {}", duration(slo.limit.seconds()))
        }
        Slo::Served(_) => slo.to_string(),
    }
}

/// Objectives on all requests in words, and then those on the requests of each class.
pub fn slos(of_all: &[Slo], classes: &[ClassToRecord]) -> Vec<String> {
    let of_classes = classes.iter().flat_map(|class| {
        let words = class.slos.iter().map(slo);
        words.map(|words| format!("{} {words}", class.name))
    });
    of_all.iter().map(slo).chain(of_classes).collect()
}

/// The objective that the requests of a class miss, with the name of the class; of several the one that fared worst,
/// and `None` if none is missed.
pub fn missed_of_class<'a>(summary: &Summary, classes: &'a [ClassToRecord]) -> Option<(&'a str, SloResult)> {
    let worst = summary.of_classes?;
    let is_missed = worst.result.outcome == SloOutcome::Missed;
    is_missed.then(|| (classes[worst.class.place()].name.as_str(), worst.result))
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

/// An amount of memory or storage, in decimal units as vendors count.
pub fn bytes(bytes: f64) -> String {
    let units = [("PB", 1e15), ("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)];
    let found = units.into_iter().find(|(_, one)| bytes.abs() >= *one);
    let (unit, one) = found.unwrap_or(("B", 1.0));
    format!("{} {unit}", rounded(bytes / one))
}

/// Dollars: whole cents, but of less than a dollar as much as there is to it.
pub fn price(dollars: f64) -> String {
    let sign = if dollars < 0.0 { "-" } else { "" };
    match dollars.abs() {
        size if size >= 99.95 => format!("{sign}${}", thousands(size.round())),
        size if size >= 0.995 || size == 0.0 => format!("{sign}${size:.2}"),
        size => format!("{sign}${}", rounded(size)),
    }
}

/// A whole number with commas between its thousands; an exponent, if it is huge.
fn thousands(number: f64) -> String {
    let digits = rounded(number);
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_plain {
        return digits;
    }
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A part of one. Nearly all, or nearly nothing, is not shown as all or nothing.
pub fn percent(fraction: f64) -> String {
    let percent = fraction * 100.0;
    let text = format!("{percent:.1} %");
    match text.as_str() {
        "100.0 %" if fraction < 1.0 => "> 99.9 %".to_owned(),
        "0.0 %" if fraction > 0.0 => "< 0.1 %".to_owned(),
        "-0.0 %" => "0.0 %".to_owned(),
        _ => text,
    }
}

/// A number that may be unknown.
pub fn or_unknown<T>(value: Option<T>, show: impl Fn(T) -> String) -> String {
    value.map_or_else(|| UNKNOWN.to_owned(), show)
}
