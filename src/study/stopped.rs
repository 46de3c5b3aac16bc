//! Why a study did not come to its end.

use super::input::Input;
use super::sending::SimulationError;
use crate::config::{Diagnostic, NoScenario};
use crate::metrics::Recording;

/// Why a study, or one of its runs, did not come to its end.
#[derive(Debug)]
pub enum Stopped {
    /// The user wanted so.
    Interrupted,
    /// A variation is no scenario; what it was comes with the problem.
    Invalid(String, NoScenario),
    /// A run could not go on.
    Failed(Diagnostic),
}

/// Makes one run with a seed, in whatever way it is watched.
pub type Simulate<'a> = dyn Fn(&Input, u64) -> Result<Recording, Stopped> + Sync + 'a;

impl Stopped {
    /// A run could not go on for this reason, beside which there is nothing to say.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed(Diagnostic::new(message))
    }

    /// Says which run could not go on.
    #[must_use]
    pub fn about(self, what: &str) -> Self {
        match self {
            Self::Failed(diagnostic) => Self::Failed(diagnostic.about(what)),
            other => other,
        }
    }
}

impl From<SimulationError> for Stopped {
    fn from(error: SimulationError) -> Self {
        Self::Failed(error.into())
    }
}
