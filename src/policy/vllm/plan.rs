//! What one step holds.

use super::transfers::TransferPlan;
use crate::policy::step_plan::ScheduledAs;
use crate::workload::RequestId;

/// What one step of vLLM holds, and whom it preempts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VllmPlan {
    /// Requests that compute, in order.
    pub scheduled: Vec<ScheduledPart>,
    /// Requests that lost their blocks, in order.
    pub preempted: Vec<RequestId>,
    /// What moves between the memories of GPU and CPU.
    pub transfers: TransferPlan,
}

/// One request's part in a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduledPart {
    /// The request that this part belongs to.
    pub id: RequestId,
    /// How it came into the step.
    pub kind: ScheduledAs,
    /// Tokens it computes, drafts included.
    pub tokens: u32,
    /// Tokens whose KV existed before, those found in the cache included.
    pub computed_before: u32,
    /// Tokens found in the prefix cache.
    pub hit: u32,
    /// Tokens that were loaded from the memory of the CPU beyond them, before the request was admitted.
    pub external: u32,
    /// Draft tokens it verifies.
    pub drafts: u32,
    /// Whether these stand in for drafts that nobody has proposed.
    pub padded: bool,
    /// Whether it samples.
    pub samples: bool,
}
