//! A run that is watched while it goes on: for progress, for a stop, and for what it may not outgrow.

use super::bounds::Bounds;
use super::control::Control;
use crate::fleet::{MemoryTaken, ReplayError, Watch};

/// Watches one run on behalf of a control.
pub struct Watched<'a> {
    control: &'a Control,
    bounds: &'a Bounds,
    memory: MemoryTaken<'a>,
    /// Requests that the audience has not heard of.
    uncounted: u64,
}

/// The audience is shared by all threads, and hears of many requests at once so that threads do not wait for each
/// other.
const COUNTED_TOGETHER: u64 = 64;

impl<'a> Watched<'a> {
    /// Ends the run once it is stopped or has outgrown `bounds`.
    pub fn new(control: &'a Control, bounds: &'a Bounds) -> Self {
        Self {
            control,
            bounds,
            memory: MemoryTaken::of(&control.memory),
            uncounted: 0,
        }
    }

    fn count(&mut self) {
        self.control.audience.count(self.uncounted);
        self.uncounted = 0;
    }
}

impl Watch for Watched<'_> {
    fn sent(&mut self) {
        self.uncounted += 1;
        if self.uncounted == COUNTED_TOGETHER {
            self.count();
        }
        self.bounds.take();
    }

    fn may_go_on(&mut self) -> Result<(), ReplayError> {
        if self.control.is_stopped() {
            return Err(ReplayError::Stopped);
        }
        self.bounds.check()
    }

    #[inline]
    fn may_hold(&mut self, bytes: u64) -> Result<(), ReplayError> {
        self.memory.hold(bytes)
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        if self.uncounted > 0 {
            self.count();
        }
    }
}
