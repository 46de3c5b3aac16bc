//! `steps`: what the scheduler does in every step of a recorded experiment.

use std::io;
use std::path::PathBuf;

use super::problem::Problem;
use crate::config::Diagnostic;
use crate::config::scheduler_log::{
    RecordedExperiment, SchedulerExperiment, SglangExperiment, read_scheduler_experiment,
};
use crate::engine::{Clock, LoggedExperiment, SglangLogged, log_sglang, log_steps};
use crate::policy::sglang::SglangScheduler;
use crate::policy::vllm::VllmScheduler;
use crate::report::scheduler_log::SchedulerLog;
use crate::report::sglang_log::SglangSchedulerLog;

/// What does the scheduler do in every step?
#[derive(Clone, Debug)]
pub struct StepsQuestion {
    /// The experiment in the schema of vLLM's or SGLang's scheduler logs: JSON with config, timing, requests and
    /// actions.
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
        match read_scheduler_experiment(&self.file).map_err(Diagnostic::new)? {
            RecordedExperiment::Vllm(experiment) => self.of_vllm(*experiment),
            RecordedExperiment::Sglang(experiment) => self.of_sglang(*experiment),
        }
    }

    fn of_vllm(&self, experiment: SchedulerExperiment) -> Result<StepsAnswer, Problem> {
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
                transfer_steps: experiment.transfer_steps,
            },
        );
        self.refuse_too_long(log.too_long)?;
        let log = SchedulerLog {
            log: &log,
            requests: &experiment.requests,
            names: &experiment.names,
            timed: experiment.step_time.is_some(),
            async_scheduling,
            by_group,
            tells_padding: experiment.tells_padding,
            tells_transfers: experiment.transfer_steps.is_some(),
        };
        in_text(|out| log.write(out))
    }

    fn of_sglang(&self, experiment: SglangExperiment) -> Result<StepsAnswer, Problem> {
        let overlap = experiment.settings.overlap_schedule;
        let scheduler = SglangScheduler::new(experiment.settings, &experiment.memory).telling_order();
        let aborts = experiment.aborts.iter();
        let log = log_sglang(
            scheduler,
            &SglangLogged {
                requests: &experiment.requests,
                aborts: aborts.map(|abort| (abort.at, &abort.requests[..])).collect(),
                step_time: &experiment.step_time,
                overlap,
            },
        );
        self.refuse_too_long(log.too_long)?;
        let aborts = experiment.aborts.iter();
        let log = SglangSchedulerLog {
            log: &log,
            requests: &experiment.requests,
            names: &experiment.names,
            aborts: aborts.map(|abort| (abort.at, abort.name.as_str())).collect(),
            is_compact: experiment.is_compact,
        };
        in_text(|out| log.write(out))
    }

    fn refuse_too_long(&self, too_long: bool) -> Result<(), Problem> {
        if !too_long {
            return Ok(());
        }
        Err(Diagnostic::new(format!(
            "{}: the steps would pass 200 days, the most that is simulated; write shorter times in timing, or fewer \
             tokens",
            self.file.display()
        ))
        .into())
    }
}

fn in_text(write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> Result<StepsAnswer, Problem> {
    let mut text = Vec::new();
    write(&mut text).map_err(|error| Problem::of_machine(format!("the log cannot be written: {error}")))?;
    Ok(StepsAnswer {
        log: String::from_utf8_lossy(&text).into_owned(),
    })
}
