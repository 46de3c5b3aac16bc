//! How a deployment is run: in which pools, of how many servers each.

use crate::units::Span;

/// The pools of servers that run, and what of the run is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// At least one.
    pub pools: Vec<Pool>,
    /// What of the run its numbers leave out.
    pub warm_up: WarmUp,
}

/// What of a run is left out of latencies, throughput and queue depths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WarmUp {
    /// Nobody has said: what [`WarmUp::Found`] does where arrivals have the same rate throughout, else nothing.
    Usual,
    /// The time that the server takes to fill, and what comes after the last arrival.
    Found,
    /// Nothing.
    Kept,
    /// Its first part, this long.
    Before(Span),
}

/// Servers that are alike and serve the same requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// How many; at least 1.
    pub servers: u32,
}

impl Operation {
    /// One pool of one server.
    pub fn of_one_server(warm_up: WarmUp) -> Self {
        Self {
            warm_up,
            pools: vec![Pool { servers: 1 }],
        }
    }

    /// The servers of all pools.
    pub fn servers(&self) -> u32 {
        self.pools.iter().map(|pool| pool.servers).sum()
    }
}
