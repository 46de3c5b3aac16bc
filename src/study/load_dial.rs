//! The load on a server as one number: how many requests come in each second, or how many are there at once.

use crate::config::{Diagnostic, Flag, Workload};
use crate::stats::{rounded, unrounded};
use crate::units::Span;
use crate::workload::trace::{self, Replay, TraceError};
use crate::workload::{Arrivals, Source, Synthetic};

use super::Input;

/// Which number a load is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadKind {
    /// Requests per second that arrive whatever the server does: an open loop.
    Rate,
    /// Sessions per second, each of several requests, that start whatever the server does.
    SessionRate,
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
    /// Requests of the scenario's own, where more of them can be asked for as clients become more.
    own_requests: Option<u64>,
    /// How long the scenario is, where longer runs of it tell more.
    own_length: Option<OwnLength>,
}

/// How long a scenario is that may be made longer.
#[derive(Clone, Copy, Debug)]
struct OwnLength {
    requests: Option<u64>,
    duration: Option<Span>,
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
            Self::Rate | Self::SessionRate => "--rate",
            Self::Concurrency => "--concurrency",
        }
    }

    /// What its axis is called.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Rate => "requests per second",
            Self::SessionRate => "sessions per second",
            Self::Concurrency => "concurrent requests",
        }
    }

    /// The load with its unit.
    pub fn with_unit(self, load: f64) -> String {
        match self {
            Self::Rate => format!("{} req/s", rounded(load)),
            Self::SessionRate => format!("{} sessions/s", rounded(load)),
            Self::Concurrency if load < 1.5 => format!("{load:.0} concurrent request"),
            Self::Concurrency => format!("{} concurrent requests", rounded(load.round())),
        }
    }

    /// Its unit at the head of a column.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Rate => "req/s",
            Self::SessionRate => "sessions/s",
            Self::Concurrency => "clients",
        }
    }

    /// Its name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rate => "requests_per_s",
            Self::SessionRate => "sessions_per_s",
            Self::Concurrency => "concurrency",
        }
    }

    /// The kind that the scenario's own load is.
    pub fn of(input: &Input) -> Self {
        match input.scenario.workload() {
            Workload::Synthetic(workload) if matches!(workload.arrivals, Arrivals::Closed { .. }) => Self::Concurrency,
            Workload::Trace(replay) if replay.concurrency.is_some() => Self::Concurrency,
            _ => Self::Rate,
        }
    }

    /// The least difference between two loads.
    pub const fn least_step(self) -> f64 {
        match self {
            Self::Rate | Self::SessionRate => 0.0,
            Self::Concurrency => 1.0,
        }
    }

    /// The nearest load that exists.
    pub fn rounded(self, load: f64) -> f64 {
        match self {
            Self::Rate | Self::SessionRate => load,
            Self::Concurrency => load.round().max(1.0),
        }
    }

    /// A load between two others, at about equal ratios, with three digits; `None` if they are too close for one.
    pub fn between(self, low: f64, high: f64) -> Option<f64> {
        let middle = (low * high).sqrt();
        let digit = 10_f64.powi(middle.log10().floor() as i32 - 2);
        let middle = match self {
            Self::Rate | Self::SessionRate => (middle / digit).round() * digit,
            Self::Concurrency => middle.round(),
        };
        // What repeated division leaves behind would be shown.
        let middle: f64 = format!("{middle:.9e}").parse().unwrap_or(middle);
        (middle >= low * CLOSEST && high >= middle * CLOSEST).then_some(middle)
    }
}

/// Requests of each client of a closed loop, if they can be had: the first of each, which all come at once or meet no
/// crowd yet, are no steady state, and so few of all that a 99th percentile hardly sees them.
const REQUESTS_PER_CLIENT: u64 = 200;
/// More than that take too long, and so do searches beyond the clients that they are for.
const MOST_REQUESTS: u64 = 1_000_000;

impl LoadDial {
    /// How to set a load of this kind in a scenario like `input`; otherwise why it cannot be set, and what to do.
    pub fn new(kind: LoadKind, input: &Input) -> Result<Self, Diagnostic> {
        match input.scenario.workload() {
            Workload::Trace(replay) => Self::of_trace(kind, replay),
            Workload::Synthetic(workload) => Self::of_synthetic(kind, workload),
        }
    }

    fn of_trace(kind: LoadKind, replay: &Replay) -> Result<Self, Diagnostic> {
        let said = |error: TraceError| Diagnostic::new(error.to_string());
        let follow = trace::open(&Replay {
            concurrency: None,
            ..replay.clone()
        });
        let has_sessions = follow.map_err(said)?.is_closed_loop();
        let (kind, setting) = match kind {
            LoadKind::Concurrency if has_sessions => {
                let message = "the trace's sessions already are closed loops";
                return Err(Diagnostic::new(message).help("vary the rate of their starts instead"));
            }
            LoadKind::Concurrency => (kind, Setting::Key("workload.trace.concurrency")),
            LoadKind::Rate | LoadKind::SessionRate => {
                let recorded = trace::recorded_rate(replay).map_err(said)?;
                let kind = if has_sessions {
                    LoadKind::SessionRate
                } else {
                    LoadKind::Rate
                };
                (kind, Setting::Speedup(recorded))
            }
        };
        Ok(Self {
            kind,
            setting,
            own_requests: None,
            own_length: None,
        })
    }

    fn of_synthetic(kind: LoadKind, workload: &Synthetic) -> Result<Self, Diagnostic> {
        let is_concurrency = kind == LoadKind::Concurrency;
        let setting = match (&workload.arrivals, is_concurrency) {
            (Arrivals::Stages(_), false) => {
                let message = "the scenario's arrivals come in stages, each with a rate of its own";
                return Err(Diagnostic::new(message).help(
                    "set them to one process, such as --set 'workload.arrivals={ process = \"poisson\", rate = 1 }'",
                ));
            }
            (Arrivals::Closed { .. } | Arrivals::AtOnce, false) => Setting::Arrivals("process = \"poisson\", rate"),
            (_, false) => Setting::Key("workload.arrivals.rate"),
            (Arrivals::Closed { .. }, true) => Setting::Key("workload.arrivals.concurrency"),
            (_, true) => Setting::Arrivals("process = \"closed\", concurrency"),
        };
        let kind = match kind {
            LoadKind::Concurrency => kind,
            _ if workload.session.is_some() => LoadKind::SessionRate,
            _ => LoadKind::Rate,
        };
        Ok(Self {
            kind,
            setting,
            own_requests: workload.requests.filter(|_| is_concurrency),
            own_length: Some(OwnLength {
                requests: workload.requests,
                duration: workload.duration,
            }),
        })
    }

    /// Which number it sets.
    pub fn kind(&self) -> LoadKind {
        self.kind
    }

    /// What sets it to `load`, with requests enough for it.
    pub fn flags(&self, load: f64) -> Vec<Flag> {
        let mut flags = vec![self.load_flag(load)];
        if let Some(requests) = self.requests_at(load) {
            flags.push(Flag::new(self.kind.flag(), format!("workload.requests={requests}")));
        }
        flags
    }

    /// What sets it to `load` in a run that is so many times as long as the scenario's own.
    pub fn flags_of_length(&self, load: f64, times: u32) -> Vec<Flag> {
        let mut flags = self.flags(load);
        let Some(own) = self.own_length.filter(|_| times > 1) else {
            return flags;
        };
        let flag = self.kind.flag();
        if let Some(requests) = own.requests {
            let requests = self.requests_at(load).unwrap_or(requests).saturating_mul(times.into());
            flags.push(Flag::new(flag, format!("workload.requests={requests}")));
        }
        if let Some(duration) = own.duration {
            let picos = duration.picos().saturating_mul(times.into());
            let seconds = Span::from_picos(picos).seconds();
            flags.push(Flag::new(flag, format!("workload.duration=\"{seconds}s\"")));
        }
        flags
    }

    /// Whether runs at a load may be so many times as long as the scenario's own: its arrivals have the same rate
    /// throughout, and there would not be too many of them.
    pub fn allows_length(&self, load: f64, times: u32) -> bool {
        let Some(own) = self.own_length else {
            return false;
        };
        let by_time = own.duration.map(|duration| (load * duration.seconds()).max(1.0) as u64);
        let requests = self.requests_at(load).or(own.requests).into_iter().chain(by_time).min();
        requests.is_some_and(|requests| requests.saturating_mul(times.into()) <= MOST_REQUESTS)
    }

    /// The requests of a run at `load`, where they become more with it.
    fn requests_at(&self, load: f64) -> Option<u64> {
        let own = self.own_requests?;
        let wanted = (load as u64).saturating_mul(REQUESTS_PER_CLIENT);
        Some(own.max(wanted.min(MOST_REQUESTS)))
    }

    /// What sets it to `load`, and nothing else.
    pub fn load_flag(&self, load: f64) -> Flag {
        let load = self.kind.rounded(load);
        let written = unrounded(load);
        let assignment = match &self.setting {
            Setting::Key(key) => format!("{key}={written}"),
            Setting::Arrivals(process) => format!("workload.arrivals={{ {process} = {written} }}"),
            Setting::Speedup(recorded) => format!("workload.trace.speedup={}", unrounded(load / recorded)),
        };
        Flag::new(self.kind.flag(), assignment)
    }

    /// The highest load that a search should try, if there is one.
    pub fn highest(&self) -> Option<f64> {
        let has_enough = self.own_requests.is_some();
        has_enough.then_some((MOST_REQUESTS / REQUESTS_PER_CLIENT) as f64)
    }

    /// The load that the scenario has by itself, if it is of this kind.
    pub fn load_of(&self, input: &Input) -> Option<f64> {
        match (input.scenario.workload(), &self.setting) {
            (Workload::Trace(replay), Setting::Speedup(recorded)) => Some(recorded * replay.speedup),
            (Workload::Trace(replay), _) => replay.concurrency.map(f64::from),
            (Workload::Synthetic(workload), _) => match (&workload.arrivals, self.kind) {
                (Arrivals::Closed { concurrency, .. }, LoadKind::Concurrency) => Some((*concurrency).into()),
                (_, LoadKind::Concurrency) => None,
                (arrivals, _) => arrivals.mean_rate_per_s(),
            },
        }
    }

    /// What of the scenario is replaced to set the load, if it is more than a number.
    pub fn replaces(&self) -> Option<String> {
        let mut said = Vec::new();
        match (&self.setting, self.kind) {
            (Setting::Arrivals(_), LoadKind::Concurrency) => {
                said.push("arrivals are a closed loop without pauses in place of the scenario's own".to_owned());
            }
            (Setting::Arrivals(_), _) => {
                said.push("arrivals are a Poisson process in place of the scenario's own".to_owned());
            }
            _ => {}
        }
        if self.own_requests.is_some() {
            said.push(format!(
                "each run has {REQUESTS_PER_CLIENT} requests a client or more, so that the first ones, which \
                 meet no crowd or come all at once, count for little"
            ));
        }
        (!said.is_empty()).then(|| said.join("; "))
    }
}
