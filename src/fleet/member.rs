//! What a fleet is told of each of its servers.

/// A server of a fleet.
#[derive(Clone, Copy, Debug)]
pub struct FleetMember {
    /// How many requests it can run at once.
    pub places: u32,
    /// How much it takes beside the others; above 0.
    pub weight: f64,
    /// The number of its pool, below [`MOST_POOLS`]: servers of one pool are alike, so that any of them could serve
    /// what one of them could.
    pub pool: u32,
}

/// The most pools that a fleet may have.
pub const MOST_POOLS: u32 = 64;
