//! `serve`: a live server, timed by the simulator: requests are handed over, and clients hear of each token when it is
//! due.

mod lateness;
mod live_server;
mod tokenizer;

use std::sync::Arc;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::common::warn_all;
use super::problem::Problem;
use super::run::RunAnswer;
use crate::config::Diagnostic;
use crate::fleet::ClientRules;
use crate::study::live::{LiveSettings, run_live};
use crate::study::{Base, Control, Input, Outcome, Run, SimulationError};

pub use crate::study::live::{LiveClient, LiveEnd, LiveNews, WholeAnswer};
pub use lateness::Lateness;
pub use live_server::{Ask, LiveServer, NotTaken, Submitted};
pub use tokenizer::{StopFound, answer_text, chat, text, tokens};

/// The servers of a scenario are to answer clients that are no part of it.
#[derive(Clone, Debug)]
pub struct ServeQuestion {
    /// The scenario, of which servers, their faults, what is let in and the lengths of answers count.
    pub base: Base,
    /// Seconds of simulated time in one of real time.
    pub speed: f64,
    /// When it is to stop, those who are inside have so long to get their answers.
    pub grace: Duration,
    /// What clients call the model; by default as the scenario does.
    pub model: Option<String>,
}

/// A scenario that can be served.
pub struct ReadyServe {
    /// The scenario with its objectives.
    pub input: Input,
    settings: ServeQuestion,
    warnings: Vec<String>,
}

/// A live server's thread, from which its report comes in the end.
pub struct ServeRun {
    thread: JoinHandle<Result<Run, SimulationError>>,
    input: Input,
    started: Instant,
    warnings: Vec<String>,
    lateness: Arc<Lateness>,
}

/// Time may pass a thousand times slower or faster than it does.
const SPEEDS: std::ops::RangeInclusive<f64> = 0.001..=1_000.0;

impl ServeQuestion {
    /// Reads the scenario, and refuses what cannot be served.
    pub fn ready(&self) -> Result<ReadyServe, Problem> {
        if !SPEEDS.contains(&self.speed) {
            let message = format!("--time-scale {} is not between 0.001 and 1000", self.speed);
            let help = "write 1 for real time, 0.1 for time that passes ten times slower, 10 for ten times faster";
            return Err(Diagnostic::new(message).help(help).into());
        }
        let mut input = self.base.load()?.as_measured();
        let mut warnings = input.scenario.all_warnings();
        let scenario = &mut input.scenario;
        if scenario.path.take().is_some() {
            warnings.push("clients talk to the servers themselves: [[path.stage]] is left out".to_owned());
        }
        scenario.traffic.max_outstanding = None;
        if let Some(fleet) = &mut scenario.operation.fleet {
            for class in &mut fleet.hardships.classes {
                class.clients = ClientRules::default();
            }
        }
        Ok(ReadyServe {
            input,
            settings: self.clone(),
            warnings,
        })
    }
}

impl ReadyServe {
    /// Starts the servers, and the clock. They run until `control` is stopped or nobody holds the live server any more.
    pub fn start(self, control: &Control) -> Result<(LiveServer, ServeRun), Problem> {
        warn_all(control, &self.warnings);
        let (sender, receiver) = mpsc::channel();
        let model = self.settings.model;
        let model = model.unwrap_or_else(|| self.input.scenario.deployment.model.name().to_owned());
        let settings = LiveSettings {
            model: model.clone(),
            speed: self.settings.speed,
            stop: Arc::clone(&control.stop),
            grace: self.settings.grace,
            memory: Arc::clone(&control.memory),
        };
        let live = LiveServer::new(&self.input.scenario, model, sender);
        let input = self.input.clone();
        let started = Instant::now();
        let thread = thread::Builder::new()
            .name("servers".to_owned())
            .spawn(move || run_live(&input, settings, receiver))
            .map_err(|error| Problem::of_machine(format!("cannot start a thread: {error}")))?;
        let run = ServeRun {
            thread,
            input: self.input,
            started,
            warnings: self.warnings,
            lateness: live.lateness(),
        };
        Ok((live, run))
    }
}

impl ServeRun {
    /// Whether the servers run no more.
    pub fn is_over(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits for its end, and reports what was served, in the form of [`super::RunQuestion`]'s answer.
    pub fn report(mut self, control: &Control) -> Result<RunAnswer, Problem> {
        let ended = self.thread.join();
        let run = ended.map_err(|_| Problem::of_machine("the thread of the servers has panicked"))??;
        self.warnings.extend(self.lateness.warning());
        let mut outcome = Outcome::default();
        outcome.add(run);
        let outcome = outcome.pooled();
        let mut answer = RunAnswer::of(self.input, outcome, control, self.started.elapsed(), self.warnings);
        // Nobody is simulated to give up: they left.
        let requests = &mut answer.report.summary.requests;
        (requests.cancelled, requests.timed_out) = (requests.timed_out, 0);
        Ok(answer)
    }
}
