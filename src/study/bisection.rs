//! The highest load at which every objective is met, with one seed and runs of one length: by bisection.

use super::load_dial::LoadDial;
use super::load_kind::LoadKind;
use super::stopped::{Simulate, Stopped};
use super::{Base, Input};
use crate::config::{Diagnostic, Flag};
use crate::metrics::{Slo, SloOutcome, Summary};

/// Looks for the capacity with one seed.
pub(super) struct Bisection<'a> {
    pub(super) base: &'a Base,
    pub(super) dial: &'a LoadDial,
    /// What is changed of the scenario besides its load.
    pub(super) changes: &'a [Flag],
    /// How many times as long all steps are.
    pub(super) steps_times: f64,
    pub(super) seed: u64,
    /// How many times as long as the scenario's own its runs are.
    pub(super) length: u32,
    pub(super) simulate: &'a Simulate<'a>,
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
    /// Whether that was for want of samples, of which longer runs have more.
    pub has_too_few_samples: bool,
    /// How many runs it took.
    pub runs: u32,
    /// How many times as long as the scenario's own the runs were that these numbers are of.
    pub length: u32,
    /// How many times the answer of runs a quarter as long this one is; `None` if no shorter ones were made.
    pub moved: Option<f64>,
}

/// The ratio of the two loads around a capacity.
pub const PRECISION: f64 = 1.01;
/// No search goes further from its start than by these factors.
const FURTHEST_DOWN: f64 = 1e-9;
const FURTHEST_UP: f64 = 1e5;
/// Where no lower load meets the objectives, a higher one may: batches that wait for company are slow at low loads. So
/// often it is doubled.
const DOUBLED_IN_SEARCH_OF_ANY: i32 = 6;
/// A search around an answer that is nearly right begins with loads this far from it.
const FIRST_STEP: f64 = PRECISION * PRECISION;
/// It gives up at loads this far from it.
const FURTHEST_STEP: f64 = 1e3;
/// Runs become so many times as long.
const LENGTHENED_BY: u32 = 4;
/// What to do about too few samples.
const MORE_REQUESTS: &str = "a p99 needs 1,000 requests, a p99.9 10,000: raise workload.requests (or the duration, or \
                             a trace's limit), or ask for another statistic";

/// How an attempt at a load went.
enum Attempt {
    Met(Summary),
    Missed(Summary),
    /// It has too few samples to be judged.
    TooShort(Diagnostic),
    /// Its runs have so few requests that the load was never there.
    Beyond(u64, Diagnostic),
    /// It could not be made, or not be judged whatever its length.
    Unknown(Diagnostic),
}

impl Bisection<'_> {
    /// The capacity in runs some times as long as those of `before`, which begin where that ended; `None` if they would
    /// be too long, or if `before` has no loads to begin with.
    pub(super) fn longer(&self, before: &Bracket, seeds: usize) -> Result<Option<Bracket>, Stopped> {
        let kind = self.dial.kind();
        let (load, length) = (before.capacity(kind), before.length * LENGTHENED_BY);
        if !before.is_closed() || !self.dial.allows_length(load, length, seeds) {
            return Ok(None);
        }
        let next = self.of_length(length).search_around(load)?;
        let runs = before.runs + next.runs;
        Ok(Some(if next.is_closed() {
            let moved = Some(next.capacity(kind) / load);
            Bracket { runs, moved, ..next }
        } else {
            Bracket { runs, ..before.clone() }
        }))
    }

    /// The capacity in the shortest runs that have enough samples; as far as the shortest of all tell if none has, of
    /// those that are at most so many times as long as the scenario's own.
    pub(super) fn first(&self, start: f64, longest: u32) -> Result<Bracket, Stopped> {
        let shortest = self.search(start)?;
        let mut length = self.length * LENGTHENED_BY;
        while shortest.has_too_few_samples && length <= longest && self.dial.allows_length(start, length, 1) {
            let longer = self.of_length(length).search(start)?;
            if !longer.has_too_few_samples {
                return longer.known();
            }
            length = length.saturating_mul(LENGTHENED_BY);
        }
        shortest.known()
    }

    fn of_length(&self, length: u32) -> Self {
        Self { length, ..*self }
    }

    /// What a run at a load is like.
    pub(super) fn at(&self, load: f64) -> Result<Summary, Stopped> {
        Ok(self.run(load)?.1)
    }

    fn run(&self, load: f64) -> Result<(Input, Summary), Stopped> {
        let mut flags = self.changes.to_vec();
        flags.extend(self.dial.flags_of_length(load, self.length));
        let at = || self.dial.kind().with_unit(load);
        let read = self.base.with(&flags);
        let input = read.map_err(|problem| Stopped::Invalid(at(), problem))?;
        let input = input.with_steps_times(self.steps_times);
        let recording = (self.simulate)(&input, self.seed).map_err(|stopped| stopped.about(&format!("at {}", at())))?;
        Ok((input, Summary::of(&recording)))
    }

    fn attempt(&self, load: f64) -> Result<Attempt, Stopped> {
        let (input, summary) = match self.run(load) {
            Ok(done) => done,
            // A load that no scenario may have, or that would run for months, ends the search in its direction.
            Err(Stopped::Failed(why)) => return Ok(Attempt::Unknown(why)),
            Err(Stopped::Invalid(at, problem)) => {
                return Ok(Attempt::Unknown(Diagnostic::from(problem).about(&at)));
            }
            Err(Stopped::Interrupted) => return Err(Stopped::Interrupted),
        };
        let sent = summary.requests.arrived;
        if sent > 0 && self.dial.kind().exceeds(load, sent) {
            let at = self.dial.kind().with_unit(load);
            let message = format!("at {at} a run has only {sent} requests, so that so many are never there at once");
            return Ok(Attempt::Beyond(sent, Diagnostic::new(message).help(MORE_REQUESTS)));
        }
        Ok(match summary.is_met {
            Some(true) => Attempt::Met(summary),
            Some(false) => Attempt::Missed(summary),
            None => self.too_few(load, &input.slos, &summary),
        })
    }

    /// Doubles or halves until one load is met and another is not, then halves what lies between them.
    fn search(&self, start: f64) -> Result<Bracket, Stopped> {
        let kind = self.dial.kind();
        let mut bracket = self.nothing_yet();
        let (mut start, mut first) = (kind.rounded(start), self.attempt(kind.rounded(start))?);
        if let Attempt::Beyond(sent, _) = first {
            start = kind.rounded(sent as f64);
            first = self.attempt(start)?;
        }
        if !bracket.take(start, first) {
            return Ok(bracket);
        }
        let next_down = |bracket: &Bracket| kind.rounded(bracket.missed / 2.0);
        while bracket.at_met.is_none() {
            let load = next_down(&bracket);
            if load >= bracket.missed || load < start * FURTHEST_DOWN {
                break;
            }
            if !bracket.take(load, self.attempt(load)?) {
                break;
            }
        }
        if bracket.at_met.is_none() {
            self.look_above(&mut bracket, start)?;
        }
        let most = self.dial.highest().unwrap_or(start.max(1.0) * FURTHEST_UP);
        while bracket.at_met.is_some() && bracket.missed.is_infinite() {
            let load = kind.rounded(bracket.met * 2.0);
            if load > most || !bracket.take(load, self.attempt(load)?) {
                break;
            }
        }
        self.close(&mut bracket)?;
        Ok(bracket)
    }

    /// Halves what lies between the two loads.
    fn close(&self, bracket: &mut Bracket) -> Result<(), Stopped> {
        while bracket.is_closed() && bracket.missed > bracket.met * PRECISION {
            let load = self.dial.kind().rounded((bracket.met * bracket.missed).sqrt());
            let is_between = load > bracket.met && load < bracket.missed;
            if !is_between || !bracket.take(load, self.attempt(load)?) {
                break;
            }
        }
        Ok(())
    }

    /// Looks for the capacity where it is nearly known to be: in steps that become wider, then by halves.
    pub(super) fn search_around(&self, load: f64) -> Result<Bracket, Stopped> {
        let kind = self.dial.kind();
        let mut bracket = self.nothing_yet();
        let load = kind.rounded(load);
        if !bracket.take(load, self.attempt(load)?) {
            return Ok(bracket);
        }
        let mut step = FIRST_STEP;
        while !bracket.is_closed() && step < FURTHEST_STEP {
            let next = if bracket.at_met.is_some() {
                // A whole client more, where loads are whole.
                kind.rounded((bracket.met * step).max(bracket.met + kind.least_step()))
            } else {
                kind.rounded((bracket.missed / step).min(bracket.missed - kind.least_step()))
            };
            let is_new = next > bracket.met && next < bracket.missed;
            if !is_new || !bracket.take(next, self.attempt(next)?) {
                break;
            }
            step *= step;
        }
        self.close(&mut bracket)?;
        Ok(bracket)
    }

    /// Looks for a load above `start` that is met, where none below it is.
    fn look_above(&self, bracket: &mut Bracket, start: f64) -> Result<(), Stopped> {
        let below = bracket.clone();
        for doubled in 1..=DOUBLED_IN_SEARCH_OF_ANY {
            let load = self.dial.kind().rounded(start * 2.0_f64.powi(doubled));
            let attempt = self.attempt(load)?;
            let is_met = matches!(attempt, Attempt::Met(_));
            if is_met {
                // Whatever was missed lies below.
                (bracket.missed, bracket.at_missed) = (f64::INFINITY, None);
                bracket.ended_because = None;
                bracket.has_too_few_samples = false;
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

    fn too_few(&self, load: f64, slos: &[Slo], summary: &Summary) -> Attempt {
        let at = self.dial.kind().with_unit(load);
        let is_unknown = |slo: &&Slo| slo.judge(summary).outcome == SloOutcome::Unknown;
        let Some(slo) = slos.iter().find(is_unknown) else {
            // Then it is one of a class, of whose requests there are fewer.
            let name = summary.of_classes.map(|it| it.result.slo.to_string());
            let message = format!(
                "at {at} a class has too few samples to judge {}",
                name.unwrap_or_default()
            );
            return Attempt::TooShort(Diagnostic::new(message).help(MORE_REQUESTS));
        };
        let samples = slo.as_latency().map_or(0, |slo| summary.latency.of(slo.metric).count);
        let name = slo.to_string();
        if summary.requests.finished == 0 {
            let message = format!("at {at} no request was answered");
            return Attempt::Unknown(Diagnostic::new(message).help("`tailcast run` shows what became of them"));
        }
        if samples == 0 {
            let message =
                format!("at {at} nothing can be said of {name}: responses come as a whole, or are a single token");
            return Attempt::Unknown(Diagnostic::new(message).help("ask for another latency, such as e2e.p99"));
        }
        let message = format!("at {at} a run has {samples} samples, too few to judge {name}");
        Attempt::TooShort(Diagnostic::new(message).help(MORE_REQUESTS))
    }

    const fn nothing_yet(&self) -> Bracket {
        Bracket {
            seed: self.seed,
            met: 0.0,
            at_met: None,
            missed: f64::INFINITY,
            at_missed: None,
            ended_because: None,
            has_too_few_samples: false,
            runs: 0,
            length: self.length,
            moved: None,
        }
    }
}

impl Bracket {
    /// The bracket, unless its search could not even begin.
    fn known(self) -> Result<Self, Stopped> {
        match self.ended_because {
            Some(why) if self.at_met.is_none() && self.at_missed.is_none() => Err(Stopped::Failed(why)),
            _ => Ok(self),
        }
    }

    /// Whether it has a load on either side of the capacity.
    fn is_closed(&self) -> bool {
        self.at_met.is_some() && self.missed.is_finite()
    }

    /// Whether no attempt told anything.
    pub(super) const fn is_empty(&self) -> bool {
        self.at_met.is_none() && self.missed.is_infinite()
    }

    /// Takes an attempt in; false if it told nothing.
    fn take(&mut self, load: f64, attempt: Attempt) -> bool {
        self.runs += 1;
        self.has_too_few_samples |= matches!(attempt, Attempt::TooShort(_));
        match attempt {
            Attempt::Met(summary) => (self.met, self.at_met) = (load, Some(summary)),
            Attempt::Missed(summary) => (self.missed, self.at_missed) = (load, Some(summary)),
            Attempt::TooShort(why) | Attempt::Beyond(_, why) | Attempt::Unknown(why) => {
                self.ended_because = Some(why);
                return false;
            }
        }
        true
    }

    /// The capacity: what lies in the middle of the two loads, or the lower one if it is known exactly or nothing is
    /// known above it; 0 if there is none.
    pub fn capacity(&self, kind: LoadKind) -> f64 {
        if self.missed.is_infinite() || kind.counts_clients() && self.missed <= self.met + 1.0 {
            return self.met;
        }
        (self.met * self.missed).sqrt()
    }
}
