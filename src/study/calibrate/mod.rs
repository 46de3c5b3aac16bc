//! Fits what steps and the front end cost to what was measured on one deployment.
//!
//! The recipe: a coefficient that the data cannot tell from another one, or know no better than its default, keeps its
//! default, and the result says so. Data that can tell nothing are refused with the reason.

mod asked_for;
mod busyness;
mod choice;
mod coefficient;
mod comparison;
mod data;
mod gaps;
mod latencies;
mod left_out_loads;
mod one_by_one;
mod one_scale;
mod recorded;
mod refusal;
mod search;
mod selection;
mod separate_scales;
mod several;
mod step_rows;
mod summed_up;

pub use coefficient::Fittable;
pub use comparison::{LeftOut, MetricError};
pub use data::{Data, MeasuredLoad};
pub use left_out_loads::{LoadError, LoadErrors};
pub use refusal::Refusal;
pub use search::Fitted;

use comparison::{ComparedNumber, FittedData};
use several::{OneLoad, SeveralLoads};

use crate::config::Scenario;
use crate::fleet::FrontEnd;
use crate::step_time::{KernelScales, Overheads};

/// What a calibration has found.
#[derive(Clone, Debug)]
pub struct Calibrated {
    /// The coefficients that were fitted.
    pub fitted: Vec<Fitted>,
    /// Those that keep their defaults, and why.
    pub left_out: Vec<LeftOut>,
    /// What is left, before and after; of several loads the mean, without sign.
    pub errors: Vec<MetricError>,
    /// The same of each load, and how well the others predict it; empty if there is one load only.
    pub loads: Vec<LoadErrors>,
    /// What steps pay now.
    pub overheads: Overheads,
    /// What kernels of some kind take now of what they take otherwise.
    pub scales: KernelScales,
    /// What stands between clients and the engine now.
    pub front_end: FrontEnd,
    /// How much was measured, such as "1000 requests".
    pub amount: String,
    /// How it was compared with simulations.
    pub method: String,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// A mean that is still so far off says that the scenario is not what was measured.
const LARGE_ERROR: f64 = 0.15;

/// Fits the coefficients that the loads can tell together, or those that were asked for, and leaves the scenario with
/// them. There is at least one load.
pub fn calibrate(
    scenario: &mut Scenario,
    loads: Vec<MeasuredLoad>,
    asked_for: Option<&[Fittable]>,
) -> Result<Calibrated, Refusal> {
    if !scenario.deployment.step_times.kind().is_modelled {
        return Err(Refusal::new(
            "the scenario gives its step times (server.step_time), so there is nothing to fit",
            "remove server.step_time from the scenario",
        ));
    }
    if scenario.traffic.only_workload().is_none() {
        return Err(Refusal::new(
            "the scenario has several classes of traffic, and nothing says which of them was measured",
            "describe what was measured as one [workload], such as a trace",
        ));
    }
    let loads = choice::comparisons(loads)?;
    let several = SeveralLoads::new(loads.iter().collect());
    let comparison: &dyn FittedData = match &loads[..] {
        [only] => only.data.as_ref(),
        _ => &several,
    };
    let before = statistics_of_each(&loads, scenario)?;
    let found = selection::fit(scenario, comparison, asked_for)?;
    let mut selection = left_out_loads::that_predicts_best(scenario, &loads, found)?;
    for one in &mut selection.fitted {
        one.value = one.coefficient.rounded(one.value);
        one.coefficient.set(scenario, one.value);
    }
    let after = statistics_of_each(&loads, scenario)?;
    let errors = MetricError::join(&several::together(&before), &several::together(&after));
    let mut warnings = comparison.warnings();
    warnings.append(&mut selection.warnings);
    warnings.extend(too_far_off(&errors));
    let mut of_each = Vec::new();
    if loads.len() > 1 {
        let fitted: Vec<Fittable> = selection.fitted.iter().map(|one| one.coefficient).collect();
        of_each = left_out_loads::of_loads(scenario, &loads, (&before, &after), &fitted)?;
        warnings.extend(left_out_loads::warnings(&of_each));
    }
    warnings.extend(left_out_loads::untested(&selection.fitted, &of_each));
    Ok(Calibrated {
        fitted: selection.fitted,
        left_out: selection.left_out,
        errors,
        loads: of_each,
        overheads: scenario.deployment.execution.overheads,
        scales: scenario.deployment.execution.scales,
        front_end: scenario.deployment.front_end,
        amount: comparison.amount(),
        method: comparison.method(),
        warnings,
    })
}

fn statistics_of_each(loads: &[OneLoad], scenario: &Scenario) -> Result<Vec<Vec<ComparedNumber>>, Refusal> {
    let each = loads.iter().map(|load| Ok(load.statistics(scenario)?));
    each.collect()
}

fn too_far_off(errors: &[MetricError]) -> Option<String> {
    let is_mean = |error: &&MetricError| error.name == "step" || error.name.contains(".mean");
    let worst = errors
        .iter()
        .filter(is_mean)
        .max_by(|one, other| one.after.abs().total_cmp(&other.after.abs()))?;
    (worst.after.abs() > LARGE_ERROR).then(|| {
        format!(
            "{} is still {:.0} % off: the scenario may not be what was measured; compare gpu, tensor_parallel, \
             weights, kv_blocks, limits of [batching], prompts and what they share",
            worst.name,
            100.0 * worst.after.abs()
        )
    })
}
