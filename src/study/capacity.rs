//! The highest load at which every objective is met, by bisection on common random numbers: each seed has a capacity of its own, and
//! their spread gives the interval.

use super::load::{LoadDial, LoadKind};
use super::stopped::{Simulate, Stopped};
use super::{Base, Input, Next, Workers};
use crate::config::Flag;
use crate::metrics::{SloOutcome, SloResult, Summary};
use crate::stats::{Interval, confidence_interval_95};

/// What is asked.
pub struct CapacityQuestion<'a> {
    /// The scenario, which has objectives.
    pub base: &'a Base,
    /// What sets its load.
    pub dial: &'a LoadDial,
    /// What is changed of the scenario besides.
    pub changes: &'a [Flag],
    /// Runs at each load.
    pub seeds: u32,
    /// Where to begin the search.
    pub start: f64,
}

/// A capacity.
#[derive(Clone, Debug)]
pub struct Capacity {
    /// What was found with each seed; at least one.
    pub brackets: Vec<Bracket>,
}

/// The capacity with one seed: between two loads that differ by no more than [`PRECISION`] or by one request.
#[derive(Clone, Debug)]
pub struct Bracket {
    /// The seed.
    pub seed: u64,
    /// The highest load at which all objectives were met; 0 if there is none.
    pub met: f64,
    /// The numbers at that load; `None` if there is none.
    pub at_met: Option<Summary>,
    /// The lowest load above it at which one was missed; infinite if none was found up to the highest load that is tried.
    pub missed: f64,
    /// The numbers at that load.
    pub at_missed: Option<Summary>,
    /// How many runs it took.
    pub runs: u32,
}

/// How an attempt at a load went.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Its numbers.
    pub summary: Summary,
    /// How each objective fared.
    pub slos: Vec<SloResult>,
}

/// The ratio of the two loads around a capacity.
pub const PRECISION: f64 = 1.01;
/// No search goes further from its start than by these factors.
const FURTHEST_DOWN: f64 = 1e-4;
const FURTHEST_UP: f64 = 1e5;
/// Clients who gave up have not been served, and no latency of theirs is known. From this share of them on nothing counts as met: it is
/// what a 99th percentile leaves out.
const MOST_GIVEN_UP: f64 = 0.01;

impl Attempt {
    /// Judges a run.
    pub fn of(input: &Input, summary: Summary) -> Self {
        let slos = input.slos.iter().map(|slo| slo.judge(&summary)).collect();
        Self { summary, slos }
    }

    /// Whether all objectives were met by a queue that does not grow; `None` if there are too few samples to tell.
    pub fn is_met(&self) -> Option<bool> {
        let any = |outcome| self.slos.iter().any(|result| result.outcome == outcome);
        let grows = self.summary.saturation.is_some_and(|it| it.queue_grows);
        let requests = &self.summary.requests;
        let gave_up = requests.timed_out as f64 > MOST_GIVEN_UP * requests.arrived as f64;
        if any(SloOutcome::Missed) || grows || gave_up {
            Some(false)
        } else if any(SloOutcome::Unknown) {
            None
        } else {
            Some(true)
        }
    }
}

impl CapacityQuestion<'_> {
    /// Searches with every seed, several at a time.
    pub fn answer(&self, workers: &Workers, simulate: &Simulate) -> Result<Capacity, Stopped> {
        let input = self.input(self.start)?;
        let seeds: Vec<u64> = input.seeds(self.seeds).collect();
        let mut brackets = Vec::new();
        let done = workers.in_order(
            seeds.len(),
            |number| self.search(seeds[number], simulate),
            |_, bracket| {
                brackets.push(bracket);
                Next::GoOn
            },
        );
        done.map_err(|(_, stopped)| stopped)?;
        Ok(Capacity { brackets })
    }

    /// The scenario at a load.
    pub fn input(&self, load: f64) -> Result<Input, Stopped> {
        let mut flags = self.changes.to_vec();
        flags.push(self.dial.flag(load));
        let read = self.base.with(&flags);
        read.map_err(|problem| Stopped::Invalid(self.dial.kind().with_unit(load), problem))
    }

    /// One run at a load.
    pub fn attempt(&self, load: f64, seed: u64, simulate: &Simulate) -> Result<Attempt, Stopped> {
        let input = self.input(load)?;
        let at = |message| format!("at {}: {message}", self.dial.kind().with_unit(load));
        let recording = simulate(&input, seed).map_err(|stopped| match stopped {
            Stopped::Failed(message) => Stopped::Failed(at(message)),
            other => other,
        })?;
        Ok(Attempt::of(&input, Summary::of(&recording)))
    }

    /// Doubles or halves until one load is met and another is not, then halves what lies between them.
    fn search(&self, seed: u64, simulate: &Simulate) -> Result<Bracket, Stopped> {
        let kind = self.dial.kind();
        let mut bracket = Bracket {
            seed,
            met: 0.0,
            at_met: None,
            missed: f64::INFINITY,
            at_missed: None,
            runs: 0,
        };
        let mut load = kind.rounded(self.start);
        let (least, most) = (self.start * FURTHEST_DOWN, self.highest()?);
        loop {
            let attempt = self.attempt(load, seed, simulate)?;
            bracket.runs += 1;
            let Some(is_met) = attempt.is_met() else {
                return Err(Stopped::Failed(self.too_few(load, &attempt)));
            };
            if is_met {
                (bracket.met, bracket.at_met) = (load, Some(attempt.summary));
            } else {
                (bracket.missed, bracket.at_missed) = (load, Some(attempt.summary));
            }
            let next = if bracket.missed.is_infinite() {
                kind.rounded(load * 2.0)
            } else if bracket.at_met.is_none() {
                kind.rounded(load / 2.0)
            } else {
                kind.rounded((bracket.met * bracket.missed).sqrt())
            };
            let is_close = bracket.missed <= bracket.met * PRECISION;
            let is_new = next > bracket.met && next < bracket.missed;
            let is_within = (least..=most).contains(&next);
            if is_close || !is_new || !is_within || !self.can_be_run(next) {
                return Ok(bracket);
            }
            load = next;
        }
    }

    /// Whether a scenario can have that load: at the lowest, its requests may take longer to arrive than a run can cover; at the highest,
    /// there may be more clients than a loop can have.
    fn can_be_run(&self, load: f64) -> bool {
        self.input(load).is_ok()
    }

    /// The highest load that is tried: more clients than requests change nothing.
    fn highest(&self) -> Result<f64, Stopped> {
        let furthest = self.start * FURTHEST_UP;
        let requests = match self.dial.kind() {
            LoadKind::Rate => None,
            LoadKind::Concurrency => self.input(self.start)?.requests_expected(),
        };
        Ok(requests.map_or(furthest, |requests| furthest.min(2.0 * requests as f64)))
    }

    fn too_few(&self, load: f64, attempt: &Attempt) -> String {
        let unknown = |result: &&SloResult| result.outcome == SloOutcome::Unknown;
        let slo = attempt.slos.iter().find(unknown).map(|result| result.slo);
        let (samples, name) = slo.map_or((0, String::new()), |slo| {
            (
                attempt.summary.latency.of(slo.metric).count,
                slo.to_string(),
            )
        });
        let help = if samples == 0 {
            "more requests would not help: look with `tailcast run` whether all are rejected, or have no such latency"
        } else {
            "a p99 needs 1,000 requests, a p99.9 10,000: raise workload.requests or workload.duration, or ask for another statistic"
        };
        format!(
            "at {} a run has {samples} samples, too few to judge {name}\n = help: {help}",
            self.dial.kind().with_unit(load)
        )
    }
}

impl Capacity {
    /// The mean over the seeds.
    pub fn mean(&self) -> f64 {
        let sum: f64 = self.brackets.iter().map(|bracket| bracket.met).sum();
        sum / self.brackets.len() as f64
    }

    /// The 95 % interval of the mean over the seeds; `None` of one seed.
    pub fn interval(&self) -> Option<Interval> {
        let values: Vec<f64> = self.brackets.iter().map(|bracket| bracket.met).collect();
        confidence_interval_95(&values)
    }

    /// Whether no seed found a load at which all objectives are met.
    pub fn is_none(&self) -> bool {
        self.brackets.iter().all(|bracket| bracket.at_met.is_none())
    }

    /// Whether some seed found no load at which any is missed.
    pub fn is_unlimited(&self) -> bool {
        self.brackets
            .iter()
            .any(|bracket| bracket.missed.is_infinite())
    }

    /// How many times as much as `other`, seed by seed, with the 95 % interval of that; `None` if the other is nothing.
    pub fn times(&self, other: &Self) -> Option<(f64, Option<Interval>)> {
        let pairs = self.brackets.iter().zip(&other.brackets);
        let ratios: Vec<f64> = pairs
            .map(|(mine, theirs)| mine.met / theirs.met)
            .filter(|ratio| ratio.is_finite())
            .collect();
        let mean = ratios.iter().sum::<f64>() / ratios.len() as f64;
        let all = ratios.len() == self.brackets.len() && !ratios.is_empty();
        all.then(|| (mean, confidence_interval_95(&ratios)))
    }

    /// How many runs it took.
    pub fn runs(&self) -> u32 {
        self.brackets.iter().map(|bracket| bracket.runs).sum()
    }
}
