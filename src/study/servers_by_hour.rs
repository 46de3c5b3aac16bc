//! How many servers each hour of a day needs.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::Serialize;

use super::capacity_search::CapacitySearch;
use super::fewest_servers::ServersSearch;
use super::lasting_rate::lasting;
use super::load_dial::LoadDial;
use super::load_kind::LoadKind;
use super::stopped::Stopped;
use crate::workload::Stage;

/// An hour, and the servers that it needs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct HourOfDay {
    /// Which, from the start of the profile: 0 to 23. Days after the first count for the same hours.
    pub hour: u32,
    /// The highest rate within it [requests/s, or sessions/s].
    pub rate_per_s: f64,
    /// The fewest servers that meet the objectives if that rate lasted; 0 where nobody comes, `None` if no number is
    /// enough.
    pub fewest: Option<u32>,
}

/// A search for the servers of each hour.
#[derive(Clone, Copy)]
pub struct HoursSearch<'a> {
    /// The search for the servers of the whole profile.
    pub of_all: &'a ServersSearch<'a>,
    /// The profile.
    pub stages: &'a [Stage],
}

const HOUR_S: f64 = 3_600.0;
const HOURS_OF_DAY: u32 = 24;

impl HoursSearch<'_> {
    /// The servers of each hour, each found as if its highest rate lasted: whoever waits over from a busier hour is not
    /// in it.
    pub fn answer(&self) -> Result<Vec<HourOfDay>, Stopped> {
        let rates: Vec<f64> = busiest_rates(self.stages).map(|rate| rate * self.of_all.load).collect();
        let Some(any) = rates.iter().copied().find(|rate| *rate > 0.0) else {
            return Ok(in_order(&rates, |_| Some(0)));
        };
        let of_profile = self.of_all.of_one;
        let mut changes = of_profile.changes.to_vec();
        changes.extend(lasting(of_profile.dial.kind().flag(), any));
        let read = of_profile.base.with(&changes);
        let input = read.map_err(|problem| Stopped::Invalid("at one rate".to_owned(), problem))?;
        let dial = &LoadDial::new(LoadKind::Rate, &input).map_err(Stopped::Failed)?;
        let of_one = &CapacitySearch {
            dial,
            changes: &changes,
            start: any,
            ..of_profile.clone()
        };
        let capacity = of_one.answer(self.of_all.workers, self.of_all.simulate)?;
        let mut found = BTreeMap::new();
        for &rate in rates.iter().filter(|rate| **rate > 0.0) {
            let search = ServersSearch {
                of_one,
                load: rate,
                longest: 1,
                ..*self.of_all
            };
            if let Entry::Vacant(place) = found.entry(rate.to_bits()) {
                place.insert(search.answer(&capacity)?.fewest);
            }
        }
        Ok(in_order(&rates, |rate| {
            found.get(&rate.to_bits()).copied().unwrap_or(Some(0))
        }))
    }
}

fn in_order(rates: &[f64], fewest: impl Fn(f64) -> Option<u32>) -> Vec<HourOfDay> {
    let hours = (0..).zip(rates);
    let hours = hours.map(|(hour, &rate_per_s)| HourOfDay {
        hour,
        rate_per_s,
        fewest: fewest(rate_per_s),
    });
    hours.collect()
}

/// The highest rate in each hour of the day, over all days of a profile; fewer than 24 if it is shorter than a day.
fn busiest_rates(stages: &[Stage]) -> impl Iterator<Item = f64> {
    let mut highest = Vec::new();
    let mut start_s = 0.0;
    for stage in stages {
        let end_s = start_s + stage.duration.seconds();
        let first = (start_s / HOUR_S).floor() as u64;
        // What ends with an hour is not in the next; sums of seconds may be off by far less than one.
        let last = ((end_s - 1e-6) / HOUR_S).floor() as u64;
        for hour in (first..=last).take(HOURS_OF_DAY as usize) {
            let place = (hour % u64::from(HOURS_OF_DAY)) as usize;
            highest.resize(highest.len().max(place + 1), 0.0);
            highest[place] = f64::max(highest[place], stage.rate_per_s);
        }
        start_s = end_s;
    }
    highest.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Span;

    fn rates(stages: &[(f64, f64)]) -> Vec<f64> {
        let stages = stages.iter().map(|&(rate_per_s, hours)| Stage {
            rate_per_s,
            duration: Span::from_seconds(hours * HOUR_S).unwrap(),
        });
        busiest_rates(&stages.collect::<Vec<_>>()).collect()
    }

    #[test]
    fn an_hour_is_as_busy_as_its_busiest_moment_of_all_days() {
        assert_eq!(rates(&[(1.0, 1.0), (2.0, 1.0), (3.0, 0.5)]), [1.0, 2.0, 3.0]);
        assert_eq!(rates(&[(1.0, 0.5), (4.0, 0.25), (2.0, 1.25)]), [4.0, 2.0]);
        let day = rates(&[(1.0, 20.0), (5.0, 5.0), (2.0, 23.0), (3.0, 60.0)]);
        assert_eq!(day.len(), 24);
        assert_eq!((day[0], day[1], day[19], day[20], day[23]), (5.0, 3.0, 3.0, 5.0, 5.0));
        assert!(rates(&[]).is_empty());
    }
}
