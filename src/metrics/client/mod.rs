//! Meters of what clients feel: whether they were answered, how fast, and how well.

mod attempts;
mod client_wait;
mod crowd;
mod latency;
mod latency_summary;
mod pending;
mod recovery;
mod requests;
mod throughput;

pub use attempts::AttemptCounts;
pub(super) use attempts::AttemptsMeter;
pub use client_wait::ClientWait;
pub(super) use client_wait::ClientWaitMeter;
pub use crowd::CrowdQuantiles;
pub(super) use crowd::Felt;
pub use latency::Latencies;
pub(super) use latency::{LatencyDistributions, LatencyMeter};
pub use latency_summary::{LatencyIntervals, LatencySummary};
pub(super) use recovery::RecoveryMeter;
pub use recovery::{FleetEvent, Recovery};
pub use requests::Requests;
pub(super) use requests::RequestsMeter;
pub use throughput::Throughput;
pub(super) use throughput::{ServedTotal, ThroughputMeter};
