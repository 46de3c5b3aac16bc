//! Variations of a scenario side by side: the same seeds for all, so that they meet the same requests, and differences seed by seed.

use super::capacity::{Capacity, CapacityQuestion};
use super::load::{LoadDial, LoadKind};
use super::measure::Measure;
use super::stopped::{Simulate, Stopped};
use super::{Base, Input, Next, Workers};
use crate::config::Flag;
use crate::metrics::{Recording, Replications, Summary};
use crate::stats::{Interval, confidence_interval_95};

/// One of the variations.
#[derive(Clone, Debug)]
pub struct Variation {
    /// What it is called.
    pub name: String,
    /// Its scenario.
    pub base: Base,
    /// What it changes of that.
    pub changes: Vec<Flag>,
}

/// A variation that was simulated.
pub struct Contender {
    /// What it is called.
    pub name: String,
    /// Its scenario.
    pub input: Input,
    /// Each run by itself, in the order of the seeds.
    pub runs: Vec<Summary>,
    /// All runs together.
    pub pooled: Summary,
    /// What was recorded of all of them.
    pub recording: Recording,
    /// The highest load that meets its objectives; `None` if that was not asked.
    pub capacity: Option<Capacity>,
}

/// Variations that were simulated with the same seeds; the first one is what others are held against.
pub struct Contest {
    /// At least one.
    pub contenders: Vec<Contender>,
    /// What capacities are in.
    pub kind: LoadKind,
}

/// A difference between two variations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// Mean over the seeds.
    pub mean: f64,
    /// Its 95 % interval; `None` of one seed.
    pub interval: Option<Interval>,
}

/// Simulates every variation with the same seeds, several runs at a time.
pub fn contest(
    variations: &[Variation],
    seeds: u32,
    workers: &Workers,
    simulate: &Simulate,
) -> Result<Contest, Stopped> {
    let mut inputs = Vec::new();
    let mut tasks = Vec::new();
    for (number, variation) in variations.iter().enumerate() {
        let read = variation.base.with(&variation.changes);
        let input = read.map_err(|problem| Stopped::Invalid(variation.name.clone(), problem))?;
        tasks.extend(input.seeds(seeds).map(|seed| (number, seed)));
        inputs.push(input);
    }
    let kind = inputs.first().map_or(LoadKind::Rate, LoadKind::of);
    let mut runs: Vec<Vec<Summary>> = inputs.iter().map(|_| Vec::new()).collect();
    let mut pools: Vec<Replications> = inputs.iter().map(|_| Replications::default()).collect();
    let done = workers.in_order(
        tasks.len(),
        |task| simulate(&inputs[tasks[task].0], tasks[task].1),
        |task, recording| {
            let number = tasks[task].0;
            runs[number].push(Summary::of(&recording));
            pools[number].add(recording);
            Next::GoOn
        },
    );
    done.map_err(|(task, stopped)| match stopped {
        Stopped::Failed(message) => {
            Stopped::Failed(format!("{}: {message}", variations[tasks[task].0].name))
        }
        other => other,
    })?;
    let each = variations.iter().zip(inputs).zip(runs).zip(pools);
    let contenders = each.map(|(((variation, input), runs), pool)| Contender {
        name: variation.name.clone(),
        input,
        runs,
        pooled: pool.summary().expect("there is a run"),
        recording: pool.into_pooled().expect("there is a run"),
        capacity: None,
    });
    Ok(Contest {
        contenders: contenders.collect(),
        kind,
    })
}

impl Contest {
    /// Finds every contender's capacity; otherwise why it cannot be found.
    pub fn find_capacities(
        &mut self,
        variations: &[Variation],
        seeds: u32,
        workers: &Workers,
        simulate: &Simulate,
    ) -> Result<(), Stopped> {
        for (contender, variation) in self.contenders.iter_mut().zip(variations) {
            let dial = LoadDial::new(self.kind, &contender.input)
                .map_err(|problem| Stopped::Failed(format!("{}: {problem}", contender.name)))?;
            let question = CapacityQuestion {
                base: &variation.base,
                dial: &dial,
                changes: &variation.changes,
                seeds,
                start: dial.load_of(&contender.input).unwrap_or(1.0),
            };
            contender.capacity = Some(question.answer(workers, simulate)?);
        }
        Ok(())
    }

    /// How much more of a measure a contender has than the first; `None` if a run of either does not have it.
    pub fn difference(&self, contender: &Contender, measure: &Measure) -> Option<Difference> {
        let first = &self.contenders.first()?.runs;
        let pairs = contender.runs.iter().zip(first);
        let differences: Option<Vec<f64>> = pairs
            .map(|(mine, theirs)| Some(measure.of(mine)? - measure.of(theirs)?))
            .collect();
        let differences = differences.filter(|it| !it.is_empty())?;
        Some(Difference {
            mean: differences.iter().sum::<f64>() / differences.len() as f64,
            interval: confidence_interval_95(&differences),
        })
    }
}
