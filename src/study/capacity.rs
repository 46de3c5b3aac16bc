//! The highest load at which every objective is met, by bisection on common random numbers: each seed has a capacity of
//! its own, and their spread gives the interval.

use std::convert::Infallible;

use super::load_dial::{LoadDial, LoadKind};
use super::stopped::{Simulate, Stopped};
use super::{Base, Input, Next, Workers};
use crate::config::{Diagnostic, Flag};
use crate::metrics::{Slo, SloOutcome, Summary, is_met};
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

/// The capacity with one seed: it lies between two loads that differ by no more than [`PRECISION`] or by one request.
#[derive(Clone, Debug)]
pub struct Bracket {
    /// The seed that all runs of this search have.
    pub seed: u64,
    /// A load at which all objectives were met; 0 if there is none.
    pub met: f64,
    /// The numbers at that load; `None` if there is none.
    pub at_met: Option<Summary>,
    /// A load above it at which one was missed; infinite if none was found.
    pub missed: f64,
    /// The numbers at that load.
    pub at_missed: Option<Summary>,
    /// Why the search ended before it had both.
    pub ended_because: Option<Diagnostic>,
    /// How many runs it took.
    pub runs: u32,
}

/// The ratio of the two loads around a capacity.
pub const PRECISION: f64 = 1.01;
/// Where a search begins if the scenario has no load of its own.
pub const USUAL_START: f64 = 4.0;
/// No search goes further from its start than by these factors.
const FURTHEST_DOWN: f64 = 1e-9;
const FURTHEST_UP: f64 = 1e5;
/// Where no lower load meets the objectives, a higher one may: batches that wait for company are slow at low loads. So
/// often it is doubled.
const DOUBLED_IN_SEARCH_OF_ANY: i32 = 6;

/// How an attempt at a load went.
enum Attempt {
    Met(Summary),
    Missed(Summary),
    /// It could not be made, or not be judged.
    Unknown(Diagnostic),
}

impl CapacitySearch<'_> {
    /// Searches with every seed, several at a time.
    pub fn answer(&self, workers: &Workers, simulate: &Simulate) -> Result<Capacity, Stopped> {
        let found = side_by_side(std::slice::from_ref(self), workers, simulate);
        found.into_iter().next().expect("there is one search")
    }

    /// Whether a run at a load meets the objectives; `None` if that cannot be told.
    pub fn holds(&self, load: f64, seed: u64, simulate: &Simulate) -> Result<Option<bool>, Stopped> {
        let (input, summary) = self.run(load, seed, simulate)?;
        Ok(is_met(&input.slos, &summary))
    }

    fn run(&self, load: f64, seed: u64, simulate: &Simulate) -> Result<(Input, Summary), Stopped> {
        let mut flags = self.changes.to_vec();
        flags.extend(self.dial.flags(load));
        let at = || self.dial.kind().with_unit(load);
        let read = self.base.with(&flags);
        let input = read.map_err(|problem| Stopped::Invalid(at(), problem))?;
        let recording = simulate(&input, seed).map_err(|stopped| stopped.about(&format!("at {}", at())))?;
        Ok((input, Summary::of(&recording)))
    }

    fn attempt(&self, load: f64, seed: u64, simulate: &Simulate) -> Result<Attempt, Stopped> {
        let (input, summary) = match self.run(load, seed, simulate) {
            Ok(done) => done,
            // A load that no scenario may have, or that would run for months, ends the search in its direction.
            Err(Stopped::Failed(why)) => return Ok(Attempt::Unknown(why)),
            Err(Stopped::Invalid(at, problem)) => {
                return Ok(Attempt::Unknown(Diagnostic::from(problem).about(&at)));
            }
            Err(Stopped::Interrupted) => return Err(Stopped::Interrupted),
        };
        Ok(match is_met(&input.slos, &summary) {
            Some(true) => Attempt::Met(summary),
            Some(false) => Attempt::Missed(summary),
            None => Attempt::Unknown(self.too_few(load, &input.slos, &summary)),
        })
    }

    /// Doubles or halves until one load is met and another is not, then halves what lies between them.
    fn search(&self, seed: u64, simulate: &Simulate) -> Result<Bracket, Stopped> {
        let kind = self.dial.kind();
        let mut bracket = Bracket::empty(seed);
        let start = kind.rounded(self.start);
        match self.attempt(start, seed, simulate)? {
            Attempt::Unknown(why) => return Err(Stopped::Failed(why)),
            judged => bracket.take(start, judged),
        };
        let next_down = |bracket: &Bracket| kind.rounded(bracket.missed / 2.0);
        while bracket.at_met.is_none() {
            let load = next_down(&bracket);
            if load >= bracket.missed || load < self.start * FURTHEST_DOWN {
                break;
            }
            if !bracket.take(load, self.attempt(load, seed, simulate)?) {
                break;
            }
        }
        if bracket.at_met.is_none() {
            self.look_above(&mut bracket, start, simulate)?;
        }
        let most = self.dial.highest().unwrap_or(start.max(1.0) * FURTHEST_UP);
        while bracket.at_met.is_some() && bracket.missed.is_infinite() {
            let load = kind.rounded(bracket.met * 2.0);
            if load > most || !bracket.take(load, self.attempt(load, seed, simulate)?) {
                break;
            }
        }
        while bracket.at_met.is_some() && bracket.missed > bracket.met * PRECISION {
            let load = kind.rounded((bracket.met * bracket.missed).sqrt());
            let is_between = load > bracket.met && load < bracket.missed;
            if !is_between || !bracket.take(load, self.attempt(load, seed, simulate)?) {
                break;
            }
        }
        Ok(bracket)
    }

    /// Looks for a load above `start` that is met, where none below it is.
    fn look_above(&self, bracket: &mut Bracket, start: f64, simulate: &Simulate) -> Result<(), Stopped> {
        let below = bracket.clone();
        for doubled in 1..=DOUBLED_IN_SEARCH_OF_ANY {
            let load = self.dial.kind().rounded(start * 2.0_f64.powi(doubled));
            let attempt = self.attempt(load, bracket.seed, simulate)?;
            let is_met = matches!(attempt, Attempt::Met(_));
            if is_met {
                // Whatever was missed lies below.
                (bracket.missed, bracket.at_missed) = (f64::INFINITY, None);
                bracket.ended_because = None;
            }
            if !bracket.take(load, attempt) || is_met {
                break;
            }
        }
        if bracket.at_met.is_none() {
            let runs = bracket.runs;
            *bracket = Bracket { runs, ..below };
        }
        Ok(())
    }

    fn too_few(&self, load: f64, slos: &[Slo], summary: &Summary) -> Diagnostic {
        let at = self.dial.kind().with_unit(load);
        let is_unknown = |slo: &&Slo| slo.judge(summary).outcome == SloOutcome::Unknown;
        let slo = slos.iter().find(is_unknown);
        let latency = slo.and_then(Slo::as_latency);
        let samples = latency.map_or(0, |slo| summary.latency.of(slo.metric).count);
        let name = slo.map_or_else(String::new, ToString::to_string);
        if samples == 0 {
            return Diagnostic::new(format!(
                "at {at} nothing can be said of {name}: responses come as a whole, or are a single token"
            ))
            .help("ask for another latency, such as e2e.p99");
        }
        Diagnostic::new(format!("at {at} a run has {samples} samples, too few to judge {name}")).help(
            "a p99 needs 1,000 requests, a p99.9 10,000: raise workload.requests (or the duration, or a trace's \
             limit), or ask for another statistic",
        )
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
            Ok(searches[number].search(seed, simulate))
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

impl Bracket {
    const fn empty(seed: u64) -> Self {
        Self {
            seed,
            met: 0.0,
            at_met: None,
            missed: f64::INFINITY,
            at_missed: None,
            ended_because: None,
            runs: 0,
        }
    }

    /// Takes an attempt in; false if it told nothing.
    fn take(&mut self, load: f64, attempt: Attempt) -> bool {
        self.runs += 1;
        match attempt {
            Attempt::Met(summary) => (self.met, self.at_met) = (load, Some(summary)),
            Attempt::Missed(summary) => (self.missed, self.at_missed) = (load, Some(summary)),
            Attempt::Unknown(why) => {
                self.ended_because = Some(why);
                return false;
            }
        }
        true
    }

    /// The capacity: what lies in the middle of the two loads, or the lower one if it is known exactly or nothing is
    /// known above it; 0 if there is none.
    pub fn capacity(&self, kind: LoadKind) -> f64 {
        if self.missed.is_infinite() || kind == LoadKind::Concurrency && self.missed <= self.met + 1.0 {
            return self.met;
        }
        (self.met * self.missed).sqrt()
    }
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
        let open = match self.kind {
            LoadKind::Concurrency => 1.0,
            LoadKind::Rate | LoadKind::SessionRate => PRECISION.sqrt(),
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

    /// How many runs it took.
    pub fn runs(&self) -> u32 {
        self.brackets.iter().map(|bracket| bracket.runs).sum()
    }
}
