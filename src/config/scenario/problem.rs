//! Why there is no scenario.

use std::fmt;

use crate::config::reader::diagnostic::Diagnostic;
use crate::hardware::DoesNotFit;

/// Why there is no scenario.
#[derive(Debug)]
pub enum Problem {
    /// The text is wrong.
    Invalid(Box<Diagnostic>),
    /// The model does not fit into the GPU's memory.
    DoesNotFit(Box<DoesNotFit>),
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(diagnostic) => diagnostic.fmt(formatter),
            Self::DoesNotFit(shortage) => shortage.fmt(formatter),
        }
    }
}

impl std::error::Error for Problem {}

impl From<Problem> for Diagnostic {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::Invalid(diagnostic) => *diagnostic,
            Problem::DoesNotFit(shortage) => Self::new(shortage.to_string()),
        }
    }
}

impl From<Diagnostic> for Problem {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Invalid(Box::new(diagnostic))
    }
}
