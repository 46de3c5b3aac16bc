//! What a run was like: latencies, queue depth, KV usage, GPU use, and what held it back.
//!
//! Everything here listens to an engine through [`crate::engine::Observer`]: a [`Recorder`] turns what it hears into a
//! [`Recording`], recordings of replications pool into one, and a [`Summary`] holds the numbers that are reported.

mod binding;
mod contexts;
mod fragmentation;
mod gpu_work;
mod kv_usage;
mod latency;
mod listeners;
mod pending;
mod population;
mod prefix_hits;
mod recorder;
mod recording;
mod replications;
mod request_log;
mod saturation;
mod slo;
mod summary;
mod timeline;

pub use binding::{Binding, Constraint};
pub use contexts::Contexts;
pub use gpu_work::GpuWork;
pub use latency::{LatencyIntervals, LatencySummary};
pub use listeners::{LastHeard, Listeners};
pub use population::Counts;
pub use recorder::{Recorder, RecorderSettings};
pub use recording::Recording;
pub use replications::Replications;
pub use request_log::{Outcome, RequestLog, RequestRow};
pub use saturation::Saturation;
pub use slo::{Metric, Slo, SloError, SloOutcome, SloResult, Statistic, all_met};
pub use summary::{
    GpuSummary, KvFragmentation, KvSummary, KvUsage, Latencies, QueueSummary, Requests, SpeculativeSummary, Summary,
    Throughput, TimeWeightedSummary,
};
pub use timeline::{Timeline, TimelineRow};
