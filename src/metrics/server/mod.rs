//! Meters of what a server does: its queue, its memory, its GPUs, and what holds it back.

mod binding;
mod constraint;
mod drafts;
mod fragmentation;
mod gpu;
mod gpu_work;
mod kv;
mod kv_usage;
mod prefix_hits;
mod queue;
mod queue_growth;
mod saturation;
mod step_prices;
mod step_shares;
mod waves;

pub(super) use binding::AdmissionLimits;
pub use binding::Binding;
pub use constraint::Constraint;
pub(super) use constraint::ConstraintMeter;
pub(super) use drafts::DraftsMeter;
pub use drafts::SpeculativeSummary;
pub(super) use gpu::GpuMeter;
pub use gpu::GpuSummary;
pub use gpu_work::GpuWork;
pub(super) use gpu_work::{Utilisation, WorkDone};
pub(super) use kv::KvMeter;
pub use kv::{KvFragmentation, KvSummary, KvUsage};
pub(super) use queue::QueueMeter;
pub use queue::{QueueSummary, TimeWeightedSummary};
pub use saturation::Saturation;
pub(super) use saturation::SaturationMeter;
pub use step_prices::StepPrices;
pub use step_shares::StepShares;
pub(super) use step_shares::StepSharesMeter;
pub use waves::Waves;
pub(super) use waves::WavesMeter;
