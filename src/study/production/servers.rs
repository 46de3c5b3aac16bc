//! What the servers carry, and how many of them the scenario's own traffic needs.

use super::own_traffic::OwnTraffic;
use super::question::{Answered, ProductionQuestion, answered};
use crate::config::Flag;
use crate::stats::mean;
use crate::study::lasting_rate::{REQUESTS_AT_A_LASTING_RATE, lasting};
use crate::study::{Capacity, CapacitySearch, FewestServers, LoadDial, LoadKind, ServersSearch, Stopped, USUAL_START};

/// What the servers carry under their objectives, and how many the scenario's own load needs.
pub struct NeededServers {
    /// The highest load that meets the objectives: of one server, or of all where they are unlike or come and go.
    pub capacity: Capacity,
    /// Whether it is that of one server.
    pub is_of_one: bool,
    /// How many servers there are.
    pub servers: u32,
    /// Whether the own load is the busiest rate of a profile, taken to last.
    pub is_of_peak: bool,
    /// The scenario's own load, in the unit of the capacity; `None` if it has none of that kind.
    pub own_load: Option<f64>,
    /// The fewest servers that carry the own load; otherwise why that was not asked.
    pub fewest: Answered<FewestServers>,
}

/// Several servers take several times as long to simulate as one.
const SEEDS_FOR_SERVERS: usize = 2;

impl NeededServers {
    /// How many times what the capacity is of there is in all.
    const fn times(&self) -> u32 {
        if self.is_of_one { self.servers } else { 1 }
    }

    /// What all servers carry together, if each carries what one does alone.
    pub fn all_carry(&self) -> f64 {
        self.capacity.mean() * f64::from(self.times())
    }

    /// The own load as a part of what all carry.
    pub fn load_share(&self) -> Option<f64> {
        self.own_load.map(|load| load / self.all_carry())
    }

    /// The most requests that all answer in a second within the objectives, with the interval; `None` if no load meets
    /// them.
    pub fn best_rate_per_s(&self) -> Option<(f64, Option<[f64; 2]>)> {
        let brackets = self.capacity.brackets.iter();
        let rates = brackets.filter_map(|bracket| bracket.at_met.as_ref()?.throughput.requests_per_s);
        let rate = mean(rates)? * f64::from(self.times());
        let share = self.capacity.interval().map(|interval| {
            let mean = self.capacity.mean();
            [rate * interval.low / mean, rate * interval.high / mean]
        });
        Some((rate, share))
    }

    /// The fewest servers that carry the own load.
    pub fn needed(&self) -> Option<u32> {
        self.fewest.as_ref().ok()?.fewest
    }
}

/// Finds both.
pub(super) fn find(question: &ProductionQuestion<'_>, own: &OwnTraffic) -> Result<NeededServers, Stopped> {
    let operation = &question.input.scenario.operation;
    let servers = operation.servers();
    let is_of_one = operation.pools().is_empty();
    let peak_per_s = match LoadKind::of(question.input) {
        LoadKind::ProfileTimes { peak_per_s, .. } => Some(peak_per_s),
        _ => None,
    };
    let mut changes = question.unharmed();
    changes.extend(question.fixed(if is_of_one { 1 } else { servers }));
    if is_of_one && operation.fleet.is_some() {
        changes.push(Flag::new("--set", "fleet.servers=1"));
    }
    changes.extend(peak_per_s.map_or_else(Vec::new, |rate| lasting("at the busiest rate", rate)));
    let input = question.base.with(&changes);
    let input = &input.map_err(|problem| Stopped::Failed(problem.into()))?;
    let dial = LoadDial::new(LoadKind::of(input), input).map_err(Stopped::Failed)?;
    let effort = question.effort(peak_per_s.map_or(own.requests_of_run(), |_| REQUESTS_AT_A_LASTING_RATE));
    let seeds: Vec<u64> = input.seeds(effort.seeds).collect();
    let own_load = dial.load_of(input);
    let shared_by = if is_of_one { f64::from(servers) } else { 1.0 };
    let search = CapacitySearch {
        base: question.base,
        dial: &dial,
        changes: &changes,
        steps_times: 1.0,
        seeds: &seeds,
        longest: effort.longest,
        start: own_load.map_or(USUAL_START, |load| load / shared_by),
    };
    let capacity = search.answer(question.workers, question.simulate)?;
    let fewest = match own_load {
        _ if !is_of_one => Err("its servers are unlike".to_owned()),
        None => Err("its own load is of another kind than what was asked".to_owned()),
        Some(load) => {
            let few = CapacitySearch {
                seeds: &seeds[..seeds.len().min(SEEDS_FOR_SERVERS)],
                ..search.clone()
            };
            let servers = ServersSearch {
                of_one: &few,
                load,
                longest: capacity.length(),
                workers: question.workers,
                simulate: question.simulate,
            };
            answered(servers.answer(&capacity))?
        }
    };
    Ok(NeededServers {
        capacity,
        is_of_one,
        servers,
        is_of_peak: peak_per_s.is_some(),
        own_load,
        fewest,
    })
}
