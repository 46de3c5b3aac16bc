//! Why nothing was fitted.

use std::error::Error;
use std::fmt;

use crate::config::Diagnostic;
use crate::study::SimulationError;

/// What the data cannot tell, and what would help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(pub Diagnostic);

impl Refusal {
    /// A refusal for this reason.
    pub fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self(Diagnostic::new(message).help(help))
    }

    /// The same, of one of several loads.
    #[must_use]
    pub fn about(self, load: &str) -> Self {
        Self(self.0.about(load))
    }
}

impl From<SimulationError> for Refusal {
    fn from(error: SimulationError) -> Self {
        Self(Diagnostic::from(error).help("`tailcast run` must be able to run the scenario first"))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl Error for Refusal {}
