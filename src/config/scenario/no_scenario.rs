//! Why there is no scenario.

use std::fmt;

use crate::config::reader::diagnostic::Diagnostic;
use crate::hardware::DoesNotFit;

/// Why there is no scenario.
#[derive(Debug)]
pub enum NoScenario {
    /// The text is wrong.
    Invalid(Box<Diagnostic>),
    /// The model does not fit into the GPU's memory.
    DoesNotFit(Box<DoesNotFit>),
}

impl fmt::Display for NoScenario {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(diagnostic) => diagnostic.fmt(formatter),
            Self::DoesNotFit(shortage) => shortage.fmt(formatter),
        }
    }
}

impl std::error::Error for NoScenario {}

impl From<NoScenario> for Diagnostic {
    fn from(problem: NoScenario) -> Self {
        match problem {
            NoScenario::Invalid(diagnostic) => *diagnostic,
            NoScenario::DoesNotFit(shortage) => Self::new(shortage.to_string()),
        }
    }
}

impl From<Diagnostic> for NoScenario {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Invalid(Box::new(diagnostic))
    }
}
