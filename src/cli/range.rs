//! `--range`: how far latencies move if step times are off by what predictions of their kind were off.

use super::failure::Failure;
use super::progress::Progress;
use super::replications::{self, Outcome};
use super::scenario::Input;
use crate::metrics::Metric;

/// Adds the ranges of all latencies, from as many runs with all steps shorter, and with all steps longer.
pub fn add(
    outcome: &mut Outcome,
    input: &mut Input,
    runs: u32,
    jobs: Option<u32>,
) -> Result<(), Failure> {
    let (Some(error), Some(summary)) = (input.scenario.step_time_error(), &mut outcome.summary)
    else {
        return Ok(());
    };
    let (overheads, cpu_time) = (input.scenario.execution.overheads, input.scenario.cpu_time);
    let mut stretched = |factor: f64| {
        input.scenario.execution.overheads = overheads.times(factor);
        input.scenario.cpu_time = cpu_time.times(factor);
        let simulated = replications::simulate(input, runs, jobs, &Progress::start(None, false));
        // Whoever looks at the scenario afterwards sees its own.
        input.scenario.execution.overheads = overheads;
        input.scenario.cpu_time = cpu_time;
        simulated
    };
    let (fast, slow) = (stretched(1.0 - error)?, stretched(1.0 + error)?);
    let (Some(fast), Some(slow)) = (fast.summary, slow.summary) else {
        return Ok(());
    };
    for metric in Metric::ALL {
        let range = fast.latency.of(metric).range_to(slow.latency.of(metric));
        summary.latency.of_mut(metric).model_range = Some(range);
    }
    Ok(())
}
