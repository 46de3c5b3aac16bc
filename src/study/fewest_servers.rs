//! How many servers a load needs.

use super::bisection::PRECISION;
use super::capacity::Capacity;
use super::capacity_search::CapacitySearch;
use super::stopped::{Simulate, Stopped};

/// More servers than anybody has.
const MOST_SERVERS: f64 = 4e6;

/// The fewest servers of which each meets the objectives with every seed at an equal share of `load`, its arrivals
/// being of the same kind as those of the whole; clients are shared out evenly, so that some servers have one more than
/// others, and it is these that must meet them. `None` if some seed meets them at no load, or if more than four
/// millions would be needed.
pub fn fewest_servers(
    question: &CapacitySearch,
    capacity: &Capacity,
    load: f64,
    simulate: &Simulate,
) -> Result<Option<u32>, Stopped> {
    // A seed that misses an objective at any load misses it on any number of servers.
    if capacity.brackets.iter().any(|it| it.at_met.is_none()) {
        return Ok(None);
    }
    let met = capacity.brackets.iter().map(|bracket| bracket.met);
    let least = met.fold(f64::INFINITY, f64::min) / PRECISION;
    let holds = |servers: u32| -> Result<bool, Stopped> {
        for &seed in question.seeds {
            let share = capacity.kind.share(load, servers);
            if question.holds(share, seed, capacity.length(), simulate)? != Some(true) {
                return Ok(false);
            }
        }
        Ok(true)
    };
    // The search for the capacity stopped within one percent: that may spare some servers or cost some.
    let first = (load / capacity.mean()).ceil().max(1.0);
    let most = ((load / least).ceil().max(first) + 2.0).min(MOST_SERVERS);
    if first > most {
        return Ok(None);
    }
    fewest_that_hold(first as u32, most as u32, holds)
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
