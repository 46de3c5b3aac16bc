//! Lengths of time with their unit: `2s`, `50ms`, `1.5h`.

use std::borrow::Cow;
use std::fmt::{self, Display};

use crate::stats::unrounded;
use crate::units::Span;

/// How to write a duration.
pub const DURATION_HELP: &str =
    "write a number and its unit in quotes, such as \"2s\"; units: ns, us, ms, s, min, h, d; at most 200 days";

/// Units and their length [s].
pub const DURATIONS: Units = Units {
    of: "time",
    what: "a duration",
    likely: ("seconds", "s"),
    all: &[
        ("ns", 1e-9),
        ("us", 1e-6),
        ("µs", 1e-6),
        ("ms", 1e-3),
        ("s", 1.0),
        ("min", 60.0),
        ("m", 60.0),
        ("h", 3600.0),
        ("d", 86_400.0),
    ],
};

/// The units that something is written in.
pub struct Units {
    /// What they are units of.
    pub of: &'static str,
    /// What a number with one of them is.
    pub what: &'static str,
    /// What a number without one may mean, in words, and what to write after it then.
    pub likely: (&'static str, &'static str),
    /// Each with what it is, in the same one.
    pub all: &'static [(&'static str, f64)],
}

/// The length of time that `text` describes; otherwise what is wrong with it.
pub fn duration(text: &str) -> Result<Span, String> {
    let shown = cut(text.trim());
    let seconds = DURATIONS.read(text)?;
    if seconds < 0.0 {
        return Err(format!("{shown:?} is negative"));
    }
    Span::from_seconds(seconds).ok_or_else(|| format!("{shown:?} is longer than 200 days"))
}

impl Units {
    /// The number that `text` writes with one of them, of any sign; otherwise what is wrong with it.
    pub fn read(&self, text: &str) -> Result<f64, String> {
        let text = text.trim();
        let shown = cut(text);
        let unit_at = text
            .find(|character: char| character.is_alphabetic() && character != 'e' && character != 'E')
            .unwrap_or(text.len());
        let (number, unit) = (text[..unit_at].trim(), &text[unit_at..]);
        let Ok(number) = number.parse::<f64>() else {
            return Err(format!("{shown:?} is not {}", self.what));
        };
        if unit.is_empty() {
            return Err(self.missing(&shown));
        }
        let known = self.all.iter().find(|(name, _)| *name == unit);
        let (_, one) = known.ok_or_else(|| format!("`{}` is not a unit of {}", cut(unit), self.of))?;
        Ok(number * one)
    }

    /// What is wrong with a bare number.
    pub fn missing(&self, number: &impl Display) -> String {
        let (meaning, written) = self.likely;
        format!("{number} has no unit; if it means {meaning}, write \"{number}{written}\"")
    }

    /// What is wrong with a bare number that may have a fraction.
    pub fn missing_of_float(&self, number: f64) -> String {
        if number.is_finite() {
            self.missing(&unrounded(number))
        } else {
            format!("{number} is not {}", self.what)
        }
    }

    /// A regular expression that numbers with one of them match, and little else.
    pub fn pattern(&self) -> String {
        let units: Vec<&str> = self.all.iter().map(|(name, _)| *name).collect();
        format!(
            "^\\s*\\+?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)?\\s*({})\\s*$",
            units.join("|")
        )
    }
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

/// A part of one.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Percentage {
    /// From 0 to 1.
    pub share: f64,
}

impl fmt::Display for Percentage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}%", 100.0 * self.share)
    }
}

/// The part of one that `text` writes with a percent sign; otherwise what is wrong with it.
pub fn percentage(text: &str) -> Result<Percentage, String> {
    let refused = || format!("{:?} is not a percentage from 0 to 100", cut(text.trim()));
    let number = text.trim().strip_suffix('%').ok_or_else(refused)?;
    let share = number.trim().parse::<f64>().map(|percent| percent / 100.0);
    let share = share.ok().filter(|share| (0.0..=1.0).contains(share));
    share.map(|share| Percentage { share }).ok_or_else(refused)
}

/// What is wrong with a bare number that may have a fraction.
pub fn float_without_unit(number: f64) -> String {
    DURATIONS.missing_of_float(number)
}

/// What is wrong with a bare number.
pub fn without_unit(number: &impl Display) -> String {
    DURATIONS.missing(number)
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
