//! How far a server has come, told in steps: several may begin and end at one instant.

use super::engine_trait::Engine;
use super::observer::Observer;

/// How many steps of a server have been decided, and how many have ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    pub decided: u64,
    pub ended: u64,
}

/// A server that can be brought to where another one is.
pub(super) trait CatchesUp: Engine {
    /// Goes on until as many steps have been decided and have ended, while nobody comes.
    fn catch_up(&mut self, progress: Progress, observer: &mut (impl Observer + ?Sized));

    /// Having caught up, goes on to the next decision, but decides nothing. Who has given up by then leaves.
    fn stop_at_decision(&mut self, observer: &mut (impl Observer + ?Sized));
}
