//! What the verbs have in common that make many runs: flags, threads, and a way to make one run.

use std::sync::{Mutex, PoisonError};

use super::bounds::Bounds;
use super::color::ColorFlags;
use super::failure::Failure;
use super::progress::Progress;
use super::replications::{self, Outcome};
use super::screen;
use super::simulate;
use crate::config::Diagnostic;
use crate::metrics::Recording;
use crate::study::{Input, LoadDial, LoadKind, Stopped, Workers};

/// Flags of a study.
#[derive(Debug, clap::Args)]
pub struct StudyFlags {
    /// Threads for the runs; by default one a processor
    #[arg(long, value_name = "THREADS", value_parser = clap::value_parser!(u32).range(1..=1024))]
    jobs: Option<u32>,
    /// Print no warnings and no progress
    #[arg(short, long)]
    pub quiet: bool,
    /// Print no progress
    #[arg(long)]
    no_progress: bool,
}

impl StudyFlags {
    /// The threads that were asked for.
    pub fn workers(&self) -> Result<Workers, Failure> {
        replications::workers(self.jobs)
    }

    /// What the user should know before a study of loads.
    pub fn warn_before(&self, input: &Input, dial: &LoadDial, color: ColorFlags) {
        if self.quiet {
            return;
        }
        for warning in &input.scenario.warnings {
            screen::warn(warning, color.on_stderr());
        }
        if let Some(replaced) = dial.replaces() {
            screen::note(&format!("note: {replaced}"));
        }
    }

    /// A line that counts runs.
    pub fn progress(&self, runs: Option<u64>) -> Progress {
        Progress::start_counting("runs", runs, !self.quiet && !self.no_progress)
    }
}

/// How to set a load of this kind.
pub fn dial(kind: LoadKind, input: &Input) -> Result<LoadDial, Failure> {
    LoadDial::new(kind, input).map_err(|problem| Failure::Input(format!("{}: {problem}", kind.flag())))
}

/// More runs of a trace would be more of the same.
pub fn refuse_seeds_of_a_trace(input: &Input, seeds: u32) -> Result<(), Failure> {
    if seeds > 1 && input.is_always_the_same() {
        let message = "--seeds: a trace replays the same requests whatever the seed";
        return Err(Diagnostic::new(message).help("leave --seeds out").into());
    }
    Ok(())
}

/// Makes runs, counts them, heeds Ctrl-C, and remembers what is to be said about how they were run.
pub struct Runner {
    progress: Progress,
    /// What the run that came in first told of its workload.
    first: Mutex<Option<Outcome>>,
}

impl Runner {
    /// Counts on this line.
    pub fn new(progress: Progress) -> Self {
        Self {
            progress,
            first: Mutex::new(None),
        }
    }

    /// Makes one run.
    pub fn run(&self, input: &Input, seed: u64) -> Result<Recording, Stopped> {
        let silent = Progress::silent();
        let run = simulate::simulate(input, seed, &silent, &mut [], &Bounds::default());
        let run = run.map_err(|failure| match failure {
            Failure::Runtime(message) | Failure::Input(message) | Failure::Infeasible(message) => {
                Stopped::Failed(message)
            }
            _ => Stopped::Interrupted,
        })?;
        if run.interrupted {
            return Err(Stopped::Interrupted);
        }
        self.progress.count(1);
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert_with(|| Outcome::of_source(&run));
        drop(first);
        Ok(run.recording)
    }

    /// What the user should know about the workload: rows of a trace that were left out, stamps that tie. All runs read
    /// the same rows.
    pub fn warn(self, flags: &StudyFlags, color: ColorFlags) {
        drop(self.progress);
        let first = self.first.into_inner().unwrap_or_else(PoisonError::into_inner);
        let warnings = first.map_or_else(Vec::new, |outcome| outcome.warnings());
        for warning in warnings.iter().filter(|_| !flags.quiet) {
            screen::warn(warning, color.on_stderr());
        }
    }
}

impl From<Stopped> for Failure {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Interrupted => Self::Interrupted,
            Stopped::Invalid(label, problem) if label.is_empty() => problem.into(),
            Stopped::Invalid(label, problem) => Self::from(problem).about(&label),
            Stopped::Failed(message) => Self::Input(message),
        }
    }
}
