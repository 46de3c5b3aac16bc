//! What a router is told of a server of a fleet.

/// A server of a fleet.
#[derive(Clone, Copy, Debug)]
pub struct FleetMember {
    /// How many requests it can run at once.
    pub places: u32,
    /// How much it takes beside the others; above 0.
    pub weight: f64,
}
