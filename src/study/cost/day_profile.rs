//! How requests and servers are spread over a day.

use crate::config::{Scenario, Workload};
use crate::metrics::FleetReport;
use crate::money::SECONDS_PER_HOUR;
use crate::workload::{Arrivals, Stage};

/// So many parts are told apart in a day.
pub(super) const MINUTES: usize = 1_440;
const SECONDS_PER_MINUTE: f64 = 60.0;
/// A profile that is shorter tells of no day [s].
const NEARLY_A_DAY_S: f64 = 23.0 * SECONDS_PER_HOUR;

/// Shares of the day's requests that come in each minute, which add up to 1. A profile starts at midnight; a shorter
/// one is gone through again, and of a longer one the first day counts. Without a profile all minutes are alike.
pub(super) fn requests_by_minute(scenario: &Scenario) -> Vec<f64> {
    let mut rates = vec![0.0; MINUTES];
    for workload in scenario.traffic.workloads() {
        let Workload::Synthetic(workload) = workload else {
            continue;
        };
        let of_workload = |second: f64| match &workload.arrivals {
            Arrivals::Stages(stages) => rate_at(stages, second),
            arrivals => arrivals.mean_rate_per_s().unwrap_or(0.0),
        };
        for (minute, rate) in rates.iter_mut().enumerate() {
            *rate += of_workload((minute as f64 + 0.5) * SECONDS_PER_MINUTE);
        }
    }
    as_shares(rates)
}

/// The rate in the middle of a minute, which is that of all of it where stages change on the minute.
fn rate_at(stages: &[Stage], second: f64) -> f64 {
    let all: f64 = stages.iter().map(|stage| stage.duration.seconds()).sum();
    let mut left = second % all;
    for stage in stages {
        let seconds = stage.duration.seconds();
        if left < seconds {
            return stage.rate_per_s;
        }
        left -= seconds;
    }
    0.0
}

/// Shares of the day's rent that are paid for each minute, which add up to 1: as the servers of the run were there, if
/// it tells of a whole day, and else evenly.
pub(super) fn rent_by_minute(scenario: &Scenario, fleet: Option<&FleetReport>) -> Vec<f64> {
    let Some(fleet) = fleet.filter(|_| has_profile_of_a_day(scenario)) else {
        return as_shares(vec![0.0; MINUTES]);
    };
    let minutes_of_hour = MINUTES / fleet.provisioned_by_hour.len();
    let hours = fleet.provisioned_by_hour.iter();
    as_shares(hours.flat_map(|seconds| vec![*seconds; minutes_of_hour]).collect())
}

fn has_profile_of_a_day(scenario: &Scenario) -> bool {
    scenario.traffic.workloads().any(|workload| match workload {
        Workload::Synthetic(workload) => match &workload.arrivals {
            Arrivals::Stages(stages) => {
                let seconds: f64 = stages.iter().map(|stage| stage.duration.seconds()).sum();
                seconds >= NEARLY_A_DAY_S
            }
            _ => false,
        },
        Workload::Trace(_) => false,
    })
}

/// The same in parts of one; all alike if there is nothing.
fn as_shares(amounts: Vec<f64>) -> Vec<f64> {
    let all: f64 = amounts.iter().sum();
    if all > 0.0 {
        amounts.into_iter().map(|amount| amount / all).collect()
    } else {
        vec![1.0 / amounts.len() as f64; amounts.len()]
    }
}
