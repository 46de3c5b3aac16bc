//! From a scenario and what came of its runs to a report.

use std::fmt::Write;

use super::servers_in_words;
use crate::config::{Deployment, FleetPool, Knowledge, Scenario};
use crate::metrics::{Recording, Summary};
use crate::policy::PolicySettings;
use crate::report::{Headline, MemoryReport, ModelError, PoolFacts, RunReport};
use crate::study::{CostQuestion, CostReport, Input, Outcome};

/// The report of all runs.
pub fn of(input: &Input, outcome: &Outcome) -> RunReport {
    let scenario = &input.scenario;
    let summary = outcome.summary.expect("there is at least one run");
    RunReport {
        headline: Headline {
            model: servers_in_words::models(scenario),
            gpu: scenario.deployment.gpu.name().to_owned(),
            tensor_parallel: scenario.deployment.tensor_parallel,
            pools: servers_in_words::pools(scenario),
            engine: scenario.engine(),
            policy: servers_in_words::policies(scenario),
            workload: scenario.name.clone(),
            replications: outcome.runs,
            wall: None,
        },
        scenario_hash: scenario.hash(),
        seed: scenario.seed,
        fidelity: Some(fidelity(scenario)),
        model_error: Some(ModelError {
            class: scenario.knowledge().name(),
            step_time: scenario.step_time_error(),
        }),
        pools: pool_facts(scenario, &summary),
        fleet: outcome.recording.as_ref().and_then(Recording::fleet),
        path: outcome.recording.as_ref().and_then(Recording::path),
        cost: cost(scenario, outcome, &summary),
        memory: memory(scenario, &summary),
        breakdown: outcome.breakdown.clone(),
        slos: input.slos.clone(),
        is_complete: !outcome.is_interrupted,
        of_workload: outcome.replayed.warnings(),
        summary,
    }
}

/// What it costs, if the scenario asks.
fn cost(scenario: &Scenario, outcome: &Outcome, summary: &Summary) -> Option<CostReport> {
    if scenario.cost.is_none() && scenario.budget.is_none() {
        return None;
    }
    CostReport::of(&CostQuestion {
        scenario,
        summary,
        fleet: outcome.recording.as_ref().and_then(Recording::fleet).as_ref(),
        best_rate_per_s: None,
    })
}

/// How far numbers may be trusted, and where they come from; of each pool, where that is not the same.
pub fn fidelity(scenario: &Scenario) -> String {
    let pools = scenario.operation.pools();
    let each: Vec<String> = pools.iter().map(|pool| fidelity_of(&pool.deployment)).collect();
    if each.iter().all(|one| Some(one) == each.first()) {
        return fidelity_of(&scenario.deployment);
    }
    let named = pools
        .iter()
        .zip(each)
        .map(|(pool, one)| format!("{}: {one}", pool.name));
    named.collect::<Vec<_>>().join(" · ")
}

fn fidelity_of(deployment: &Deployment) -> String {
    let mut steps = match (deployment.knowledge(), &deployment.calibration) {
        (Knowledge::Given, _) => "step times as the scenario gives them".to_owned(),
        (Knowledge::Calibrated, Some(calibration)) => {
            format!("step times calibrated on {}", calibration.in_words())
        }
        _ => known_of_steps(deployment),
    };
    if deployment.unpacks_weights() && deployment.knowledge() != Knowledge::Given {
        let _ = write!(steps, " with {} unpacked and multiplied in 16 bits", deployment.weights);
    }
    if let Some(error) = deployment.step_time_error() {
        let _ = write!(steps, ", expected within {:.0} %", 100.0 * error);
    }
    let blocks = if deployment.kv_blocks_given {
        "KV blocks as the scenario gives them".to_owned()
    } else {
        format!("KV blocks {}", deployment.cache_arithmetic())
    };
    let drafts = match &deployment.server.policy {
        PolicySettings::Continuous(settings) if settings.speculative.is_some() => {
            "; drafts accepted as the scenario says"
        }
        _ => "",
    };
    format!("{steps}; {blocks}{drafts}")
}

/// What stands behind modelled step times: kernels measured on this GPU, its datasheet, or both.
fn known_of_steps(deployment: &Deployment) -> String {
    let gpu = deployment.gpu.title();
    match deployment.knowledge() {
        Knowledge::Measured => format!("step times from kernels measured on {gpu}"),
        Knowledge::Datasheet => format!("step times from the datasheet of {gpu}"),
        _ => {
            let kernels = deployment.gpu.measured_kernels();
            let missing = kernels.unmeasured(&deployment.model, deployment.tensor_parallel > 1);
            let missing = missing.join(" and ");
            format!("step times from kernels measured on {gpu}, {missing} from its datasheet")
        }
    }
}

fn memory(scenario: &Scenario, summary: &Summary) -> MemoryReport {
    let context = summary.mean_context_tokens();
    let closed_form_users = context.map(|context| scenario.closed_form_users(context));
    let of_a_gpu = match scenario.operation.pools() {
        [] | [_] => memory_of(&scenario.deployment),
        // Unlike GPUs are of their pools.
        _ => MemoryReport::default(),
    };
    MemoryReport {
        closed_form_users,
        ..of_a_gpu
    }
}

/// Of a GPU of such a server.
fn memory_of(deployment: &Deployment) -> MemoryReport {
    let budget = &deployment.memory;
    MemoryReport {
        total_bytes: Some(budget.total_bytes),
        weights_bytes: Some(budget.weights_bytes + budget.draft_weights_bytes),
        activations_bytes: Some(budget.activations_bytes),
        overhead_bytes: Some(budget.overhead_bytes),
        kv_bytes: Some(kv_bytes(deployment)),
        closed_form_users: None,
    }
}

/// What is known of each pool without a run.
fn pool_facts(scenario: &Scenario, summary: &Summary) -> Vec<PoolFacts> {
    let context = summary.mean_context_tokens();
    let of_pool = |pool: &FleetPool| {
        let deployment = &pool.deployment;
        let users = context.map(|context| deployment.memory.closed_form_users(context) * f64::from(pool.servers));
        PoolFacts {
            memory: MemoryReport {
                closed_form_users: users,
                ..memory_of(deployment)
            },
            model_error: ModelError {
                class: deployment.knowledge().name(),
                step_time: deployment.step_time_error(),
            },
        }
    };
    scenario.operation.pools().iter().map(of_pool).collect()
}

/// What the KV cache of the run takes [bytes].
fn kv_bytes(deployment: &Deployment) -> u64 {
    let pool = &deployment.memory.kv_pool;
    if deployment.kv_blocks_given && deployment.server.kv_groups.is_some() {
        u64::from(deployment.server.kv_blocks) * pool.layout.bytes_per_block
    } else if deployment.kv_blocks_given {
        let tokens = u64::from(deployment.server.kv_blocks) * u64::from(deployment.server.block_tokens);
        tokens * deployment.memory.kv_bytes_per_token
    } else {
        deployment.memory.kv_bytes
    }
}
