//! Searches for capacities on common random numbers: with several seeds, in runs that are made longer until the answer
//! no longer moves, and beside an answer that is known.

use std::convert::Infallible;

use super::bisection::{Bisection, Bracket};
use super::capacity::Capacity;
use super::load_dial::LoadDial;
use super::stopped::{Simulate, Stopped};
use super::{Base, Next, Workers};
use crate::config::Flag;
use crate::metrics::Summary;

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
    /// How many times as long as the scenario's own runs may become, at most; [`AS_LONG_AS_IT_TAKES`] but for those who
    /// want to know in seconds.
    pub longest: u32,
    /// Where to begin the search. Searches that are to be compared begin at the same load, so that they try the same
    /// ones.
    pub start: f64,
}

/// No limit but that of what is too long for anybody.
pub const AS_LONG_AS_IT_TAKES: u32 = u32::MAX;
/// Where a search begins if the scenario has no load of its own.
pub const USUAL_START: f64 = 4.0;
/// Runs that could not be so many times longer are long enough to believe an answer that did not move once; in shorter
/// ones it may stand still by chance, and is tried twice.
const SHORT_OF_LONGEST: u32 = 16;

impl CapacitySearch<'_> {
    /// Searches with every seed, several at a time. A run that is too short shows no queue that grows slowly, so runs
    /// are made longer until the mean over the seeds moves by no more than each of them is precise, or until they would
    /// be too long.
    pub fn answer(&self, workers: &Workers, simulate: &Simulate) -> Result<Capacity, Stopped> {
        let first = self.with_each_seed(workers, |number| {
            self.with_seed(self.seeds[number], 1, simulate)
                .first(self.start, self.longest)
        });
        let mut capacity = Capacity::of(self.dial.kind(), first?);
        let mut was_settled = false;
        while capacity.length() < self.longest
            && let Some(longer) = self.in_longer_runs(&capacity.brackets, workers, simulate)?
        {
            capacity.take_longer(longer);
            let is_settled = capacity.is_settled();
            if is_settled && (was_settled || !self.could_be_much_longer(&capacity)) {
                break;
            }
            was_settled = is_settled;
        }
        Ok(capacity)
    }

    /// Searches with the first seed only, in the shortest runs that tell anything: on the thread that asks.
    pub(super) fn with_first_seed(&self, simulate: &Simulate) -> Result<Capacity, Stopped> {
        let bracket = self
            .with_seed(self.seeds[0], 1, simulate)
            .first(self.start, self.longest)?;
        Ok(Capacity::of(self.dial.kind(), vec![bracket]))
    }

    /// What each seed finds in longer runs; `None` if they would be too long for all of them.
    fn in_longer_runs(
        &self,
        known: &[Bracket],
        workers: &Workers,
        simulate: &Simulate,
    ) -> Result<Option<Vec<Bracket>>, Stopped> {
        let longer = self.with_each_seed(workers, |number| {
            let before = &known[number];
            let found = self
                .with_seed(before.seed, 1, simulate)
                .longer(before, self.seeds.len())?;
            Ok(found.unwrap_or_else(|| before.clone()))
        })?;
        let is_longer = longer
            .iter()
            .zip(known)
            .any(|(longer, before)| longer.length > before.length);
        Ok(is_longer.then_some(longer))
    }

    fn could_be_much_longer(&self, capacity: &Capacity) -> bool {
        let could = |it: &Bracket| {
            let length = it.length.saturating_mul(SHORT_OF_LONGEST);
            self.dial
                .allows_length(it.capacity(capacity.kind), length, self.seeds.len())
        };
        capacity.brackets.iter().any(could)
    }

    fn with_each_seed(
        &self,
        workers: &Workers,
        search: impl Fn(usize) -> Result<Bracket, Stopped> + Sync,
    ) -> Result<Vec<Bracket>, Stopped> {
        let mut brackets = Vec::new();
        let done = workers.in_order(self.seeds.len(), search, |_, bracket| {
            brackets.push(bracket);
            Next::GoOn
        });
        done.map_err(|(_, stopped)| stopped)?;
        Ok(brackets)
    }

    /// What a run at a load is like that is this many times as long as the scenario's own.
    pub(super) fn at(&self, load: f64, seed: u64, length: u32, simulate: &Simulate) -> Result<Summary, Stopped> {
        self.with_seed(seed, length, simulate).at(load)
    }

    /// What is found near so many times what is known of a seed without these changes, in runs of the same length;
    /// `None` if it is the same.
    fn near(&self, known: &Bracket, likely: Likely, simulate: &Simulate) -> Result<Option<Bracket>, Stopped> {
        let bisection = self.with_seed(known.seed, known.length, simulate);
        if known.at_met.is_none() {
            return bisection.first(self.start, self.longest).map(Some);
        }
        match likely {
            Likely::TheSame => bisection.changed(known),
            Likely::Times(times) => {
                let load = known.capacity(self.dial.kind()) * times;
                bisection.search_around(load, &known.strains).map(Some)
            }
        }
    }

    /// What is known of a seed, found once more as what is near it is.
    fn again(&self, known: &Bracket, simulate: &Simulate) -> Result<Bracket, Stopped> {
        let bisection = self.with_seed(known.seed, known.length, simulate);
        if known.is_closed() {
            bisection.again(known)
        } else if known.at_met.is_some() {
            bisection.search_around(known.capacity(self.dial.kind()), &known.strains)
        } else {
            bisection.first(self.start, self.longest)
        }
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

/// What is likely of a changed server.
#[derive(Clone, Copy, Debug)]
pub(super) enum Likely {
    /// That it carries as much, as the change may not matter.
    TheSame,
    /// That it carries so many times as much.
    Times(f64),
}

/// What came of a search beside a known capacity: `None` if of some seed nothing could be told.
pub(super) type Neighbour = Result<Option<Capacity>, Stopped>;

/// The capacities that `changed` searches find beside `known`, which is that of `search`; each comes with what is
/// likely. What came of each, in their order; one that fails takes nothing from the others.
///
/// How many times as much a changed server carries is known in far shorter runs than how much that is, as both meet the
/// same requests: it is found beside what was known in shorter runs, seed by seed, and then taken times what is known
/// in the longest. What is known is searched for once more in the same manner, so that a change without effect is one
/// times as much.
pub(super) fn beside(
    search: &CapacitySearch,
    known: &Capacity,
    changed: &[(CapacitySearch, Likely)],
    workers: &Workers,
    simulate: &Simulate,
) -> Result<Vec<Neighbour>, Stopped> {
    let rough = known.in_shorter_runs();
    let seeds = rough.len();
    let searches = 1 + changed.len();
    let mut found: Vec<Result<Vec<Option<Bracket>>, Stopped>> = (0..searches).map(|_| Ok(Vec::new())).collect();
    let done: Result<(), (usize, Infallible)> = workers.in_order(
        searches * seeds,
        |task| {
            let (number, known) = (task / seeds, &rough[task % seeds]);
            Ok(match number.checked_sub(1) {
                None => search.again(known, simulate).map(Some),
                Some(number) => {
                    let (search, likely) = &changed[number];
                    search.near(known, *likely, simulate)
                }
            })
        },
        |task, searched| {
            let is_interrupted = matches!(searched, Err(Stopped::Interrupted));
            let brackets = &mut found[task / seeds];
            match (brackets.as_mut(), searched) {
                (Ok(brackets), Ok(bracket)) => brackets.push(bracket),
                (Ok(_), Err(stopped)) => *brackets = Err(stopped),
                (Err(_), _) => {}
            }
            if is_interrupted { Next::Stop } else { Next::GoOn }
        },
    );
    let Ok(()) = done;
    let mut found = found.into_iter();
    let unchanged = found.next().expect("there is one search")?;
    let unchanged: Vec<Bracket> = unchanged.into_iter().flatten().collect();
    let scaled = |brackets: Vec<Option<Bracket>>| {
        let brackets = brackets.into_iter().zip(&unchanged);
        let brackets: Vec<Bracket> = brackets
            .map(|(found, same)| found.unwrap_or_else(|| same.clone()))
            .collect();
        let is_told = !brackets.iter().chain(&unchanged).any(Bracket::is_empty);
        is_told.then(|| known.times_as_in(&unchanged, brackets))
    };
    Ok(found.map(|brackets| brackets.map(scaled)).collect())
}
