//! How far latencies move if step times are off by what predictions of their kind were off.

use super::control::Control;
use super::in_order::Workers;
use super::input::Input;
use super::replications::{self, Outcome};
use super::sending::SimulationError;
use crate::config::Diagnostic;
use crate::metrics::Metric;

/// Refuses scenarios whose steps have no shorter and longer ones.
pub fn check_range(input: &Input) -> Result<(), Diagnostic> {
    let (message, help) = match input.scenario.step_time_error() {
        None => (
            "how far step times may be off is not known where the scenario gives them".to_owned(),
            "leave --range out, or server.step_time",
        ),
        Some(error) if error >= 1.0 => (
            format!(
                "step times are off by {:.0} %, and no step is that much shorter",
                100.0 * error
            ),
            "leave --range out, or calibrate again: [error] of the file in server.step_time is below 1 where a \
             calibration is of use",
        ),
        Some(_) => return Ok(()),
    };
    Err(Diagnostic::new(format!("--range: {message}")).help(help))
}

/// Adds the ranges of all latencies, from as many runs with all steps shorter, and with all steps longer.
pub fn add_range(
    outcome: &mut Outcome,
    input: &Input,
    runs: u32,
    workers: &Workers,
    control: &Control,
) -> Result<(), SimulationError> {
    let (Some(error), Some(summary)) = (input.scenario.step_time_error(), &mut outcome.summary) else {
        return Ok(());
    };
    let control = control.unheard();
    let simulated =
        |factor: f64| replications::replicate(&input.clone().with_steps_times(factor), runs, workers, &control);
    let (fast, slow) = (simulated(1.0 - error)?, simulated(1.0 + error)?);
    if fast.is_interrupted || slow.is_interrupted {
        outcome.is_interrupted = true;
        return Ok(());
    }
    let (Some(fast), Some(slow)) = (fast.summary, slow.summary) else {
        return Ok(());
    };
    for metric in Metric::every() {
        let range = fast.latency.of(metric).range_to(slow.latency.of(metric));
        summary.latency.of_mut(metric).model_range = Some(range);
    }
    Ok(())
}
