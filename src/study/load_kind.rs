//! What the load on a server is counted in.

use super::Input;
use crate::config::Workload;
use crate::stats::rounded;
use crate::workload::{Arrivals, Stage};

/// Which number a load is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LoadKind {
    /// Requests per second that arrive whatever the server does: an open loop.
    Rate,
    /// Sessions per second, each of several requests, that start whatever the server does.
    SessionRate,
    /// How many times the rates of a profile that changes in stages, all of them alike.
    ProfileTimes {
        /// The profile's own mean over time [requests/s, or sessions/s where the workload has sessions].
        mean_per_s: f64,
        /// The profile's own rate in its busiest stage, in the same unit.
        peak_per_s: f64,
    },
    /// Clients, each of whom sends its next request when the last one has ended: a closed loop.
    Concurrency,
    /// Users, each of whom thinks between an answer and the next request: a closed loop with pauses.
    Users,
}

/// Loads closer than this say nothing new.
const CLOSEST: f64 = 1.02;

impl LoadKind {
    /// How many times the rates of these stages.
    pub(super) fn of_stages(stages: &[Stage]) -> Self {
        let mean_per_s = Arrivals::Stages(stages.to_vec()).mean_rate_per_s();
        Self::ProfileTimes {
            mean_per_s: mean_per_s.unwrap_or(0.0),
            peak_per_s: stages.iter().map(|stage| stage.rate_per_s).fold(0.0, f64::max),
        }
    }

    /// The flag that varies it.
    pub const fn flag(self) -> &'static str {
        match self {
            Self::Rate | Self::SessionRate | Self::ProfileTimes { .. } => "--rate",
            Self::Concurrency => "--concurrency",
            Self::Users => "--users",
        }
    }

    /// What its axis is called.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Rate => "requests per second",
            Self::SessionRate => "sessions per second",
            Self::ProfileTimes { .. } => "times the profile",
            Self::Concurrency => "concurrent requests",
            Self::Users => "users",
        }
    }

    /// The load with its unit.
    pub fn with_unit(self, load: f64) -> String {
        match self {
            Self::Rate => format!("{} req/s", rounded(load)),
            Self::SessionRate => format!("{} sessions/s", rounded(load)),
            Self::ProfileTimes { mean_per_s, peak_per_s } => format!(
                "{} times the profile (peak {} req/s, mean {} req/s)",
                rounded(load),
                rounded(load * peak_per_s),
                rounded(load * mean_per_s)
            ),
            Self::Concurrency if load < 1.5 => format!("{load:.0} concurrent request"),
            Self::Concurrency => format!("{} concurrent requests", rounded(load.round())),
            Self::Users if load < 1.5 => format!("{load:.0} user"),
            Self::Users => format!("{} users", rounded(load.round())),
        }
    }

    /// Its unit at the head of a column.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Rate => "req/s",
            Self::SessionRate => "sessions/s",
            Self::ProfileTimes { .. } => "times the profile",
            Self::Concurrency => "clients",
            Self::Users => "users",
        }
    }

    /// Its name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rate => "requests_per_s",
            Self::SessionRate => "sessions_per_s",
            Self::ProfileTimes { .. } => "profile_times",
            Self::Concurrency => "concurrency",
            Self::Users => "users",
        }
    }

    /// The kind that the scenario's own load is, as far as it matters for what can be compared.
    pub fn of(input: &Input) -> Self {
        let Some(workload) = input.scenario.traffic.only_workload() else {
            return Self::Rate;
        };
        match workload {
            Workload::Synthetic(workload) => match &workload.arrivals {
                Arrivals::Closed { .. } => Self::Concurrency,
                Arrivals::Stages(stages) => Self::of_stages(stages),
                _ => Self::Rate,
            },
            Workload::Trace(replay) if replay.concurrency.is_some() => Self::Concurrency,
            Workload::Trace(_) => Self::Rate,
        }
    }

    /// Whether it counts clients, of whom there are whole ones only.
    pub const fn counts_clients(self) -> bool {
        matches!(self, Self::Concurrency | Self::Users)
    }

    /// Whether a run that sent so many requests cannot have shown a load: fewer than should be there at once.
    pub fn exceeds(self, load: f64, sent: u64) -> bool {
        self.counts_clients() && load > sent as f64
    }

    /// The least difference between two loads.
    pub const fn least_step(self) -> f64 {
        if self.counts_clients() { 1.0 } else { 0.0 }
    }

    /// The nearest load that exists.
    pub fn rounded(self, load: f64) -> f64 {
        if self.counts_clients() {
            load.round().max(1.0)
        } else {
            load
        }
    }

    /// The load on each of several servers that share one; the busiest of them, where clients do not divide evenly.
    pub fn share(self, load: f64, servers: u32) -> f64 {
        let share = load / f64::from(servers);
        if self.counts_clients() { share.ceil() } else { share }
    }

    /// A load between two others, at about equal ratios, with three digits; `None` if they are too close for one.
    pub fn between(self, low: f64, high: f64) -> Option<f64> {
        let middle = (low * high).sqrt();
        let digit = 10_f64.powi(middle.log10().floor() as i32 - 2);
        let middle = if self.counts_clients() {
            middle.round()
        } else {
            (middle / digit).round() * digit
        };
        // What repeated division leaves behind would be shown.
        let middle: f64 = format!("{middle:.9e}").parse().unwrap_or(middle);
        (middle >= low * CLOSEST && high >= middle * CLOSEST).then_some(middle)
    }
}
