//! Whoever watches a run while it goes on, and may end it.

use super::memory::USUAL_MEMORY_BYTES;
use super::replay_error::ReplayError;

/// Watches a run from outside of what is simulated.
pub trait Watch {
    /// Hears that another request is sent.
    fn sent(&mut self) {}

    /// Asked before every arrival, and between requests that finish once no more arrive: an error ends the run.
    fn may_go_on(&mut self) -> Result<(), ReplayError>;

    /// Asked whenever a request is in the server that was not before: all of them take about so many bytes of memory.
    /// An error ends the run.
    fn may_hold(&mut self, bytes: u64) -> Result<(), ReplayError>;
}

/// Nobody watches: the run goes to its end, unless its requests take more than [`USUAL_MEMORY_BYTES`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn may_go_on(&mut self) -> Result<(), ReplayError> {
        Ok(())
    }

    fn may_hold(&mut self, bytes: u64) -> Result<(), ReplayError> {
        let limit_bytes = USUAL_MEMORY_BYTES;
        if bytes > limit_bytes {
            return Err(ReplayError::OutOfMemory { limit_bytes });
        }
        Ok(())
    }
}
