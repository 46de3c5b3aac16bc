//! Whoever watches a run while it goes on, and may end it.

use super::replay_error::ReplayError;

/// Watches a run from outside of what is simulated.
pub trait Watch {
    /// Hears that another request is sent.
    fn sent(&mut self) {}

    /// Asked before every arrival, and between requests that finish once no more arrive: an error ends the run.
    fn may_go_on(&mut self) -> Result<(), ReplayError>;
}

/// Nobody watches: the run goes to its end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn may_go_on(&mut self) -> Result<(), ReplayError> {
        Ok(())
    }
}
