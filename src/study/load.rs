//! The load on a server as one number: how many requests come in each second, or how many are there at once.

use crate::config::{Flag, Workload};
use crate::stats::rounded;
use crate::workload::Arrivals;
use crate::workload::trace;

use super::Input;

/// Which number a load is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadKind {
    /// Requests per second that arrive whatever the server does: an open loop.
    Rate,
    /// Clients, each of whom sends its next request when the last one has ended: a closed loop.
    Concurrency,
}

/// Loads closer than this say nothing new.
const CLOSEST: f64 = 1.02;

/// Sets the load of a scenario.
#[derive(Clone, Debug)]
pub struct LoadDial {
    kind: LoadKind,
    setting: Setting,
    is_of_trace: bool,
}

/// What of a scenario a load sets.
#[derive(Clone, Debug)]
enum Setting {
    /// A key that is the load itself.
    Key(&'static str),
    /// The arrivals as a whole: what stands before the load, and after it.
    Arrivals(&'static str),
    /// The speed of a trace with so many requests per second.
    Speedup(f64),
}

impl LoadKind {
    /// The flag that varies it.
    pub const fn flag(self) -> &'static str {
        match self {
            Self::Rate => "--rate",
            Self::Concurrency => "--concurrency",
        }
    }

    /// What its axis is called.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Rate => "requests per second",
            Self::Concurrency => "concurrent requests",
        }
    }

    /// The load with its unit.
    pub fn with_unit(self, load: f64) -> String {
        match self {
            Self::Rate => format!("{} req/s", rounded(load)),
            Self::Concurrency => format!("{load:.0} concurrent requests"),
        }
    }

    /// The kind that the scenario's own load is.
    pub fn of(input: &Input) -> Self {
        match &input.scenario.workload {
            Workload::Synthetic(workload)
                if matches!(workload.arrivals, Arrivals::Closed { .. }) =>
            {
                Self::Concurrency
            }
            Workload::Trace(replay) if replay.concurrency.is_some() => Self::Concurrency,
            _ => Self::Rate,
        }
    }

    /// The nearest load that exists.
    pub fn rounded(self, load: f64) -> f64 {
        match self {
            Self::Rate => load,
            Self::Concurrency => load.round().max(1.0),
        }
    }

    /// A load between two others, at about equal ratios, with three digits; `None` if they are too close for one.
    pub fn between(self, low: f64, high: f64) -> Option<f64> {
        let middle = (low * high).sqrt();
        let digit = 10_f64.powi(middle.log10().floor() as i32 - 2);
        let middle = match self {
            Self::Rate => (middle / digit).round() * digit,
            Self::Concurrency => middle.round(),
        };
        // What repeated division leaves behind would be shown.
        let middle: f64 = format!("{middle:.9e}").parse().unwrap_or(middle);
        (middle >= low * CLOSEST && high >= middle * CLOSEST).then_some(middle)
    }
}

impl LoadDial {
    /// How to set a load of this kind in a scenario like `input`; otherwise why it cannot be set, and what to do.
    pub fn new(kind: LoadKind, input: &Input) -> Result<Self, String> {
        let setting = match (&input.scenario.workload, kind) {
            (Workload::Trace(_), LoadKind::Concurrency) => {
                Setting::Key("workload.trace.concurrency")
            }
            (Workload::Trace(replay), LoadKind::Rate) => {
                let rate = trace::recorded_rate(replay).map_err(|error| error.to_string())?;
                Setting::Speedup(rate)
            }
            (Workload::Synthetic(workload), _) => match (&workload.arrivals, kind) {
                (Arrivals::Stages(_), LoadKind::Rate) => {
                    return Err("the scenario's arrivals come in stages, each with a rate of its own\n = help: set them to one process, such as --set 'workload.arrivals={ process = \"poisson\", rate = 1 }'".to_owned());
                }
                (Arrivals::Closed { .. } | Arrivals::AtOnce, LoadKind::Rate) => {
                    Setting::Arrivals("process = \"poisson\", rate")
                }
                (_, LoadKind::Rate) => Setting::Key("workload.arrivals.rate"),
                (Arrivals::Closed { .. }, LoadKind::Concurrency) => {
                    Setting::Key("workload.arrivals.concurrency")
                }
                (_, LoadKind::Concurrency) => {
                    Setting::Arrivals("process = \"closed\", concurrency")
                }
            },
        };
        Ok(Self {
            kind,
            setting,
            is_of_trace: matches!(input.scenario.workload, Workload::Trace(_)),
        })
    }

    /// Which number it sets.
    pub fn kind(&self) -> LoadKind {
        self.kind
    }

    /// Whether it replays a trace.
    pub fn is_of_trace(&self) -> bool {
        self.is_of_trace
    }

    /// What sets it to `load`.
    pub fn flag(&self, load: f64) -> Flag {
        let load = self.kind.rounded(load);
        let assignment = match &self.setting {
            Setting::Key(key) => format!("{key}={load}"),
            Setting::Arrivals(process) => format!("workload.arrivals={{ {process} = {load} }}"),
            Setting::Speedup(recorded) => format!("workload.trace.speedup={}", load / recorded),
        };
        Flag::new(self.kind.flag(), assignment)
    }

    /// The load that the scenario has by itself, if it is of this kind.
    pub fn load_of(&self, input: &Input) -> Option<f64> {
        match (&input.scenario.workload, &self.setting) {
            (Workload::Trace(replay), Setting::Speedup(recorded)) => {
                Some(recorded * replay.speedup)
            }
            (Workload::Trace(replay), _) => replay.concurrency.map(f64::from),
            (Workload::Synthetic(workload), _) => match (&workload.arrivals, self.kind) {
                (Arrivals::Closed { concurrency, .. }, LoadKind::Concurrency) => {
                    Some((*concurrency).into())
                }
                (arrivals, LoadKind::Rate) => arrivals.mean_rate_per_s(),
                _ => None,
            },
        }
    }

    /// What of the scenario is replaced to set the load, if it is more than a number.
    pub fn replaces(&self) -> Option<&'static str> {
        match (&self.setting, self.kind) {
            (Setting::Arrivals(_), LoadKind::Rate) => {
                Some("arrivals are a Poisson process in place of the scenario's own")
            }
            (Setting::Arrivals(_), LoadKind::Concurrency) => {
                Some("arrivals are a closed loop without pauses in place of the scenario's own")
            }
            _ => None,
        }
    }
}
