//! How far a capacity moves if step times are off by what predictions of their kind were off.

use super::Workers;
use super::capacity::Capacity;
use super::capacity_search::{CapacitySearch, Likely, beside};
use super::fewest_servers::ServersSearch;
use super::model_range::steps_times;
use super::stopped::{Simulate, Stopped};
use crate::stats::Interval;

/// The capacity of the same server with other step times.
#[derive(Clone, Debug)]
pub struct CapacityRange {
    /// How far all steps are off, relative.
    pub error: f64,
    /// The capacity where they are that much shorter.
    pub if_shorter: Capacity,
    /// The capacity where they are that much longer.
    pub if_longer: Capacity,
}

/// The fewest servers with other step times; `None` if no number of them is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServersRange {
    /// The fewest where steps are shorter.
    pub if_shorter: Option<u32>,
    /// The fewest where steps are longer.
    pub if_longer: Option<u32>,
}

/// Searches near a capacity with all steps shorter and longer by `error`, a part of their time below 1. `None` if of
/// some seed nothing could be told.
pub fn capacity_range(
    search: &CapacitySearch,
    capacity: &Capacity,
    error: f64,
    workers: &Workers,
    simulate: &Simulate,
) -> Result<Option<CapacityRange>, Stopped> {
    // Throughput is one over the time of a step, so the capacity is likely to be about there.
    let searches = steps_times(error).map(|times| (at_steps(search, times), Likely::Times(1.0 / times)));
    let found = beside(search, capacity, &searches, workers, simulate)?;
    let found: Vec<Option<Capacity>> = found.into_iter().collect::<Result<_, _>>()?;
    let [if_shorter, if_longer] = <[_; 2]>::try_from(found).expect("each search has an answer");
    Ok(if_shorter.zip(if_longer).map(|(if_shorter, if_longer)| CapacityRange {
        error,
        if_shorter,
        if_longer,
    }))
}

fn at_steps<'a>(search: &CapacitySearch<'a>, times: f64) -> CapacitySearch<'a> {
    CapacitySearch {
        steps_times: times,
        ..search.clone()
    }
}

impl ServersRange {
    /// The range with what was found for the steps as they are, in longer runs.
    #[must_use]
    pub fn with(self, fewest: Option<u32>) -> Self {
        let most = self.if_longer.zip(fewest).map(|(one, other)| one.max(other));
        Self {
            if_shorter: self.if_shorter.into_iter().chain(fewest).min(),
            if_longer: most,
        }
    }
}

impl CapacityRange {
    /// From the least to the most, the capacity itself included.
    pub fn ends(&self, capacity: &Capacity) -> Interval {
        let means = [self.if_shorter.mean(), self.if_longer.mean(), capacity.mean()];
        Interval {
            low: means.into_iter().fold(f64::INFINITY, f64::min),
            high: means.into_iter().fold(0.0, f64::max),
        }
    }

    /// Whether some seed found no load at which an objective is missed, so that more may be possible.
    pub fn is_at_least(&self) -> bool {
        self.if_shorter.is_at_least()
    }

    /// The fewest servers for a load with these step times.
    pub fn fewest_servers(&self, search: &ServersSearch) -> Result<ServersRange, Stopped> {
        let fewest = |times, capacity: &Capacity| -> Result<Option<u32>, Stopped> {
            let of_one = &at_steps(search.of_one, times);
            let search = ServersSearch {
                of_one,
                longest: 1,
                ..*search
            };
            let found = search.answer(capacity)?;
            Ok(found.fewest)
        };
        let [shorter, longer] = steps_times(self.error);
        Ok(ServersRange {
            if_shorter: fewest(shorter, &self.if_shorter)?,
            if_longer: fewest(longer, &self.if_longer)?,
        })
    }

    /// How many runs it took.
    pub fn runs(&self) -> u32 {
        self.if_shorter.runs() + self.if_longer.runs()
    }
}
