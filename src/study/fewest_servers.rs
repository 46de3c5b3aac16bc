//! How many servers a load needs.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::capacity::Capacity;
use super::capacity_search::CapacitySearch;
use super::in_order::{Next, Workers};
use super::load_walk::PRECISION;
use super::stopped::{Simulate, Stopped};
use crate::config::Flag;
use crate::metrics::Summary;

/// More servers than anybody has.
const MOST_SERVERS: f64 = 4e6;

/// The fewest servers for a load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FewestServers {
    /// How many; `None` if some seed meets the objectives at no load, or if more than four millions would be needed.
    pub fewest: Option<u32>,
    /// Whether they were simulated together behind their router; otherwise each by itself, at an equal share.
    pub is_behind_router: bool,
    /// What the clients of one server less would see, with a seed that misses the objectives; `None` where each was
    /// simulated by itself, or of no server.
    pub one_less: Option<Summary>,
}

/// A search for the fewest servers for a load.
#[derive(Clone, Copy)]
pub struct ServersSearch<'a> {
    /// The search for the capacity of one of them.
    pub of_one: &'a CapacitySearch<'a>,
    /// The load that they carry together, in the unit of the capacity.
    pub load: f64,
    /// How many times as much as in the scenario's own run each of them has to do at most, where they are together:
    /// whole servers are further apart than the loads that longer runs tell apart.
    pub longest: u32,
    /// Threads to simulate on.
    pub workers: &'a Workers,
    /// Simulates.
    pub simulate: &'a Simulate<'a>,
}

impl ServersSearch<'_> {
    /// The fewest servers that meet the objectives with every seed, all of them behind the scenario's router, where a
    /// run in which each has as much to do as the scenario's own would not be too long. Of more servers each has to
    /// meet them by itself at an equal share of the load, its arrivals being of the same kind as those of the whole;
    /// clients are shared out evenly, so that some servers have one more than others, and it is these that must meet
    /// them.
    pub fn answer(&self, capacity: &Capacity) -> Result<FewestServers, Stopped> {
        let mut found = FewestServers {
            fewest: None,
            is_behind_router: false,
            one_less: None,
        };
        // A seed that misses an objective at any load misses it on any number of servers.
        if capacity.brackets.iter().any(|it| it.at_met.is_none()) {
            return Ok(found);
        }
        let met = capacity.brackets.iter().map(|bracket| bracket.met);
        let least = met.fold(f64::INFINITY, f64::min) / PRECISION;
        // The search for the capacity stopped within one percent: that may spare some servers or cost some.
        let first = (self.load / capacity.mean()).ceil().max(1.0);
        let most = ((self.load / least).ceil().max(first) + 2.0).min(MOST_SERVERS);
        if first > most {
            return Ok(found);
        }
        let (first, most) = (first as u32, most as u32);
        found.is_behind_router = self.may_be_together(most);
        if !found.is_behind_router {
            found.fewest = fewest_that_hold(first, most, |servers| self.hold_alone(servers, capacity))?;
            return Ok(found);
        }
        // Those of a fleet may fail, which no capacity of one of them knows of.
        let most = most.saturating_mul(2);
        let missed = RefCell::new(BTreeMap::new());
        found.fewest = fewest_that_hold(first, most, |servers| -> Result<bool, Stopped> {
            let miss = self.miss_together(servers, capacity)?;
            let holds = miss.is_none();
            missed.borrow_mut().extend(miss.map(|summary| (servers, summary)));
            Ok(holds)
        })?;
        let one_less = found
            .fewest
            .and_then(|fewest| missed.borrow_mut().remove(&(fewest - 1)));
        Ok(FewestServers { one_less, ..found })
    }

    /// Whether so many servers can be simulated together, each with as much to do as in the scenario's own run.
    fn may_be_together(&self, servers: u32) -> bool {
        let (dial, seeds) = (self.of_one.dial, self.of_one.seeds.len());
        dial.has_one_length() || dial.allows_length(self.load, self.length_of(servers), seeds)
    }

    /// How many times as long as the scenario's own a run of so many servers is, if each has as much to do.
    fn length_of(&self, servers: u32) -> u32 {
        if self.of_one.dial.sends_more_with_load() {
            1
        } else {
            servers
        }
    }

    /// What a seed saw that missed the objectives, of so many servers behind their router; `None` if none did.
    fn miss_together(&self, servers: u32, capacity: &Capacity) -> Result<Option<Summary>, Stopped> {
        let mut changes = self.of_one.changes.to_vec();
        changes.push(Flag::new(
            self.of_one.dial.kind().flag(),
            format!("fleet.servers={servers}"),
        ));
        let fleet = CapacitySearch {
            changes: &changes,
            ..self.of_one.clone()
        };
        let (dial, seeds) = (fleet.dial, fleet.seeds);
        let once = self.length_of(servers);
        let mut length = once.saturating_mul(capacity.length().min(self.longest));
        while length > once && !dial.allows_length(self.load, length, seeds.len()) {
            length -= once;
        }
        let mut missed = None;
        let done = self.workers.in_order(
            seeds.len(),
            |number| fleet.at(self.load, seeds[number], length, self.simulate),
            |_, summary: Summary| {
                // Seeds under way still come in after the first that missed, if they are as fast.
                if missed.is_none() && summary.is_met != Some(true) {
                    missed = Some(summary);
                }
                if missed.is_some() { Next::Stop } else { Next::GoOn }
            },
        );
        done.map_err(|(_, stopped)| stopped)?;
        Ok(missed)
    }

    /// Whether a server by itself meets the objectives at an equal share.
    fn hold_alone(&self, servers: u32, capacity: &Capacity) -> Result<bool, Stopped> {
        for &seed in self.of_one.seeds {
            let share = capacity.kind.share(self.load, servers);
            let summary = self.of_one.at(share, seed, capacity.length(), self.simulate)?;
            if summary.is_met != Some(true) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// A number that holds while one less does not, up to `most`: from `first` on by steps that double, then by halves of
/// what lies between, as it may take millions.
fn fewest_that_hold<E>(first: u32, most: u32, holds: impl Fn(u32) -> Result<bool, E>) -> Result<Option<u32>, E> {
    let (mut few, mut enough) = (0, first);
    let mut step = 1;
    if holds(first)? {
        while enough > 1 {
            let fewer = enough.saturating_sub(step).max(1);
            if !holds(fewer)? {
                few = fewer;
                break;
            }
            (enough, step) = (fewer, step * 2);
        }
    } else {
        few = first;
        loop {
            if few >= most {
                return Ok(None);
            }
            enough = few.saturating_add(step).min(most);
            if holds(enough)? {
                break;
            }
            (few, step) = (enough, step * 2);
        }
    }
    while enough - few > 1 {
        let middle = few + (enough - few) / 2;
        if holds(middle)? {
            enough = middle;
        } else {
            few = middle;
        }
    }
    Ok(Some(enough))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn the_fewest_are_found_from_either_side_in_few_steps() {
        for first in [1, 2, 7, 100, 3_999_999] {
            for least in [1, 2, 6, 7, 8, 99, 1_000_000, 4_000_000] {
                let tries = Cell::new(0);
                let found = fewest_that_hold(first, 4_000_000, |servers| {
                    tries.set(tries.get() + 1);
                    Ok::<_, ()>(servers >= least)
                });
                assert_eq!(found, Ok(Some(least)), "from {first}");
                assert!(tries.get() <= 50, "{} from {first}", tries.get());
            }
        }
        assert_eq!(fewest_that_hold(3, 9, |_| Ok::<_, ()>(false)), Ok(None));
    }
}
