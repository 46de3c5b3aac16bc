//! `steps`: what the scheduler does in every step of a recorded experiment.

use std::path::PathBuf;

use super::problem::Problem;
use crate::config::Diagnostic;
use crate::config::scheduler_log::read_scheduler_experiment;
use crate::engine::{Clock, LoggedExperiment, log_steps};
use crate::policy::vllm::VllmScheduler;
use crate::report::scheduler_log::SchedulerLog;

/// What does the scheduler do in every step?
#[derive(Clone, Debug)]
pub struct StepsQuestion {
    /// The experiment in vLLM's scheduler-log schema: JSON with config, timing, requests and actions.
    pub file: PathBuf,
}

/// What it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepsAnswer {
    /// The log as JSON.
    pub log: String,
}

impl StepsQuestion {
    /// Schedules the recorded experiment and logs every step.
    pub fn answer(&self) -> Result<StepsAnswer, Problem> {
        let experiment = read_scheduler_experiment(&self.file).map_err(Diagnostic::new)?;
        let clock = match &experiment.step_time {
            Some(step_time) => Clock::Timed(step_time),
            None => Clock::Counted,
        };
        let async_scheduling = experiment.rules.async_scheduling;
        let by_group = experiment.memory.kv_groups.is_some();
        let scheduler = VllmScheduler::new(experiment.rules, experiment.memory).with_stop_token(experiment.stop_token);
        let log = log_steps(
            scheduler,
            &LoggedExperiment {
                requests: &experiment.requests,
                actions: &experiment.actions,
                clock,
                async_scheduling,
            },
        );
        if log.too_long {
            return Err(Diagnostic::new(format!(
                "{}: the steps would pass 200 days, the most that is simulated; write shorter times in timing, or \
                 fewer tokens",
                self.file.display()
            ))
            .into());
        }
        let log = SchedulerLog {
            log: &log,
            requests: &experiment.requests,
            names: &experiment.names,
            timed: experiment.step_time.is_some(),
            async_scheduling,
            by_group,
            tells_padding: experiment.tells_padding,
        };
        let mut text = Vec::new();
        log.write(&mut text)
            .map_err(|error| Problem::of_machine(format!("the log cannot be written: {error}")))?;
        Ok(StepsAnswer {
            log: String::from_utf8_lossy(&text).into_owned(),
        })
    }
}
