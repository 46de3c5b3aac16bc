//! A setting that makes no sense.

use std::fmt;

/// A setting that makes no sense, by its key as a scenario file writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// Path of the offending key, seen from the validated thing: `rate`, `stages[1].duration`, `arrivals.rate`.
    pub key: String,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl Invalid {
    /// The setting `key` is wrong because of `message`.
    pub fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            message: message.into(),
        }
    }

    /// The problem under a key that begins with its `parent`.
    #[must_use]
    pub fn inside(mut self, parent: &str) -> Self {
        self.key = format!("{parent}.{}", self.key);
        self
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.key, self.message)
    }
}

impl std::error::Error for Invalid {}

/// Checks that `value` lies between `least` and `most`, both included; NaN does not.
pub(super) fn check_range(key: &str, value: f64, least: f64, most: f64, example: &str) -> Result<(), Invalid> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    let message = format!("must be between {least} and {most}, not {value}; write {example}");
    Err(Invalid::new(key, message))
}

/// Checks that `value` is greater than 0 and at most `most`; NaN is not.
pub(super) fn check_positive(key: &str, value: f64, most: f64, example: &str) -> Result<(), Invalid> {
    if value > 0.0 && value <= most {
        return Ok(());
    }
    let message = format!("must be greater than 0 and at most {most}, not {value}; write {example}");
    Err(Invalid::new(key, message))
}
