//! Several runs that differ in their seed, on several threads; the results do not depend on how many.

use super::bounds::Bounds;
use super::control::Control;
use super::in_order::{Next, Workers};
use super::input::Input;
use super::sending::{IdleClients, Replayed, SimulationError};
use super::simulate::{self, Run};
use crate::metrics::{Breakdown, Recording, Replications, Summary};
use crate::stats::rounded;
use crate::workload::MissedRate;

/// What came of all runs.
#[derive(Default)]
pub struct Outcome {
    /// The pooled numbers.
    pub summary: Option<Summary>,
    /// The same of groups of requests.
    pub breakdown: Breakdown,
    /// What was recorded of all runs.
    pub recording: Option<Recording>,
    /// How many runs.
    pub runs: u32,
    /// Whether the user stopped them.
    pub is_interrupted: bool,
    /// How the workload of the last one was read: all read the same rows.
    pub replayed: Replayed,
    pooled: Replications,
}

impl Outcome {
    /// Takes in one run.
    pub fn add(&mut self, run: Run) {
        self.pooled.add(run.recording);
        self.runs += 1;
        self.is_interrupted |= run.replayed.is_stopped;
        self.replayed = run.replayed;
    }

    /// All runs are in: what they are together.
    #[must_use]
    pub fn pooled(mut self) -> Self {
        let pooled = std::mem::take(&mut self.pooled);
        if let Some(result) = pooled.result() {
            self.summary = Some(result.summary);
            self.breakdown = result.breakdown;
        }
        self.recording = pooled.into_pooled();
        self
    }
}

/// Fewer ties than this share of the arrivals happen by chance, or change little.
const MANY_TIES: f64 = 0.05;

impl Replayed {
    /// What the user should know of rows of a trace.
    fn warnings_of_rows(&self) -> Vec<String> {
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
                "{} rows of the trace record requests that failed or got no answer, and were left out",
                self.skipped.failed_requests
            ));
        }
        if self.skipped.partly_hashed > 0 {
            warnings.push(format!(
                "{} rows of the trace have fewer hash_ids than their prompts need: the rest of these is taken for \
                 content that no other prompt has, so a prefix cache finds the least that it may",
                self.skipped.partly_hashed
            ));
        }
        warnings
    }

    /// What the user should know about how the workload was run.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = self.warnings_of_rows();
        if let Some(chars) = self.chars_per_token {
            warnings.push(format!(
                "the trace holds texts, whose tokens are estimated: {chars} characters each \
                 (workload.trace.chars_per_token)"
            ));
        }
        if self.lacks_sessions {
            warnings.push(
                "fleet.router keeps sessions together, but no row of the trace names one (column `session` of csv, \
                 `session_id` of mooncake), so each went to a server by itself, as if at random; write another router"
                    .to_owned(),
            );
        }
        if let Some(IdleClients { clients, requests }) = self.idle_clients {
            warnings.push(format!(
                "there are {clients} clients but only {requests} requests, so that so many are never there at once: \
                 these are the numbers of a smaller crowd"
            ));
        }
        if let Some(MissedRate {
            asked_per_s,
            came_per_s,
        }) = self.missed_rate
        {
            warnings.push(format!(
                "the arrivals came at {} a second and were asked for {} (workload.arrivals.rate): what is said of the \
                 rate is not so; let the mean of their gaps be 1 / rate",
                rounded(came_per_s),
                rounded(asked_per_s)
            ));
        }
        if self.tied_share > MANY_TIES {
            warnings.push(format!(
                "{:.0} % of the trace's requests carry the same time stamp as the one before: if its clock ticked \
                 slowly, these bursts are not real; workload.trace.jitter_ties = \"uniform\" spreads them up to the \
                 next stamp",
                100.0 * self.tied_share
            ));
        } else if self.waves.are_most() {
            warnings.push(format!(
                "{:.0} % of the requests come in waves, {:.0} at a time within a few steps and then hardly any for a \
                 while: latencies are those of crowds; users who are not in step with one another wait less, so let \
                 pauses and lengths vary, such as think = {{ dist = \"exponential\", mean = \"30s\" }}, and leave \
                 arrivals.start at \"spread\"",
                100.0 * self.waves.share(),
                self.waves.mean_size()
            ));
        }
        warnings
    }
}

/// A run to be made: a scenario and its seed.
pub type Task<'a> = (&'a Input, u64);

/// Runs the scenario with `runs` consecutive seeds.
pub fn replicate(input: &Input, runs: u32, workers: &Workers, control: &Control) -> Result<Outcome, SimulationError> {
    let tasks: Vec<Task> = input.seeds(runs).map(|seed| (input, seed)).collect();
    let mut outcome = Outcome::default();
    let done = run_each(&tasks, workers, control, |_, run| outcome.add(run));
    done.map_err(|(_, error)| error)?;
    Ok(outcome.pooled())
}

/// Makes all runs, and hands them over in the order of the tasks, whose number goes with them; an error has that number
/// too. The user may stop them: the last ones that are handed over say so then.
pub fn run_each(
    tasks: &[Task<'_>],
    workers: &Workers,
    control: &Control,
    mut take: impl FnMut(usize, Run),
) -> Result<(), (usize, SimulationError)> {
    workers.in_order(
        tasks.len(),
        |number| {
            let (input, seed) = tasks[number];
            simulate::run(input, seed, Vec::new(), control, &Bounds::default())
        },
        |number, run: Run| {
            let is_stopped = run.replayed.is_stopped;
            take(number, run);
            if is_stopped { Next::Stop } else { Next::GoOn }
        },
    )
}
