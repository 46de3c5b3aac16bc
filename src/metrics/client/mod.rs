//! Meters of what clients feel: whether they were answered, how fast, and how well.

mod client_wait;
mod crowd;
mod latency;
mod latency_summary;
mod pending;
mod requests;
mod throughput;

pub use client_wait::ClientWait;
pub(super) use client_wait::ClientWaitMeter;
pub use crowd::CrowdQuantiles;
pub(super) use crowd::Felt;
pub use latency::Latencies;
pub(super) use latency::LatencyMeter;
pub use latency_summary::{LatencyIntervals, LatencySummary};
pub use requests::Requests;
pub(super) use requests::RequestsMeter;
pub use throughput::Throughput;
pub(super) use throughput::ThroughputMeter;
