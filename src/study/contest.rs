//! Variations of a scenario side by side: the same seeds for all, so that they meet the same requests, and differences
//! seed by seed.

use super::capacity::Capacity;
use super::capacity_search::{AS_LONG_AS_IT_TAKES, CapacitySearch, USUAL_START};
use super::load_dial::LoadDial;
use super::load_kind::LoadKind;
use super::model_range::{ShiftedRuns, shifted_runs};
use super::stopped::{Simulate, Stopped};
use super::{Base, Input, Next, Workers};
use crate::config::{ExpectedError, Flag};
use crate::metrics::{Recording, Replications, RunMeasure, RunResult, is_steady};
use crate::stats::{Interval, confidence_interval_95, mean};

/// One of the variations.
#[derive(Clone, Debug)]
pub struct Variation {
    /// What it is called.
    pub name: String,
    /// The scenario that is varied.
    pub base: Base,
    /// What it changes of that.
    pub changes: Vec<Flag>,
}

/// A variation that was simulated.
pub struct Contender {
    /// What it is called.
    pub name: String,
    /// The scenario as this variation leaves it, with its objectives.
    pub input: Input,
    /// Each run by itself, in the order of the seeds.
    pub runs: Vec<RunResult>,
    /// All runs together.
    pub pooled: RunResult,
    /// What was recorded of all of them.
    pub recording: Recording,
    /// The highest load that meets its objectives; `None` if that was not asked.
    pub capacity: Option<Capacity>,
    /// Its runs with all steps shorter and longer; `None` if that was not asked, or steps are given.
    pub shifted: Option<ShiftedRuns>,
}

/// Variations that were simulated with the same seeds; the first one is what others are held against.
pub struct Contest {
    /// At least one.
    pub contenders: Vec<Contender>,
    /// What capacities are in.
    pub kind: LoadKind,
    /// The seeds of all of them.
    pub seeds: Vec<u64>,
    /// Whether all meet the same requests.
    pub is_of_one_workload: bool,
    /// What is replaced of scenarios to set their loads, each with the contender's name.
    pub replaced: Vec<String>,
}

/// A difference between two variations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// Mean over the seeds.
    pub mean: f64,
    /// Its 95 % interval; `None` of one seed. If runs with shorter and longer steps were asked for, what the steps of
    /// both may be off is in it.
    pub interval: Option<Interval>,
}

/// How far a difference may be off as steps are. What both contenders have in common makes both faster or slower at
/// once; what either has by itself does so independently.
fn error_of_difference(theirs: &ShiftedRuns, mine: &ShiftedRuns, measure: &RunMeasure) -> Option<f64> {
    let is_first_token = measure.name.contains("ttft.");
    let error_of = |error: &ExpectedError| {
        if is_first_token {
            error.ttft.max(error.tpot)
        } else {
            error.tpot
        }
    };
    let common = error_of(&theirs.error.in_common(&mine.error));
    let half = |shifted: &ShiftedRuns| {
        let [fast, slow] = &shifted.runs;
        let pairs: Option<Vec<f64>> = fast
            .iter()
            .zip(slow)
            .map(|(fast, slow)| Some((measure.of(slow)? - measure.of(fast)?) / 2.0))
            .collect();
        // Of first tokens more is uncertain than their steps.
        let (all, steps) = (error_of(&shifted.error), shifted.error.tpot);
        let half = mean(pairs?)? * all / steps;
        let share = (common / all).min(1.0);
        Some((half * share, half * (1.0 - share * share).sqrt()))
    };
    let ((their_common, their_own), (my_common, my_own)) = (half(theirs)?, half(mine)?);
    Some((my_common - their_common).hypot(their_own).hypot(my_own))
}

impl Variation {
    /// Reads its scenario.
    pub fn load(&self) -> Result<Input, Stopped> {
        let read = self.base.with(&self.changes);
        read.map_err(|problem| Stopped::Invalid(self.name.clone(), problem))
    }
}

/// Simulates every variation, whose scenarios are `inputs`, with the same seeds, several runs at a time.
pub fn contest(
    variations: &[Variation],
    inputs: Vec<Input>,
    seeds: u32,
    workers: &Workers,
    simulate: &Simulate,
) -> Result<Contest, Stopped> {
    let seeds = common_seeds(&inputs, seeds);
    let kind = inputs.first().map_or(LoadKind::Rate, LoadKind::of);
    let numbers = 0..inputs.len();
    let tasks: Vec<(usize, u64)> = numbers
        .flat_map(|number| seeds.iter().map(move |&seed| (number, seed)))
        .collect();
    let mut runs: Vec<Vec<RunResult>> = inputs.iter().map(|_| Vec::new()).collect();
    let mut pools: Vec<Replications> = inputs.iter().map(|_| Replications::default()).collect();
    let done = workers.in_order(
        tasks.len(),
        |task| simulate(&inputs[tasks[task].0], tasks[task].1),
        |task, recording| {
            let number = tasks[task].0;
            runs[number].push(RunResult::of(&recording));
            pools[number].add(recording);
            Next::GoOn
        },
    );
    done.map_err(|(task, stopped)| stopped.about(&variations[tasks[task].0].name))?;
    let mut traffics = inputs.iter().map(|input| &input.scenario.traffic);
    let first = traffics.next();
    let is_of_one_workload = traffics.all(|traffic| first.is_some_and(|first| traffic.asks_for_the_same_as(first)));
    let each = variations.iter().zip(inputs).zip(runs).zip(pools);
    let contenders = each.map(|(((variation, input), runs), pool)| Contender {
        name: variation.name.clone(),
        input,
        runs,
        pooled: pool.result().expect("there is a run"),
        recording: pool.into_pooled().expect("there is a run"),
        capacity: None,
        shifted: None,
    });
    Ok(Contest {
        contenders: contenders.collect(),
        kind,
        seeds,
        is_of_one_workload,
        replaced: Vec::new(),
    })
}

/// The seeds of all variations: those of the first, or its first one alone if none of them draws anything at random.
fn common_seeds(inputs: &[Input], seeds: u32) -> Vec<u64> {
    let first = inputs.first().map_or(0, |input| input.scenario.seed);
    let is_same = inputs.iter().all(Input::is_always_the_same);
    let count = if is_same { 1 } else { seeds };
    (first..).take(count as usize).collect()
}

impl Contest {
    /// Simulates every contender with all steps shorter and longer too, by what they may be off.
    pub fn find_ranges(
        &mut self,
        variations: &[Variation],
        workers: &Workers,
        simulate: &Simulate,
    ) -> Result<(), Stopped> {
        let scenarios: Vec<_> = self
            .contenders
            .iter()
            .map(|it| (&it.input, &it.pooled.summary))
            .collect();
        let found = shifted_runs(&scenarios, &self.seeds, workers, simulate);
        let found = found.map_err(|(number, stopped)| stopped.about(&variations[number].name))?;
        for (contender, shifted) in self.contenders.iter_mut().zip(found) {
            if let Some(shifted) = &shifted {
                shifted.set_ranges(&mut contender.pooled.summary);
            }
            contender.shifted = shifted;
        }
        Ok(())
    }

    /// Finds every contender's capacity, all under the same objectives; otherwise why they cannot be found.
    pub fn find_capacities(
        &mut self,
        variations: &[Variation],
        workers: &Workers,
        simulate: &Simulate,
    ) -> Result<(), Stopped> {
        let failed = |message: &str| Err(Stopped::failed(message));
        let mut objectives = self.contenders.iter().map(|it| (&it.input.slos, &it.input.classes));
        let first = objectives.next();
        if objectives.any(|slos| Some(slos) != first) {
            return failed("the objectives differ; give the same to all by --slo");
        }
        let mut dials = Vec::new();
        for contender in &self.contenders {
            let dial = LoadDial::new(self.kind, &contender.input)
                .map_err(|problem| Stopped::Failed(problem.about(&contender.name)))?;
            if LoadKind::of(&contender.input) != self.kind {
                return failed(
                    "some are open loops and some closed ones, or their profiles differ: they have no load in common",
                );
            }
            let replaced = dial.replaces().into_iter();
            self.replaced
                .extend(replaced.map(|what| format!("{}: {what}", contender.name)));
            dials.push(dial);
        }
        self.kind = dials.first().map_or(self.kind, LoadDial::kind);
        let start = dials.first().zip(self.contenders.first());
        let start = start.and_then(|(dial, contender)| dial.load_of(&contender.input));
        let each = self.contenders.iter_mut().zip(variations).zip(&dials);
        for ((contender, variation), dial) in each {
            let question = CapacitySearch {
                base: &variation.base,
                dial,
                changes: &variation.changes,
                steps_times: 1.0,
                seeds: &self.seeds,
                longest: AS_LONG_AS_IT_TAKES,
                // The same for all, so that all try the same loads.
                start: start.unwrap_or(USUAL_START),
            };
            contender.capacity = Some(question.answer(workers, simulate)?);
        }
        Ok(())
    }

    /// How much more of a measure a contender has than the first; `None` if a run of either does not have it, or if it
    /// depends on the length of the runs as one of them has no steady state.
    pub fn difference(&self, contender: &Contender, measure: &RunMeasure) -> Option<Difference> {
        let first = self.contenders.first()?;
        if measure.grows_with_the_queue() && !(is_steady(&first.pooled.summary) && is_steady(&contender.pooled.summary))
        {
            return None;
        }
        let pairs = contender.runs.iter().zip(&first.runs);
        let differences: Option<Vec<f64>> = pairs
            .map(|(mine, theirs)| Some(measure.of(mine)? - measure.of(theirs)?))
            .collect();
        let differences = differences?;
        let (middle, chance) = (mean(differences.iter().copied())?, confidence_interval_95(&differences));
        let model = first.shifted.as_ref().zip(contender.shifted.as_ref());
        let model = model.and_then(|(theirs, mine)| error_of_difference(theirs, mine, measure));
        let interval = match (chance, model) {
            (chance, None) => chance,
            (chance, Some(model)) => {
                let half = chance.map_or(0.0, |it| (it.high - it.low) / 2.0).hypot(model);
                Some(Interval {
                    low: middle - half,
                    high: middle + half,
                })
            }
        };
        Some(Difference { mean: middle, interval })
    }

    /// How far the ratio of two contenders' capacities may be off, relative, as their steps are: as much as each is off
    /// by itself. `None` if nobody asked.
    pub fn error_of_ratio(one: &Contender, other: &Contender) -> Option<f64> {
        let (one, other) = (one.shifted.as_ref()?, other.shifted.as_ref()?);
        let common = one.error.in_common(&other.error).tpot;
        let own = |error: f64| (error * error - common * common).max(0.0).sqrt();
        Some(own(one.error.tpot).hypot(own(other.error.tpot)))
    }
}
