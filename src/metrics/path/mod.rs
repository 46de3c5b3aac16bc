//! The way of requests from their clients to the model and back: how long each stage takes, and who pays for it.

mod meter;
mod parts;
mod report;
mod segment;
mod sums;
mod total;

pub(super) use meter::PathMeter;
pub use report::{PathReport, PathStageReport, StageKind};
pub use total::PathSummary;
pub(super) use total::PathTotal;
