//! From a scenario and what came of its runs to a report.

use std::fmt::Write;

use crate::config::{Knowledge, Scenario};
use crate::metrics::{Recording, Summary};
use crate::policy::PolicySettings;
use crate::report::{Headline, MemoryReport, ModelError, RunReport};
use crate::study::{Input, Outcome};

/// The report of all runs.
pub fn of(input: &Input, outcome: &Outcome) -> RunReport {
    let scenario = &input.scenario;
    let summary = outcome.summary.expect("there is at least one run");
    RunReport {
        headline: Headline {
            model: scenario.deployment.model.name().to_owned(),
            gpu: scenario.deployment.gpu.name().to_owned(),
            tensor_parallel: scenario.deployment.tensor_parallel,
            engine: scenario.deployment.engine.clone(),
            policy: policy_name(&scenario.deployment.server.policy).to_owned(),
            workload: scenario.name.clone(),
            replications: outcome.runs,
            wall: None,
        },
        scenario_hash: scenario.hash(),
        seed: scenario.seed,
        fidelity: Some(fidelity(scenario)),
        model_error: Some(ModelError {
            class: scenario.deployment.knowledge().name(),
            step_time: scenario.deployment.step_time_error(),
        }),
        fleet: outcome.recording.as_ref().and_then(Recording::fleet),
        memory: memory(scenario, &summary),
        classes: outcome.recording.as_ref().map_or_else(Vec::new, Recording::classes),
        slos: input.slos.clone(),
        is_complete: !outcome.is_interrupted,
        of_workload: outcome.replayed.warnings(),
        summary,
    }
}

/// The policy in words.
pub fn policy_name(policy: &PolicySettings) -> &'static str {
    policy.description().title
}

/// How far numbers may be trusted, and where they come from.
pub fn fidelity(scenario: &Scenario) -> String {
    let mut steps = match (scenario.deployment.knowledge(), &scenario.deployment.calibration) {
        (Knowledge::Given, _) => "step times as the scenario gives them".to_owned(),
        (Knowledge::Calibrated, Some(calibration)) => {
            format!("step times calibrated on {}", calibration.in_words())
        }
        _ => known_of_steps(scenario),
    };
    if let Some(error) = scenario.deployment.step_time_error() {
        let _ = write!(steps, ", expected within {:.0} %", 100.0 * error);
    }
    let blocks = if scenario.deployment.kv_blocks_given {
        "KV blocks as the scenario gives them"
    } else {
        "KV blocks from the memory model"
    };
    let drafts = match &scenario.deployment.server.policy {
        PolicySettings::Continuous(settings) if settings.speculative.is_some() => {
            "; drafts accepted as the scenario says"
        }
        _ => "",
    };
    format!("{steps}; {blocks}{drafts}")
}

/// What stands behind modelled step times: kernels measured on this GPU, its datasheet, or both.
fn known_of_steps(scenario: &Scenario) -> String {
    let gpu = scenario.deployment.gpu.title();
    match scenario.deployment.knowledge() {
        Knowledge::Measured => format!("step times from kernels measured on {gpu}"),
        Knowledge::Datasheet => format!("step times from the datasheet of {gpu}"),
        _ => {
            let kernels = scenario.deployment.gpu.measured_kernels();
            let missing = kernels.unmeasured(
                scenario.deployment.model.has_experts(),
                scenario.deployment.tensor_parallel > 1,
            );
            let missing = missing.join(" and ");
            format!("step times from kernels measured on {gpu}, {missing} from its datasheet")
        }
    }
}

fn memory(scenario: &Scenario, summary: &Summary) -> MemoryReport {
    let budget = &scenario.deployment.memory;
    MemoryReport {
        total_bytes: Some(budget.total_bytes),
        weights_bytes: Some(budget.weights_bytes + budget.draft_weights_bytes),
        activations_bytes: Some(budget.activations_bytes),
        overhead_bytes: Some(budget.overhead_bytes),
        kv_bytes: Some(kv_bytes(scenario)),
        closed_form_users: summary
            .mean_context_tokens()
            .map(|context| scenario.closed_form_users(context)),
    }
}

/// What the KV cache of the run takes [bytes].
fn kv_bytes(scenario: &Scenario) -> u64 {
    if scenario.deployment.kv_blocks_given {
        let tokens =
            u64::from(scenario.deployment.server.kv_blocks) * u64::from(scenario.deployment.server.block_tokens);
        tokens * scenario.deployment.memory.kv_bytes_per_token
    } else {
        scenario.deployment.memory.kv_bytes
    }
}
