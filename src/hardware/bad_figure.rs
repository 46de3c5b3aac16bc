//! A figure that no hardware or model can have.

use std::error::Error;
use std::fmt;

/// Says which figure is wrong, what it is, and what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadFigure {
    /// The figure, in the words of the file or struct it comes from.
    pub field: &'static str,
    /// The value given.
    pub value: String,
    /// What to write instead.
    pub expected: String,
}

impl BadFigure {
    /// A wrong `value` of `field`, with what was expected.
    pub fn new(field: &'static str, value: impl fmt::Display, expected: impl Into<String>) -> Self {
        Self {
            field,
            value: value.to_string(),
            expected: expected.into(),
        }
    }
}

impl fmt::Display for BadFigure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, value, expected } = self;
        write!(formatter, "{field} is {value}; it must be {expected}")
    }
}

impl Error for BadFigure {}
