//! `--range`: how far latencies move if step times are off by what predictions of their kind were off.

use super::failure::Failure;
use super::progress::Progress;
use super::replications::{self, Outcome};
use crate::metrics::Metric;
use crate::study::Input;

/// Refuses scenarios whose steps have no shorter and longer ones.
pub fn check(input: &Input) -> Result<(), Failure> {
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
    Err(Failure::Input(format!("--range: {message}\n = help: {help}")))
}

/// Adds the ranges of all latencies, from as many runs with all steps shorter, and with all steps longer.
pub fn add(outcome: &mut Outcome, input: &mut Input, runs: u32, jobs: Option<u32>) -> Result<(), Failure> {
    let (Some(error), Some(summary)) = (input.scenario.step_time_error(), &mut outcome.summary) else {
        return Ok(());
    };
    let (overheads, cpu_time) = (input.scenario.execution.overheads, input.scenario.cpu_time);
    let mut stretched = |factor: f64| {
        input.scenario.execution.overheads = overheads.times(factor);
        input.scenario.cpu_time = cpu_time.times(factor);
        let simulated = replications::simulate(input, runs, jobs, &Progress::silent());
        // Whoever looks at the scenario afterwards sees its own.
        input.scenario.execution.overheads = overheads;
        input.scenario.cpu_time = cpu_time;
        simulated
    };
    let (fast, slow) = (stretched(1.0 - error)?, stretched(1.0 + error)?);
    if fast.interrupted || slow.interrupted {
        outcome.interrupted = true;
        return Ok(());
    }
    let (Some(fast), Some(slow)) = (fast.summary, slow.summary) else {
        return Ok(());
    };
    for metric in Metric::ALL {
        let range = fast.latency.of(metric).range_to(slow.latency.of(metric));
        summary.latency.of_mut(metric).model_range = Some(range);
    }
    Ok(())
}
