//! The highest load at which every objective is met, by bisection on common random numbers: each seed has a capacity of
//! its own, and their spread gives the interval.

use std::convert::Infallible;

use super::bisection::{Bisection, Bracket, PRECISION};
use super::load_dial::LoadDial;
use super::load_kind::LoadKind;
use super::stopped::{Simulate, Stopped};
use super::{Base, Next, Workers};
use crate::config::{Diagnostic, Flag};
use crate::metrics::Summary;
use crate::stats::{Interval, confidence_interval_95, confidence_interval_95_above_zero, mean};

/// What is asked.
#[derive(Clone)]
pub struct CapacitySearch<'a> {
    /// The scenario, which has objectives.
    pub base: &'a Base,
    /// What sets its load.
    pub dial: &'a LoadDial,
    /// What is changed of the scenario besides.
    pub changes: &'a [Flag],
    /// How many times as long as they are all steps are taken to be; 1 but where that is what is asked.
    pub steps_times: f64,
    /// Seeds to search with.
    pub seeds: &'a [u64],
    /// Where to begin the search. Searches that are to be compared begin at the same load, so that they try the same
    /// ones.
    pub start: f64,
}

/// The highest load that meets all objectives, with each seed.
#[derive(Clone, Debug)]
pub struct Capacity {
    /// What it is in.
    pub kind: LoadKind,
    /// What was found with each seed; at least one.
    pub brackets: Vec<Bracket>,
}

/// Where a search begins if the scenario has no load of its own.
pub const USUAL_START: f64 = 4.0;
impl CapacitySearch<'_> {
    /// Searches with every seed, several at a time.
    pub fn answer(&self, workers: &Workers, simulate: &Simulate) -> Result<Capacity, Stopped> {
        let found = side_by_side(std::slice::from_ref(self), workers, simulate);
        found.into_iter().next().expect("there is one search")
    }

    /// Searches with every seed near a load that is so many times what `known` is with it, in runs as long as those
    /// that `known` rests on. `None` if of some seed nothing could be told.
    pub(super) fn around(
        &self,
        known: &Capacity,
        times: f64,
        workers: &Workers,
        simulate: &Simulate,
    ) -> Result<Option<Capacity>, Stopped> {
        let mut brackets = Vec::new();
        let done = workers.in_order(
            known.brackets.len(),
            |task| {
                let bracket = &known.brackets[task];
                let search = self.with_seed(bracket.seed, bracket.length, simulate);
                search.search_around(bracket.capacity(known.kind) * times)
            },
            |_, bracket| {
                brackets.push(bracket);
                Next::GoOn
            },
        );
        done.map_err(|(_, stopped)| stopped)?;
        let kind = known.kind;
        let is_told = !brackets.iter().any(Bracket::is_empty);
        Ok(is_told.then_some(Capacity { kind, brackets }))
    }

    /// Whether a run at a load meets the objectives, in runs this many times as long as the scenario's own; `None` if
    /// that cannot be told.
    pub fn holds(&self, load: f64, seed: u64, length: u32, simulate: &Simulate) -> Result<Option<bool>, Stopped> {
        self.with_seed(seed, length, simulate).holds(load)
    }

    fn with_seed<'b>(&'b self, seed: u64, length: u32, simulate: &'b Simulate<'b>) -> Bisection<'b> {
        Bisection {
            base: self.base,
            dial: self.dial,
            changes: self.changes,
            steps_times: self.steps_times,
            seed,
            length,
            simulate,
        }
    }
}

/// Makes several searches at once, each with every seed; gives what came of each, in their order. A search that fails
/// takes nothing from the others.
pub fn side_by_side(
    searches: &[CapacitySearch],
    workers: &Workers,
    simulate: &Simulate,
) -> Vec<Result<Capacity, Stopped>> {
    let numbers = searches.iter().enumerate();
    let tasks: Vec<(usize, u64)> = numbers
        .flat_map(|(number, search)| search.seeds.iter().map(move |&seed| (number, seed)))
        .collect();
    let mut found: Vec<Result<Vec<Bracket>, Stopped>> = searches.iter().map(|_| Ok(Vec::new())).collect();
    let done: Result<(), (usize, Infallible)> = workers.in_order(
        tasks.len(),
        |task| {
            let (number, seed) = tasks[task];
            let search = &searches[number];
            Ok(search.with_seed(seed, 1, simulate).answer(search.start))
        },
        |task, searched| {
            let is_interrupted = matches!(searched, Err(Stopped::Interrupted));
            let brackets = &mut found[tasks[task].0];
            match (brackets.as_mut(), searched) {
                (Ok(brackets), Ok(bracket)) => brackets.push(bracket),
                (Ok(_), Err(stopped)) => *brackets = Err(stopped),
                (Err(_), _) => {}
            }
            if is_interrupted { Next::Stop } else { Next::GoOn }
        },
    );
    let Ok(()) = done;
    let kinds = searches.iter().map(|search| search.dial.kind());
    found
        .into_iter()
        .zip(kinds)
        .map(|(brackets, kind)| {
            Ok(Capacity {
                kind,
                brackets: brackets?,
            })
        })
        .collect()
}

impl Capacity {
    /// What each seed found.
    pub fn values(&self) -> Vec<f64> {
        self.brackets
            .iter()
            .map(|bracket| bracket.capacity(self.kind))
            .collect()
    }

    /// The mean over the seeds.
    pub fn mean(&self) -> f64 {
        mean(self.values()).expect("there is a seed")
    }

    /// The 95 % interval of the mean over the seeds, wider by what the search leaves open; `None` of one seed.
    pub fn interval(&self) -> Option<Interval> {
        let interval = confidence_interval_95_above_zero(&self.values())?;
        let open = if self.kind.counts_clients() {
            1.0
        } else {
            PRECISION.sqrt()
        };
        Some(Interval {
            low: interval.low / open,
            high: interval.high * open,
        })
    }

    /// The first seed that met all objectives, with its numbers there.
    pub fn first_met(&self) -> Option<(&Bracket, &Summary)> {
        let mut found = self.brackets.iter();
        found.find_map(|bracket| Some((bracket, bracket.at_met.as_ref()?)))
    }

    /// The first seed that missed an objective, with its numbers there.
    pub fn first_missed(&self) -> Option<(&Bracket, &Summary)> {
        let mut found = self.brackets.iter();
        found.find_map(|bracket| Some((bracket, bracket.at_missed.as_ref()?)))
    }

    /// Whether no seed found a load at which all objectives are met.
    pub fn is_none(&self) -> bool {
        self.brackets.iter().all(|bracket| bracket.at_met.is_none())
    }

    /// Whether some seed found no load at which any is missed, so that its capacity may be higher than what is said.
    pub fn is_at_least(&self) -> bool {
        self.brackets.iter().any(|bracket| bracket.missed.is_infinite())
    }

    /// Why a search ended before it had found the capacity of its seed.
    pub fn ended_because(&self) -> Option<&Diagnostic> {
        let mut whys = self.brackets.iter().filter_map(|it| it.ended_because.as_ref());
        whys.next()
    }

    /// How many times as much as `other`: the geometric mean over the seeds, which is one over what the other is of
    /// this, with the 95 % interval of that; `None` if a seed has no capacity in either.
    pub fn times(&self, other: &Self) -> Option<(f64, Option<Interval>)> {
        let pairs = self.values().into_iter().zip(other.values());
        let logs: Vec<f64> = pairs.map(|(mine, theirs)| (mine / theirs).ln()).collect();
        let mean = mean(logs.iter().copied()).filter(|mean| mean.is_finite())?;
        let interval = confidence_interval_95(&logs).map(|it| Interval {
            low: it.low.exp(),
            high: it.high.exp(),
        });
        Some((mean.exp(), interval))
    }

    /// How many times as long as the scenario's own the longest runs are that it rests on.
    pub fn length(&self) -> u32 {
        self.brackets.iter().map(|bracket| bracket.length).max().unwrap_or(1)
    }

    /// The most that the answer of a seed moved, as a ratio above 1, when its runs were last made longer; `None` if
    /// they were not.
    pub fn moved(&self) -> Option<f64> {
        let moved = self.brackets.iter().filter_map(|bracket| bracket.moved);
        moved.map(|ratio| ratio.max(1.0 / ratio)).reduce(f64::max)
    }

    /// How many runs it took.
    pub fn runs(&self) -> u32 {
        self.brackets.iter().map(|bracket| bracket.runs).sum()
    }
}
