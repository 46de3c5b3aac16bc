//! How a live run goes on and ends.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::fleet::MemoryLimit;

/// How a live run goes on and ends.
#[derive(Clone, Debug)]
pub struct LiveSettings {
    /// The model as clients know it.
    pub model: String,
    /// Seconds of simulated time in one of real time.
    pub speed: f64,
    /// Once it is set, the run ends when those who are inside have their answers.
    pub stop: Arc<AtomicBool>,
    /// How long that may take at most [real time].
    pub grace: Duration,
    /// How much memory the requests in the servers may take.
    pub memory: Arc<MemoryLimit>,
}
