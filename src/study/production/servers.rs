//! What the servers carry, and how many of them the scenario's own traffic needs.

use super::own_traffic::OwnTraffic;
use super::question::{Answered, ProductionQuestion, answered};
use crate::config::Flag;
use crate::stats::mean;
use crate::study::{Capacity, CapacitySearch, FewestServers, LoadDial, LoadKind, ServersSearch, Stopped, USUAL_START};

/// What the servers carry under their objectives, and how many the scenario's own load needs.
pub struct NeededServers {
    /// The highest load that meets the objectives: of one server, or of all where they are unlike or come and go.
    pub capacity: Capacity,
    /// Whether it is that of one server.
    pub is_of_one: bool,
    /// How many servers there are.
    pub servers: u32,
    /// The scenario's own load, in the unit of the capacity; `None` if it has none of that kind.
    pub own_load: Option<f64>,
    /// The fewest servers that carry the own load; otherwise why that was not asked.
    pub fewest: Answered<FewestServers>,
}

/// Servers that are simulated together have so many times as much to do each as in the scenario's own run, at most.
const LONGEST_OF_SERVER: u32 = 1;
/// Several servers take several times as long to simulate as one.
const SEEDS_FOR_SERVERS: usize = 2;

impl NeededServers {
    /// What all servers carry together, if each carries what one does alone.
    pub fn all_carry(&self) -> f64 {
        let times = if self.is_of_one { self.servers } else { 1 };
        self.capacity.mean() * f64::from(times)
    }

    /// The own load as a part of what all carry.
    pub fn load_share(&self) -> Option<f64> {
        self.own_load.map(|load| load / self.all_carry())
    }

    /// The most requests that all answer in a second within the objectives, with the interval; `None` if no load meets
    /// them.
    pub fn best_rate_per_s(&self) -> Option<(f64, Option<[f64; 2]>)> {
        let times = if self.is_of_one { f64::from(self.servers) } else { 1.0 };
        let brackets = self.capacity.brackets.iter();
        let rates = brackets.filter_map(|bracket| bracket.at_met.as_ref()?.throughput.requests_per_s);
        let rate = mean(rates)? * times;
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
    let input = question.input;
    let dial = LoadDial::new(LoadKind::of(input), input).map_err(Stopped::Failed)?;
    let operation = &input.scenario.operation;
    let servers = operation.servers();
    let is_scaled = operation.fleet.as_ref().is_some_and(|fleet| fleet.autoscale.is_some());
    let is_of_one = operation.pools().is_empty() && !is_scaled;
    let mut changes = question.unharmed();
    if is_of_one && operation.fleet.is_some() {
        changes.push(Flag::new("--set", "fleet.servers=1"));
    }
    let effort = question.effort(own.requests_of_run());
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
        _ if !is_of_one => Err("its servers are unlike, or an autoscaler says how many there are".to_owned()),
        None => Err("its own load is of another kind than what was asked".to_owned()),
        Some(load) => {
            let few = CapacitySearch {
                seeds: &seeds[..seeds.len().min(SEEDS_FOR_SERVERS)],
                ..search.clone()
            };
            let servers = ServersSearch {
                of_one: &few,
                load,
                longest: LONGEST_OF_SERVER,
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
        own_load,
        fewest,
    })
}
