//! What the verbs have in common that make many runs: flags, threads, and a way to make one run.

use super::bounds::Bounds;
use super::failure::Failure;
use super::progress::Progress;
use super::replications;
use super::simulate;
use crate::metrics::Recording;
use crate::study::{Input, Stopped, Workers};

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

    /// A line that counts runs.
    pub fn progress(&self, runs: Option<u64>) -> Progress {
        Progress::start_counting("runs", runs, !self.quiet && !self.no_progress)
    }
}

/// Makes one run, counts it, and heeds Ctrl-C.
pub fn one_run(input: &Input, seed: u64, progress: &Progress) -> Result<Recording, Stopped> {
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
    progress.count(1);
    Ok(run.recording)
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
