//! Why a study did not come to its end.

use crate::config::Problem;
use crate::metrics::Recording;

use super::Input;

/// Why a study, or one of its runs, did not come to its end.
#[derive(Debug)]
pub enum Stopped {
    /// The user wanted so.
    Interrupted,
    /// A variation is no scenario; what it was comes with the problem.
    Invalid(String, Problem),
    /// A run could not go on.
    Failed(String),
}

/// Makes one run with a seed, in whatever way it is watched.
pub type Simulate<'a> = dyn Fn(&Input, u64) -> Result<Recording, Stopped> + Sync + 'a;
