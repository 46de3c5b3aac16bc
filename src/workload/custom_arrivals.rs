//! Arrivals that no process of ours makes: code that whoever asks brings along.

use std::fmt;
use std::sync::Arc;

/// Makes the gaps of an arrival process, for each run its own.
pub trait GapMaker: Send + Sync {
    /// The time before each request, from time 0 on [s], at a mean rate [requests/s]; none come when they end. They may
    /// depend on nothing but the seed and the rate, or runs cannot be repeated.
    fn gaps(&self, seed: u64, rate_per_s: f64) -> Box<dyn Iterator<Item = f64>>;
}

/// A mean rate that arrivals were asked to have and did not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MissedRate {
    /// What was asked for [1/s].
    pub asked_per_s: f64,
    /// What came [1/s].
    pub came_per_s: f64,
}

/// An arrival process that whoever asks brings along.
#[derive(Clone)]
pub struct CustomArrivals {
    /// What it is called; two that differ should have other names, as results are named after it.
    pub name: Arc<str>,
    /// Makes its gaps.
    pub maker: Arc<dyn GapMaker>,
}

impl fmt::Debug for CustomArrivals {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "CustomArrivals({})", self.name)
    }
}

/// The same code under the same name.
impl PartialEq for CustomArrivals {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && Arc::ptr_eq(&self.maker, &other.maker)
    }
}
