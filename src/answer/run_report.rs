//! From a scenario and what came of its runs to a report.

use std::fmt::Write;

use super::servers_in_words;
use crate::config::{Deployment, ExpectedError, FleetPool, Knowledge, Scenario};
use crate::hardware::LinkKind;
use crate::metrics::{Recording, Summary};
use crate::policy::PolicySettings;
use crate::report::{Headline, MemoryReport, ModelError, PoolFacts, RunReport};
use crate::study::{CostQuestion, CostReport, Input, Outcome, error_of_run, has_queue};

/// The report of all runs.
pub fn of(input: &Input, outcome: &Outcome) -> RunReport {
    let scenario = &input.scenario;
    let summary = outcome.summary.expect("there is at least one run");
    let replayed = outcome.replayed.warnings().into_iter();
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
        fidelity: Some(fidelity_of_run(input, &summary)),
        model_error: Some(ModelError::new(
            scenario.knowledge().name(),
            error_of_run(input, &summary).as_ref(),
        )),
        pools: pool_facts(scenario, &summary),
        fleet: outcome.recording.as_ref().and_then(Recording::fleet),
        path: outcome.recording.as_ref().and_then(Recording::path),
        cost: cost(scenario, outcome, &summary),
        memory: memory(scenario, &summary),
        breakdown: outcome.breakdown.clone(),
        slos: input.slos.clone(),
        is_complete: !outcome.is_interrupted,
        of_workload: replayed.chain(slow_links(scenario, &summary)).collect(),
        summary,
    }
}

/// From this share of the time of steps on communication is what a server does most.
const MOSTLY_COMMUNICATION: f64 = 0.4;

/// What to say where GPUs without `NVLink` wait for one another most of the time.
pub fn slow_links(scenario: &Scenario, summary: &Summary) -> Option<String> {
    let deployment = &scenario.deployment;
    let share = summary.step_time?.all_reduce;
    let is_slow = matches!(deployment.gpu.link().kind, LinkKind::Pcie | LinkKind::Ethernet);
    (is_slow && share >= MOSTLY_COMMUNICATION).then(|| {
        format!(
            "{:.0} % of the time of steps goes into all-reduces between {} GPUs without NVLink; between more than \
             two of them vLLM leaves those to NCCL. Set server.link_gb_per_s if their link is another, or let several \
             servers share the requests instead of one the layers",
            100.0 * share,
            deployment.tensor_parallel
        )
    })
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

/// How far numbers of a run may be trusted, and where they come from.
fn fidelity_of_run(input: &Input, summary: &Summary) -> String {
    fidelity(&input.scenario, has_queue(summary))
}

/// How far numbers may be trusted where requests wait or not, and where they come from; of each pool, where that is not
/// the same.
pub fn fidelity(scenario: &Scenario, queues: bool) -> String {
    let pools = scenario.operation.pools();
    let each: Vec<String> = pools.iter().map(|pool| fidelity_of(&pool.deployment, queues)).collect();
    if each.iter().all(|one| Some(one) == each.first()) {
        return fidelity_of(&scenario.deployment, queues);
    }
    let named = pools
        .iter()
        .zip(each)
        .map(|(pool, one)| format!("{}: {one}", pool.name));
    named.collect::<Vec<_>>().join(" · ")
}

fn fidelity_of(deployment: &Deployment, queues: bool) -> String {
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
    if let Some(error) = deployment.expected_error(queues) {
        let _ = write!(steps, ", {}", in_words(&error));
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

/// How far TPOT and TTFT may be off, and what that is made of: the errors of both, in percent, of each part.
fn in_words(error: &ExpectedError) -> String {
    let percent = 100.0 * error.tpot;
    let first = if error.ttft < 1.0 {
        format!("within {:.0} %", 100.0 * error.ttft)
    } else {
        format!("within a factor of {:.1}", 1.0 + error.ttft)
    };
    let mut text = format!("TPOT expected within {percent:.0} %, TTFT {first}");
    if !error.parts.is_empty() {
        let parts: Vec<String> = error.parts.iter().map(ToString::to_string).collect();
        let _ = write!(text, " in 9 of 10 such runs ({})", parts.join(", "));
    }
    text
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
            model_error: ModelError::new(deployment.knowledge().name(), deployment.expected_error(false).as_ref()),
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
