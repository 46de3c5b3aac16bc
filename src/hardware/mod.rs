//! What is bought: a GPU, a model, and the memory that is left for the KV cache when one serves the other.
//!
//! Plain values, valid by construction: no files, no text formats. `config::catalogue` reads them from TOML.

mod arithmetic;
mod attention;
mod bad_figure;
mod chip;
mod cuda_graphs;
mod does_not_fit;
mod drafter;
mod feed_forward;
mod gpu;
mod kernel_copies;
mod kernels;
mod kv_footprint;
mod kv_group;
mod kv_layer;
mod kv_layout;
mod kv_pool;
mod linear;
mod link;
mod memory;
mod memory_budget;
mod memory_request;
mod model;
mod precision;
mod profile_run;
mod start_up;
mod static_fraction;
mod vision;
mod weights;

pub use arithmetic::{Arithmetic, AttentionLayers, ExpertLayers};
pub use attention::{Attention, GroupedAttention, LatentAttention, Reach};
pub use bad_figure::BadFigure;
pub use chip::{Architecture, Chip};
pub use cuda_graphs::CudaGraphs;
pub use does_not_fit::{DoesNotFit, MemoryShortage};
pub use drafter::Drafter;
pub use feed_forward::{DenseLayer, ExpertLayer, FeedForward};
pub use gpu::{Gpu, GpuFigures, PeakFlops};
pub use kernels::{AllReduceKernels, AttentionKernels, ExpertKernels, LinearKernels, MeasuredKernels, MixedAttention};
pub use kv_footprint::{KvFootprint, WindowedKv, WindowedLayers};
pub use kv_group::{KvGroup, KvGroupKind};
pub use kv_layer::{KvLayer, KvLayers, kv_layers};
pub use kv_layout::{KvGroupRules, KvLayout, block_that_holds_states};
pub use kv_pool::{KvLimits, KvPool};
pub use linear::{LinearKind, Unquantised};
pub use link::{Link, LinkKind};
pub use memory::budget;
pub use memory_budget::MemoryBudget;
pub use memory_request::MemoryRequest;
pub use model::{LayerGroup, Model, ModelFigures};
pub use precision::{KvPrecision, UnknownPrecision, WeightPrecision};
pub use start_up::{CacheSizing, KvScheduling, SamplerRun, StartUp};
pub use static_fraction::default_static_fraction;
pub use vision::VisionTower;
pub use weights::Weights;
