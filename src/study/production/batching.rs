//! The policies of batching side by side, on the scenario's own traffic.

use super::question::{Answered, ProductionQuestion};
use crate::config::Flag;
use crate::metrics::Summary;
use crate::study::Stopped;

/// What the same requests see under a policy.
pub struct PolicyTried {
    /// The policy.
    pub policy: &'static str,
    /// The most requests in a batch, where several sizes were tried.
    pub batch: Option<u32>,
    /// Whether it is the scenario's own.
    pub is_own: bool,
    /// The numbers of a run.
    pub summary: Summary,
}

impl PolicyTried {
    /// The policy, with the size of its batches if others were tried.
    pub fn in_words(&self) -> String {
        match self.batch {
            Some(batch) => format!("{}, {batch} at most", self.policy),
            None => self.policy.to_owned(),
        }
    }
}

/// The policies that were tried, or why none were.
pub type TriedPolicies = Answered<Vec<PolicyTried>>;

/// The policies that everybody asks about.
const POLICIES: [&str; 3] = ["none", "static", "continuous"];
/// Sizes of static batches that are tried where a batch is one pass and ends as a whole: the usual advice for
/// embeddings is 16 to 128.
const BATCHES: [u32; 4] = [16, 32, 64, 128];

/// Runs the scenario under each policy, on the same random numbers.
pub(super) fn try_policies(question: &ProductionQuestion<'_>) -> Result<TriedPolicies, Stopped> {
    if !question.input.scenario.operation.pools().is_empty() {
        return Ok(Err("each pool says for itself how its servers batch".to_owned()));
    }
    let own = question.input.scenario.deployment.server.policy.description().name;
    let mut tried = Vec::new();
    let prompts_only = question.input.scenario.traffic.is_prompt_only();
    let policies = POLICIES.into_iter().chain((!POLICIES.contains(&own)).then_some(own));
    let ways = policies.flat_map(|policy| {
        let sizes = if policy == "static" && prompts_only {
            BATCHES.map(Some).to_vec()
        } else {
            vec![None]
        };
        sizes.into_iter().map(move |batch| (policy, batch))
    });
    for (policy, batch) in ways {
        let mut set = vec![Flag::new("--set", format!("batching.policy=\"{policy}\""))];
        set.extend(batch.map(|batch| Flag::new("--set", format!("batching.max_batch_size={batch}"))));
        let Ok(input) = question.base.with(&set) else {
            continue; // Its keys may rule others out: priorities, drafts.
        };
        let recording = (question.simulate)(&input, input.scenario.seed)?;
        tried.push(PolicyTried {
            policy,
            batch,
            is_own: policy == own,
            summary: Summary::of(&recording),
        });
    }
    Ok(Ok(tried))
}
