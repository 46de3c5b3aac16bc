//! What the scenario's own traffic sees.

use super::question::ProductionQuestion;
use crate::metrics::{Breakdown, FleetReport, PathReport, Recording, Replications, RunResult, Summary};
use crate::study::{Input, Next, Stopped};

/// What the scenario's own traffic sees, over several seeds.
pub struct OwnTraffic {
    /// The pooled numbers.
    pub summary: Summary,
    /// The same of groups of requests.
    pub breakdown: Breakdown,
    /// Each server, if there are several.
    pub fleet: Option<FleetReport>,
    /// Each stage of the path that requests take, if they take one.
    pub path: Option<PathReport>,
    /// What was recorded of all runs.
    pub recording: Recording,
    /// How many runs.
    pub runs: u32,
}

impl OwnTraffic {
    /// Requests that are answered in a second.
    pub fn requests_per_s(&self) -> f64 {
        self.summary.throughput.requests_per_s.unwrap_or(0.0)
    }

    /// Requests of a run, on average.
    pub const fn requests_of_run(&self) -> u64 {
        self.summary.requests.arrived / self.runs as u64
    }

    /// Requests that are there at once, running and waiting, on average.
    pub fn at_once(&self) -> Option<f64> {
        let queue = &self.summary.queue;
        Some(queue.running.mean? + queue.depth.mean?)
    }

    /// The share of the requests that have ended that were answered.
    pub fn answered_share(&self) -> Option<f64> {
        answered_share(&self.summary)
    }
}

/// The share of the requests that have ended that were answered: whole paths, where they take one.
pub(super) fn answered_share(summary: &Summary) -> Option<f64> {
    if let Some(failed) = summary.path.and_then(|path| path.failed_share) {
        return Some(1.0 - failed);
    }
    let requests = &summary.requests;
    let left = requests.running_at_end + requests.waiting_at_end;
    let ended = requests.arrived.checked_sub(left).filter(|&ended| ended > 0)?;
    Some(requests.finished as f64 / ended as f64)
}

/// Makes the runs.
pub(super) fn simulate(question: &ProductionQuestion<'_>) -> Result<OwnTraffic, Stopped> {
    let (pooled, runs) = pooled(question, question.input)?;
    let RunResult { summary, breakdown } = pooled.result().expect("there is a run");
    let recording = pooled.into_pooled().expect("there is a run");
    Ok(OwnTraffic {
        fleet: recording.fleet(),
        path: recording.path(),
        summary,
        breakdown,
        recording,
        runs,
    })
}

/// Runs of a scenario with each seed, pooled, and how many they are.
pub(super) fn pooled(question: &ProductionQuestion<'_>, input: &Input) -> Result<(Replications, u32), Stopped> {
    let seeds: Vec<u64> = input.seeds(question.seeds).collect();
    let mut pooled = Replications::default();
    let done = question.workers.in_order(
        seeds.len(),
        |number| (question.simulate)(input, seeds[number]),
        |_, recording| {
            pooled.add(recording);
            Next::GoOn
        },
    );
    done.map_err(|(_, stopped)| stopped)?;
    Ok((pooled, seeds.len() as u32))
}
