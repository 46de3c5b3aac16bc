//! Continuous batching as vLLM V1 does it, in readable form (0.33.0: `vllm/v1/core/sched/scheduler.py`,
//! `async_scheduler.py`, `vllm/v1/core/kv_cache_manager.py`).
//!
//! There are no prefill and decode phases: each step gives a request the tokens that bring its computed tokens up to
//! all its tokens, oldest first, within a token budget, then admits from the head of the queue. A request whose last
//! token is computed samples the next one. When blocks run out the youngest is preempted, and computes again what is no
//! longer in the cache.
//!
//! With KV cache in the memory of the CPU (`offload`) a request may wait for what it loads from there.
//!
//! Not modelled: `LoRA`, multimodal inputs, KV transfer between servers, structured output, pipeline stages; the layers
//! of a head with several modules (MTP), which look further ahead; numbers of drafts that depend on the batch. Drafts
//! that are missing in a step, as when n-grams find no match, are known from recordings only.

mod allocate;
mod budget;
mod continuous;
mod cpu_memory;
mod decisions;
pub mod drafts;
mod group_search;
mod links;
mod lookup;
mod member;
mod offload;
mod plan;
mod profile;
mod resume;
mod rules;
mod schedule;
mod scheduler;
mod settings;
mod transfers;
mod update;

pub use budget::{Padding, RequestStanding, StepBudget};
pub use continuous::ContinuousBatching;
pub use decisions::{AdmissionMemory, cut_to_threshold};
pub use member::Member;
pub use plan::{ScheduledPart, VllmPlan};
pub use profile::{DraftSwitches, NamedProfile, PROFILE, PROFILES, Profile};
pub use resume::RunningRequest;
pub use scheduler::VllmScheduler;
pub use settings::ContinuousSettings;
pub use transfers::{CopyTime, LoadStarted, OffloadRules, Transfer, TransferPlan};
pub use update::Output;
