//! `tailcast steps FILE`: a scheduler's log, step by step.

use std::io::Write;
use std::path::PathBuf;

use clap::Args as ClapArgs;

use crate::config::scheduler_log::read_scheduler_experiment;
use crate::engine::{Clock, Experiment, log_steps};
use crate::policy::vllm::VllmScheduler;
use crate::report::scheduler_log::SchedulerLog;

/// Print what the scheduler does in every step, for an experiment in vLLM's scheduler-log schema.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The experiment: JSON with config, timing, requests and actions.
    pub file: PathBuf,
}

/// Runs the verb: the log goes to `out`; an error is a message for the user.
pub fn run(args: &Args, out: &mut dyn Write) -> Result<(), String> {
    let experiment = read_scheduler_experiment(&args.file)?;
    let clock = match &experiment.step_time {
        Some(step_time) => Clock::Timed(step_time),
        None => Clock::Counted,
    };
    let async_scheduling = experiment.rules.async_scheduling;
    let scheduler = VllmScheduler::new(experiment.rules, experiment.memory);
    let log = log_steps(
        scheduler,
        &Experiment {
            requests: &experiment.requests,
            actions: &experiment.actions,
            clock,
            async_scheduling,
        },
    );
    if log.too_long {
        return Err(format!(
            "{}: the steps would pass 200 days, the most that is simulated; write shorter times in timing, or fewer \
             tokens",
            args.file.display()
        ));
    }
    let log = SchedulerLog {
        log: &log,
        requests: &experiment.requests,
        names: &experiment.names,
        timed: experiment.step_time.is_some(),
        async_scheduling,
    };
    log.write(out).map_err(|error| format!("standard output: {error}"))
}
