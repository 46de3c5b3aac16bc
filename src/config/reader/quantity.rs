//! Lengths of time with their unit: `2s`, `50ms`, `1.5h`.

use std::borrow::Cow;
use std::fmt::Display;

use crate::stats::unrounded;
use crate::units::Span;

/// How to write a duration.
pub const DURATION_HELP: &str =
    "write a number and its unit in quotes, such as \"2s\"; units: ns, us, ms, s, min, h, d; at most 200 days";

/// Units and their length [s].
const UNITS: [(&str, f64); 9] = [
    ("ns", 1e-9),
    ("us", 1e-6),
    ("µs", 1e-6),
    ("ms", 1e-3),
    ("s", 1.0),
    ("min", 60.0),
    ("m", 60.0),
    ("h", 3600.0),
    ("d", 86_400.0),
];

/// The length of time that `text` describes; otherwise what is wrong with it.
pub fn duration(text: &str) -> Result<Span, String> {
    let text = text.trim();
    let shown = cut(text);
    let unit_at = text
        .find(|character: char| character.is_alphabetic() && character != 'e' && character != 'E')
        .unwrap_or(text.len());
    let (number, unit) = (text[..unit_at].trim(), &text[unit_at..]);
    let Ok(number) = number.parse::<f64>() else {
        return Err(format!("{shown:?} is not a duration"));
    };
    if unit.is_empty() {
        return Err(without_unit(&shown));
    }
    let Some((_, seconds)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(format!("`{}` is not a unit of time", cut(unit)));
    };
    if number < 0.0 {
        return Err(format!("{shown:?} is negative"));
    }
    Span::from_seconds(number * seconds).ok_or_else(|| format!("{shown:?} is longer than 200 days"))
}

/// The longest text that a message repeats as a whole [characters].
const LONGEST_REPEATED: usize = 60;

/// The beginning of a text, for a message.
pub fn cut(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(LONGEST_REPEATED) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// A regular expression that durations match, and little else.
pub fn pattern() -> String {
    let units: Vec<&str> = UNITS.iter().map(|(name, _)| *name).collect();
    format!(
        "^\\s*\\+?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)?\\s*({})\\s*$",
        units.join("|")
    )
}

/// What is wrong with a bare number that may have a fraction.
pub fn float_without_unit(number: f64) -> String {
    if number.is_finite() {
        without_unit(&unrounded(number))
    } else {
        format!("{number} is not a duration")
    }
}

/// What is wrong with a bare number.
pub fn without_unit(number: &impl Display) -> String {
    format!("{number} has no unit; if it means seconds, write \"{number}s\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_exact_to_the_picosecond() {
        for (text, picos) in [
            ("2s", 2_000_000_000_000),
            ("50ms", 50_000_000_000),
            ("0s", 0),
            ("1.5h", 5_400_000_000_000_000),
            ("1 ns", 1_000),
            ("1e3 us", 1_000_000_000),
            ("1min", 60_000_000_000_000),
            ("1m", 60_000_000_000_000),
            ("3µs", 3_000_000),
            ("200d", 17_280_000_000_000_000_000),
        ] {
            assert_eq!(duration(text), Ok(Span::from_picos(picos)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "",
            "s",
            "2",
            "2 parsecs",
            "-1s",
            "nan s",
            "NaNs",
            "infs",
            "201d",
            "1e300s",
            "2ss",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
