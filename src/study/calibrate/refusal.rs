//! Why nothing was fitted.

use std::error::Error;
use std::fmt;

use super::super::SimulationError;

/// What the data cannot tell, and what would help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The reason.
    pub message: String,
    /// What to do instead.
    pub help: String,
}

impl Refusal {
    /// A refusal for this reason.
    pub fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: help.into(),
        }
    }
}

impl From<SimulationError> for Refusal {
    fn from(error: SimulationError) -> Self {
        Self::new(
            error.to_string(),
            "`tailcast run` must be able to run the scenario first",
        )
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}\n = help: {}", self.message, self.help)
    }
}

impl Error for Refusal {}
