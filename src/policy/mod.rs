//! Queue state and what the next step holds: one file a batching policy.
//!
//! A policy says in plain words, over plain queues, what the next step holds ([`Policy::plan`]). That is all a policy
//! needs: the reference engine runs every policy from it, one step at a time. Where the fast engine has a shortcut for
//! a policy, it shares the policy's decision functions and must give the same events.
//!
//! What else is to be known of a policy, its settings say in the same file ([`Rules`]).

mod list;
mod live;
mod none;
mod orca;
mod plain_queue;
mod plan;
mod planner;
mod queue;
mod rules;
mod sarathi;
pub mod sglang;
mod speculative;
mod static_batch;
mod step_plan;
mod tgi;
mod trtllm;
pub mod vllm;
mod vllm_v0;

pub use list::{POLICIES, POLICY, PolicySettings, VARIANTS};
pub use live::{Live, Memory, cut_to_model_length, taken_of};
pub use none::NoBatching;
pub use orca::OrcaSettings;
pub use plain_queue::PlainQueue;
pub use plan::{HoldsFor, Policy};
pub use planner::{Moved, Planned, Planner, Waiting};
pub use queue::{OrderMatters, Queue, UnderWay};
pub use rules::{Change, Description, Host, LargestStep, Limits, MOST_REQUESTS, MOST_TOKENS, Rules};
pub use sarathi::SarathiSettings;
pub use sglang::{SchedulePolicy, SglangPriorities, SglangSettings};
pub use speculative::{Acceptance, DraftCounts, DraftPadding, DraftRules, Speculative};
pub use static_batch::{Batch, Formation, Reserve, Response, StaticSettings};
pub use step_plan::{Decision, Produced, Scheduled, ScheduledAs, StepOutcome, StepPlan};
pub use tgi::TgiSettings;
pub use trtllm::{CapacityScheduler, TrtllmSettings};
pub use vllm::{AdmissionMemory, ContinuousSettings, cut_to_threshold};
pub use vllm_v0::VllmV0Settings;
