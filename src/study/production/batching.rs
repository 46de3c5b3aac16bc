//! The policies of batching side by side, on the scenario's own traffic.

use super::{Answered, ProductionQuestion};
use crate::config::Flag;
use crate::metrics::Summary;
use crate::study::Stopped;

/// What the same requests see under a policy.
pub struct PolicyTried {
    /// The policy.
    pub policy: &'static str,
    /// Whether it is the scenario's own.
    pub is_own: bool,
    /// The numbers of a run.
    pub summary: Summary,
}

/// The policies that were tried, or why none were.
pub type TriedPolicies = Answered<Vec<PolicyTried>>;

/// The policies that everybody asks about.
const POLICIES: [&str; 3] = ["none", "static", "continuous"];

/// Runs the scenario under each policy, on the same random numbers.
pub(super) fn try_policies(question: &ProductionQuestion<'_>) -> Result<TriedPolicies, Stopped> {
    if !question.input.scenario.operation.pools().is_empty() {
        return Ok(Err("each pool says for itself how its servers batch".to_owned()));
    }
    let own = question.input.scenario.deployment.server.policy.description().name;
    let mut tried = Vec::new();
    for policy in POLICIES.into_iter().chain((!POLICIES.contains(&own)).then_some(own)) {
        let set = Flag::new("--set", format!("batching.policy=\"{policy}\""));
        let Ok(input) = question.base.with(&[set]) else {
            continue; // Its keys may rule others out: priorities, drafts.
        };
        let recording = (question.simulate)(&input, input.scenario.seed)?;
        tried.push(PolicyTried {
            policy,
            is_own: policy == own,
            summary: Summary::of(&recording),
        });
    }
    Ok(Ok(tried))
}
