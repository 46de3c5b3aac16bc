//! Several runs that differ in their seed, on several threads; the results do not depend on how many.

use rayon::prelude::*;

use super::bounds::Bounds;
use super::failure::Failure;
use super::progress::Progress;
use super::scenario::Input;
use super::simulate::{self, Run};
use crate::metrics::{Replications, Summary};
use crate::workload::trace::Skipped;

/// Runs whose recordings are kept at once, before they are pooled.
const AT_ONCE: usize = 64;

/// What came of all runs.
#[derive(Default)]
pub struct Outcome {
    /// The pooled numbers.
    pub summary: Option<Summary>,
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

    /// What the user should know about how the workload was run.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.skipped.bad_rows > 0 {
            let first = self
                .skipped
                .first
                .first()
                .map(ToString::to_string)
                .unwrap_or_default();
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
                "{:.0} % of the trace's requests carry the same time stamp as the one before: if its clock ticked slowly, these bursts are not real; workload.trace.jitter_ties = \"uniform\" spreads them up to the next stamp",
                100.0 * self.tied_share
            ));
        }
        warnings
    }
}

/// Runs the scenario with `runs` consecutive seeds.
pub fn simulate(
    input: &Input,
    runs: u32,
    jobs: Option<u32>,
    progress: &Progress,
) -> Result<Outcome, Failure> {
    let threads = rayon::ThreadPoolBuilder::new()
        .num_threads(jobs.unwrap_or(0) as usize)
        .build()
        .map_err(|error| Failure::Runtime(format!("cannot start threads: {error}")))?;
    let first = input.scenario.seed;
    let seeds: Vec<u64> = (0..u64::from(runs)).map(|run| first + run).collect();
    let mut outcome = Outcome::default();
    let mut pooled = Replications::default();
    for some in seeds.chunks(AT_ONCE) {
        let done: Vec<Result<Run, Failure>> = threads.install(|| {
            some.par_iter()
                .map(|&seed| simulate::simulate(input, seed, progress, &mut [], &Bounds::default()))
                .collect()
        });
        for run in done {
            outcome.add(run?, &mut pooled);
        }
        if outcome.interrupted {
            break;
        }
    }
    outcome.summary = pooled.summary();
    Ok(outcome)
}
