//! Several runs that differ in their seed, on several threads; the results do not depend on how many.

use super::bounds::Bounds;
use super::failure::Failure;
use super::progress::Progress;
use super::simulate::{self, Run};
use crate::metrics::{Recording, Replications, Summary};
use crate::study::{Input, Next, Workers};
use crate::workload::trace::Skipped;

/// What came of all runs.
#[derive(Default)]
pub struct Outcome {
    /// The pooled numbers.
    pub summary: Option<Summary>,
    /// What was recorded of all runs.
    pub recording: Option<Recording>,
    /// How many runs.
    pub runs: u32,
    /// Whether the user stopped them.
    pub interrupted: bool,
    skipped: Skipped,
    tied_share: f64,
}

/// Fewer ties than this share of the arrivals happen by chance, or change little.
const MANY_TIES: f64 = 0.05;

impl Outcome {
    /// Takes in one run.
    pub fn add(&mut self, run: Run, pooled: &mut Replications) {
        pooled.add(run.recording);
        self.runs += 1;
        self.interrupted |= run.interrupted;
        self.skipped = run.skipped;
        self.tied_share = run.tied_share;
    }

    /// What a run tells about its workload.
    pub fn of_source(run: &Run) -> Self {
        Self {
            skipped: run.skipped.clone(),
            tied_share: run.tied_share,
            ..Self::default()
        }
    }

    /// What the user should know about how the workload was run.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.skipped.bad_rows > 0 {
            let first = self.skipped.first.first().map(ToString::to_string).unwrap_or_default();
            warnings.push(format!(
                "{} rows of the trace cannot be read and were left out; the first: {first}",
                self.skipped.bad_rows
            ));
        }
        if self.skipped.failed_requests > 0 {
            warnings.push(format!(
                "{} rows of the trace record failed requests and were left out",
                self.skipped.failed_requests
            ));
        }
        if self.tied_share > MANY_TIES {
            warnings.push(format!(
                "{:.0} % of the trace's requests carry the same time stamp as the one before: if its clock ticked \
                 slowly, these bursts are not real; workload.trace.jitter_ties = \"uniform\" spreads them up to the \
                 next stamp",
                100.0 * self.tied_share
            ));
        }
        warnings
    }
}

/// A run to be made: a scenario and its seed.
pub type Task<'a> = (&'a Input, u64);

/// Runs the scenario with `runs` consecutive seeds.
pub fn simulate(input: &Input, runs: u32, jobs: Option<u32>, progress: &Progress) -> Result<Outcome, Failure> {
    let tasks: Vec<Task> = input.seeds(runs).map(|seed| (input, seed)).collect();
    let mut outcome = Outcome::default();
    let mut pooled = Replications::default();
    simulate_each(&tasks, jobs, progress, |_, run| {
        outcome.add(run, &mut pooled);
    })
    .map_err(|(_, failure)| failure)?;
    outcome.summary = pooled.summary();
    outcome.recording = pooled.into_pooled();
    Ok(outcome)
}

/// Makes all runs, and hands them over in the order of the tasks, whose number goes with them; an error has that number
/// too. The user may stop them: the last ones that are handed over say so then.
pub fn simulate_each(
    tasks: &[Task<'_>],
    jobs: Option<u32>,
    progress: &Progress,
    mut take: impl FnMut(usize, Run),
) -> Result<(), (usize, Failure)> {
    let workers = workers(jobs).map_err(|failure| (0, failure))?;
    workers.in_order(
        tasks.len(),
        |number| {
            let (input, seed) = tasks[number];
            simulate::simulate(input, seed, progress, &mut [], &Bounds::default())
        },
        |number, run: Run| {
            let interrupted = run.interrupted;
            take(number, run);
            if interrupted { Next::Stop } else { Next::GoOn }
        },
    )
}

/// So many threads.
pub fn workers(jobs: Option<u32>) -> Result<Workers, Failure> {
    let failed = |error| Failure::Runtime(format!("cannot start threads: {error}"));
    Workers::new(jobs).map_err(failed)
}
