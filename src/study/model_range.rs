//! How far latencies move if step times are off by what predictions of their kind were off.

use super::control::Control;
use super::in_order::{Next, Workers};
use super::input::Input;
use super::replications::{self, Outcome};
use super::sending::SimulationError;
use super::stopped::{Simulate, Stopped};
use crate::config::{Diagnostic, ExpectedError};
use crate::metrics::{LatencyIntervals, Metric, Replications, RunResult, Summary};
use crate::stats::Interval;

/// Refuses scenarios whose steps have no shorter and longer ones.
pub fn check_range(input: &Input) -> Result<(), Diagnostic> {
    let (message, help) = match input.scenario.expected_error(false) {
        None => (
            "how far step times may be off is not known where the scenario gives them".to_owned(),
            "leave --range out, or server.step_time",
        ),
        Some(error) if error.tpot >= 1.0 => (
            format!("step times are off by {:.0} %, which tells nothing", 100.0 * error.tpot),
            "leave --range out, or calibrate again: [error] of the file in server.step_time is below 1 where a \
             calibration is of use",
        ),
        Some(_) => return Ok(()),
    };
    Err(Diagnostic::new(format!("--range: {message}")).help(help))
}

/// What latencies may be off where requests waited or not; `None` if the scenario gives step times.
pub fn error_of_run(input: &Input, summary: &Summary) -> Option<ExpectedError> {
    input.scenario.expected_error(has_queue(summary))
}

/// Whether a queue is there for longer than a burst: one request or more waits on average.
pub fn has_queue(summary: &Summary) -> bool {
    summary.queue.depth.mean.is_some_and(|depth| depth >= 1.0)
}

/// How many times as long steps may be: shorter, and longer.
pub fn steps_times(error: f64) -> [f64; 2] {
    [1.0 / (1.0 + error), 1.0 + error]
}

/// The runs of a scenario with all steps shorter and longer by what they may be off.
#[derive(Clone, Debug)]
pub struct ShiftedRuns {
    /// What latencies may be off.
    pub error: ExpectedError,
    /// Each run with shorter steps and each with longer ones, in the order of the seeds.
    pub runs: [Vec<RunResult>; 2],
    /// All of each together.
    pub pooled: [RunResult; 2],
}

/// Simulates scenarios once more with all steps shorter and longer, with the same seeds. `None` of those that give
/// their step times. An error comes with the number of its scenario.
pub fn shifted_runs(
    scenarios: &[(&Input, &Summary)],
    seeds: &[u64],
    workers: &Workers,
    simulate: &Simulate,
) -> Result<Vec<Option<ShiftedRuns>>, (usize, Stopped)> {
    let errors: Vec<Option<ExpectedError>> = scenarios.iter().map(|(input, run)| error_of_run(input, run)).collect();
    let mut inputs = Vec::new();
    for (number, ((input, _), error)) in scenarios.iter().zip(&errors).enumerate() {
        let times = error.iter().flat_map(|error| steps_times(error.tpot));
        inputs.extend(times.map(|times| (number, (*input).clone().with_steps_times(times))));
    }
    let mut runs: Vec<Vec<RunResult>> = inputs.iter().map(|_| Vec::new()).collect();
    let mut pools: Vec<Replications> = inputs.iter().map(|_| Replications::default()).collect();
    let done = workers.in_order(
        inputs.len() * seeds.len(),
        |task| simulate(&inputs[task / seeds.len()].1, seeds[task % seeds.len()]),
        |task, recording| {
            let number = task / seeds.len();
            runs[number].push(RunResult::of(&recording));
            pools[number].add(recording);
            Next::GoOn
        },
    );
    done.map_err(|(task, stopped)| (inputs[task / seeds.len()].0, stopped))?;
    let mut found = runs.into_iter().zip(pools);
    let shifted = errors.into_iter().map(|error| {
        let error = error?;
        let mut next = || {
            let (runs, pool) = found.next().expect("each was simulated");
            (runs, pool.result().expect("there is a run"))
        };
        let ((fast, of_fast), (slow, of_slow)) = (next(), next());
        Some(ShiftedRuns {
            error,
            runs: [fast, slow],
            pooled: [of_fast, of_slow],
        })
    });
    Ok(shifted.collect())
}

impl ShiftedRuns {
    /// Sets the ranges of all latencies of the runs as they are.
    pub fn set_ranges(&self, summary: &mut Summary) {
        let [fast, slow] = &self.pooled;
        set_ranges(summary, &self.error, [&fast.summary, &slow.summary]);
    }
}

/// Adds the ranges of all latencies, from as many runs with all steps shorter, and with all steps longer.
pub fn add_range(
    outcome: &mut Outcome,
    input: &Input,
    runs: u32,
    workers: &Workers,
    control: &Control,
) -> Result<(), SimulationError> {
    let Some(summary) = &mut outcome.summary else {
        return Ok(());
    };
    let Some(error) = error_of_run(input, summary) else {
        return Ok(());
    };
    let control = control.unheard();
    let simulated =
        |factor: f64| replications::replicate(&input.clone().with_steps_times(factor), runs, workers, &control);
    let [shorter, longer] = steps_times(error.tpot);
    let (fast, slow) = (simulated(shorter)?, simulated(longer)?);
    if fast.is_interrupted || slow.is_interrupted {
        outcome.is_interrupted = true;
        return Ok(());
    }
    if let (Some(fast), Some(slow)) = (fast.summary, slow.summary) {
        set_ranges(summary, &error, [&fast, &slow]);
    }
    Ok(())
}

/// Sets the ranges of all latencies between those of the shortest steps and those of the longest. What first tokens may
/// be off besides their steps comes on top, and moves the ends of requests as much. Where several seeds tell how far
/// chance moves a number, the range has that too: both are independent.
pub fn set_ranges(summary: &mut Summary, error: &ExpectedError, [fast, slow]: [&Summary; 2]) {
    let besides = 1.0 + error.of_ttft_besides_steps();
    let of = |metric| fast.latency.of(metric).range_to(slow.latency.of(metric));
    let by_steps = of(Metric::Ttft);
    let first_token = LatencyIntervals::of_each(|of_statistic| {
        of_statistic(&by_steps).map(|range| Interval {
            low: range.low / besides,
            high: range.high * besides,
        })
    });
    for metric in Metric::every() {
        let own = of(metric);
        let range = match metric {
            Metric::Ttft => first_token,
            Metric::E2e => LatencyIntervals::of_each(|of_statistic| {
                let (own, steps, all) = (
                    of_statistic(&own)?,
                    of_statistic(&by_steps)?,
                    of_statistic(&first_token)?,
                );
                Some(Interval {
                    low: (own.low - (steps.low - all.low)).max(all.low),
                    high: own.high + (all.high - steps.high),
                })
            }),
            _ => own,
        };
        let latency = summary.latency.of_mut(metric);
        latency.model_range = Some(latency.with_chance(&range));
    }
}
