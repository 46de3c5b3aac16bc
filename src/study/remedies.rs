//! Changes of a server that may raise its capacity, tried by simulation.

use super::capacity::Capacity;
use super::capacity_search::{CapacitySearch, Likely, beside};
use super::stopped::{Simulate, Stopped};
use super::{Input, Workers};
use crate::config::{Flag, NoScenario, Workload};
use crate::hardware::{KvPrecision, WeightPrecision};
use crate::stats::Interval;

/// A change of the server that may raise its capacity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remedy {
    /// What it is, in words.
    pub name: String,
    /// What it sets.
    pub changes: Vec<String>,
    /// How many times as many GPUs it needs.
    pub gpus: u32,
}

/// How a change went.
#[derive(Clone, Debug)]
pub struct Tried {
    /// The change that was tried.
    pub remedy: Remedy,
    /// The capacity with it; otherwise why there is none, in a few words.
    pub capacity: Result<Capacity, String>,
}

impl Remedy {
    fn flags(&self) -> Vec<Flag> {
        self.changes.iter().map(|change| Flag::new("--set", change)).collect()
    }

    fn set(name: impl Into<String>, changes: &[String]) -> Self {
        Self {
            name: name.into(),
            changes: changes.to_vec(),
            gpus: 1,
        }
    }
}

/// What may be changed of the scenario's server; nothing where servers have pools, as each says for itself what it is.
/// What would change step times is left out where the scenario gives them.
pub fn remedies(input: &Input) -> Vec<Remedy> {
    let scenario = &input.scenario;
    let mut found = Vec::new();
    if !scenario.operation.pools().is_empty() {
        return found;
    }
    let set = |key: &str, value: String| format!("{key}={value}");
    let is_modelled = scenario.deployment.step_times.kind().is_modelled;
    if scenario.deployment.kv_cache == KvPrecision::Bf16 {
        let change = set("model.kv_cache", "\"fp8\"".to_owned());
        found.push(Remedy::set("KV cache in fp8", &[change]));
    }
    if is_modelled && scenario.deployment.weights == WeightPrecision::Bf16 {
        let change = set("model.weights", "\"fp8\"".to_owned());
        found.push(Remedy::set("weights in fp8", &[change]));
    }
    let memory = &scenario.deployment.memory;
    let utilization = memory.requested_bytes as f64 / memory.total_bytes as f64;
    if scenario.deployment.kv_blocks_given {
        let blocks = scenario.deployment.server.kv_blocks;
        let change = set("server.kv_blocks", (blocks + blocks / 4).to_string());
        found.push(Remedy::set("a quarter more KV blocks", &[change]));
    } else if utilization < MOST_MEMORY - 0.001 {
        let change = set("server.gpu_memory_utilization", MOST_MEMORY.to_string());
        found.push(Remedy::set("95 % of the GPU memory", &[change]));
    }
    let policy = &scenario.deployment.server.policy;
    for change in policy.remedies() {
        let setting = format!("batching.{}={}", change.key, change.value);
        found.push(Remedy::set(change.name, &[setting]));
    }
    if policy.prefix_caching() == Some(false) && scenario.traffic.workloads().any(shares_prompts) {
        let change = set("batching.prefix_caching", "true".to_owned());
        found.push(Remedy::set("prefix cache on", &[change]));
    }
    let wider = 2 * scenario.deployment.tensor_parallel;
    if is_modelled {
        found.push(Remedy {
            name: format!("tensor parallel over {wider} GPUs"),
            changes: vec![set("server.tensor_parallel", wider.to_string())],
            gpus: 2,
        });
    }
    found
}

/// More of a GPU's memory than this leaves too little for what nobody counts.
const MOST_MEMORY: f64 = 0.95;

/// Whether requests may have parts of their prompts in common.
pub(super) fn shares_prompts(workload: &Workload) -> bool {
    match workload {
        Workload::Synthetic(workload) => {
            workload.prefix.is_some() || workload.session.is_some() || workload.prompt_pool.is_some()
        }
        // A trace may; whether it does shows in its runs.
        Workload::Trace(_) => true,
    }
}

/// Tries changes, several at a time, beside the capacity of the server as it is.
pub fn try_remedies(
    remedies: Vec<Remedy>,
    search: &CapacitySearch,
    capacity: &Capacity,
    workers: &Workers,
    simulate: &Simulate,
) -> Result<Vec<Tried>, Stopped> {
    let flags: Vec<Vec<Flag>> = remedies.iter().map(Remedy::flags).collect();
    let refusals: Vec<Option<String>> = flags.iter().map(|flags| refusal(search, flags)).collect();
    let possible = flags.iter().zip(&refusals).filter(|(_, refusal)| refusal.is_none());
    let searches: Vec<(CapacitySearch, Likely)> = possible
        .map(|(changes, _)| {
            let changed = CapacitySearch {
                changes,
                ..search.clone()
            };
            (changed, Likely::TheSame)
        })
        .collect();
    let mut found = beside(search, capacity, &searches, workers, simulate)?.into_iter();
    let each = remedies.into_iter().zip(refusals);
    each.map(|(remedy, refusal)| {
        let capacity = match refusal {
            Some(why) => Err(why),
            None => match found.next().expect("what is not refused is searched") {
                Ok(Some(capacity)) => Ok(capacity),
                Ok(None) | Err(Stopped::Failed(_) | Stopped::Invalid(..)) => Err("cannot be judged".to_owned()),
                Err(Stopped::Interrupted) => return Err(Stopped::Interrupted),
            },
        };
        Ok(Tried { remedy, capacity })
    })
    .collect()
}

/// Why a scenario cannot have these changes, in a few words.
fn refusal(search: &CapacitySearch, changes: &[Flag]) -> Option<String> {
    let refused = search.base.with(changes).err()?;
    Some(match refused {
        NoScenario::DoesNotFit(_) => "does not fit".to_owned(),
        NoScenario::Invalid(_) => "not possible".to_owned(),
    })
}

impl Tried {
    /// How many times the load of the server as it is, with the 95 % interval of that; `None` if that is not known.
    pub fn times(&self, now: &Capacity) -> Option<(f64, Option<Interval>)> {
        self.capacity.as_ref().ok()?.times(now)
    }

    /// How many times the load of the server as it is, for each GPU; `None` if that is not known.
    pub fn gain_per_gpu(&self, now: &Capacity) -> Option<f64> {
        let (times, _) = self.times(now)?;
        Some(times / f64::from(self.remedy.gpus))
    }
}
