//! The highest load at which every objective is met: each seed has a capacity of its own, and their spread gives the
//! interval.

use super::bisection::Bracket;
use super::load_kind::LoadKind;
use super::load_walk::PRECISION;
use crate::config::Diagnostic;
use crate::metrics::Summary;
use crate::stats::{Interval, confidence_interval_95, confidence_interval_95_above_zero, mean};

/// The highest load that meets all objectives, with each seed.
#[derive(Clone, Debug)]
pub struct Capacity {
    /// What it is in.
    pub kind: LoadKind,
    /// What was found with each seed; at least one.
    pub brackets: Vec<Bracket>,
    /// What was found in shorter runs, the shortest first.
    shorter: Vec<Vec<Bracket>>,
}

/// How many times runs were made longer since those that are long enough to try changes in: twice, to a sixteenth.
const ROUGH: usize = 2;

impl Capacity {
    pub(super) const fn of(kind: LoadKind, brackets: Vec<Bracket>) -> Self {
        Self {
            kind,
            brackets,
            shorter: Vec::new(),
        }
    }

    /// Takes in what each seed found in longer runs.
    pub(super) fn take_longer(&mut self, brackets: Vec<Bracket>) {
        self.shorter.push(std::mem::replace(&mut self.brackets, brackets));
    }

    /// What each seed found in runs that are a sixteenth as long, or the shortest if none are.
    pub(super) fn in_shorter_runs(&self) -> &[Bracket] {
        let rough = self.shorter.len().saturating_sub(ROUGH);
        self.shorter.get(rough).unwrap_or(&self.brackets)
    }

    /// The capacity that is as many times this one as `found` is `rough`, seed by seed; both are of runs of one
    /// length. A seed that met its objectives at no load is taken as it was found.
    pub(super) fn times_as_in(&self, rough: &[Bracket], found: Vec<Bracket>) -> Self {
        let seeds = self.brackets.iter().zip(rough).zip(found);
        let brackets = seeds.map(|((known, rough), found)| {
            let is_open = found.missed.is_infinite();
            let times = if rough.at_met.is_some() {
                known.capacity(self.kind) / rough.capacity(self.kind)
            } else {
                1.0
            };
            let load = found.capacity(self.kind) * times;
            Bracket {
                met: load,
                missed: if is_open { f64::INFINITY } else { load },
                length: known.length,
                moved: None,
                ..found
            }
        });
        Self::of(self.kind, brackets.collect())
    }

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

    /// How far the mean over the seeds moved, as a ratio of at least 1, when their runs were last made longer; `None`
    /// if they were not.
    pub fn moved(&self) -> Option<f64> {
        let longest = self.length();
        let of_longest = self.brackets.iter().filter(|bracket| bracket.length == longest);
        let moved = mean(of_longest.filter_map(|bracket| bracket.moved).map(f64::ln))?;
        Some(moved.abs().exp())
    }

    /// Whether longer runs no longer moved it by more than it is precise; if they were not tried, no.
    pub fn is_settled(&self) -> bool {
        self.moved().is_some_and(|moved| moved <= PRECISION)
    }

    /// How many runs it took.
    pub fn runs(&self) -> u32 {
        self.brackets.iter().map(|bracket| bracket.runs).sum()
    }
}
