//! Changes of a server that may raise its capacity, tried by simulation.

use super::capacity::{Capacity, CapacityQuestion, PRECISION};
use super::stopped::{Simulate, Stopped};
use super::{Input, Workers};
use crate::config::{Flag, Problem, Workload};
use crate::hardware::{KvPrecision, WeightPrecision};
use crate::policy::PolicySettings;

/// A change.
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
    /// The change.
    pub remedy: Remedy,
    /// The capacity with it; otherwise why there is none, in a few words.
    pub capacity: Result<Capacity, String>,
}

impl Remedy {
    fn set(name: impl Into<String>, changes: &[String]) -> Self {
        Self {
            name: name.into(),
            changes: changes.to_vec(),
            gpus: 1,
        }
    }
}

/// What may be changed of the scenario's server. What would change step times is left out where the scenario gives them.
pub fn remedies(input: &Input) -> Vec<Remedy> {
    let scenario = &input.scenario;
    let mut found = Vec::new();
    let set = |key: &str, value: String| format!("{key}={value}");
    let is_modelled = scenario.measured_step_time.is_none();
    if scenario.kv_cache == KvPrecision::Bf16 {
        let change = set("model.kv_cache", "\"fp8\"".to_owned());
        found.push(Remedy::set("KV cache in fp8", &[change]));
    }
    if is_modelled && scenario.weights == WeightPrecision::Bf16 {
        let change = set("model.weights", "\"fp8\"".to_owned());
        found.push(Remedy::set("weights in fp8", &[change]));
    }
    let memory = &scenario.memory;
    let utilization = memory.requested_bytes as f64 / memory.total_bytes as f64;
    if scenario.kv_blocks_given {
        let blocks = scenario.server.kv_blocks;
        let change = set("server.kv_blocks", (blocks + blocks / 4).to_string());
        found.push(Remedy::set("a quarter more KV blocks", &[change]));
    } else if utilization < MOST_MEMORY - 0.001 {
        let change = set("server.gpu_memory_utilization", MOST_MEMORY.to_string());
        found.push(Remedy::set("95 % of the GPU memory", &[change]));
    }
    found.extend(of_policy(&scenario.server.policy));
    let has_cache = matches!(
        scenario.server.policy,
        PolicySettings::Continuous(_) | PolicySettings::Sglang(_)
    );
    if has_cache && !scenario.prefix_caching && shares_prompts(&scenario.workload) {
        let change = set("batching.prefix_caching", "true".to_owned());
        found.push(Remedy::set("prefix cache on", &[change]));
    }
    let wider = 2 * scenario.tensor_parallel;
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

fn of_policy(policy: &PolicySettings) -> Vec<Remedy> {
    let count = |key: &str, value: u32| format!("batching.{key}={value}");
    match policy {
        PolicySettings::None => vec![continuous()],
        PolicySettings::Static(settings) => vec![
            continuous(),
            Remedy::set(
                "static batches of twice as many",
                &[count(
                    "max_batch_size",
                    settings.max_batch_size.saturating_mul(2),
                )],
            ),
        ],
        PolicySettings::Continuous(settings) => {
            let (tokens, requests) = (settings.max_num_batched_tokens, settings.max_num_seqs);
            let mut found = vec![
                Remedy::set(
                    format!("token budget {}", tokens.saturating_mul(2)),
                    &[count("max_num_batched_tokens", tokens.saturating_mul(2))],
                ),
                Remedy::set(
                    format!("max_num_seqs {}", requests.saturating_mul(2)),
                    &[count("max_num_seqs", requests.saturating_mul(2))],
                ),
            ];
            if tokens >= 512 && requests <= tokens / 2 {
                found.push(Remedy::set(
                    format!("token budget {}", tokens / 2),
                    &[count("max_num_batched_tokens", tokens / 2)],
                ));
            }
            if requests >= 2 {
                found.push(Remedy::set(
                    format!("max_num_seqs {}", requests / 2),
                    &[count("max_num_seqs", requests / 2)],
                ));
            }
            found
        }
        _ => Vec::new(),
    }
}

fn continuous() -> Remedy {
    let change = "batching.policy=\"continuous\"".to_owned();
    Remedy::set("continuous batching", &[change])
}

fn shares_prompts(workload: &Workload) -> bool {
    match workload {
        Workload::Synthetic(workload) => {
            workload.prefix.is_some()
                || workload.session.is_some()
                || workload.prompt_pool.is_some()
        }
        // A trace may; whether it does shows in its runs.
        Workload::Trace(_) => true,
    }
}

/// Tries a change with the same search as the server as it is.
pub fn try_remedy(
    remedy: Remedy,
    question: &CapacityQuestion,
    workers: &Workers,
    simulate: &Simulate,
) -> Result<Tried, Stopped> {
    let changes = remedy.changes.iter();
    let changes: Vec<Flag> = changes.map(|it| Flag::new("--set", it)).collect();
    let capacity = if let Err(problem) = question.base.with(&changes) {
        Err(match problem {
            Problem::DoesNotFit(_) => "does not fit".to_owned(),
            Problem::Invalid(_) => "not possible".to_owned(),
        })
    } else {
        let question = CapacityQuestion {
            changes: &changes,
            ..question.clone()
        };
        match question.answer(workers, simulate) {
            Ok(capacity) => Ok(capacity),
            Err(Stopped::Failed(_) | Stopped::Invalid(..)) => Err("cannot be judged".to_owned()),
            Err(Stopped::Interrupted) => return Err(Stopped::Interrupted),
        }
    };
    Ok(Tried { remedy, capacity })
}

impl Tried {
    /// How many times the load of the server as it is, for each GPU; `None` if that is not known.
    pub fn gain_per_gpu(&self, now: &Capacity) -> Option<f64> {
        let (times, _) = self.capacity.as_ref().ok()?.times(now)?;
        Some(times / f64::from(self.remedy.gpus))
    }
}

/// More servers than anybody has.
const MOST_SERVERS: f64 = 1e6;

/// The fewest servers of which each meets the objectives with every seed at an equal share of `rate`, its arrivals being of the same kind as
/// those of the whole. `None` if some seed meets them at no load, or if more than a million would be needed.
pub fn fewest_servers(
    question: &CapacityQuestion,
    capacity: &Capacity,
    rate: f64,
    simulate: &Simulate,
) -> Result<Option<u32>, Stopped> {
    let values = capacity.values();
    let least = values.into_iter().fold(f64::INFINITY, f64::min);
    let enough = (rate / least).ceil().max(1.0);
    if least <= 0.0 || enough > MOST_SERVERS {
        return Ok(None);
    }
    let holds = |servers: f64| -> Result<bool, Stopped> {
        for &seed in question.seeds {
            if question.holds(rate / servers, seed, simulate)? != Some(true) {
                return Ok(false);
            }
        }
        Ok(true)
    };
    // The search for the capacity stopped within one percent: that may spare a server or cost some.
    let mut servers = enough;
    while !holds(servers)? {
        servers = (servers * PRECISION).ceil().max(servers + 1.0);
        if servers > 2.0 * enough + 2.0 {
            return Ok(None);
        }
    }
    while servers > 1.0 && holds(servers - 1.0)? {
        servers -= 1.0;
    }
    Ok(Some(servers as u32))
}
