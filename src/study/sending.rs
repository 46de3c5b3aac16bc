//! The requests of a scenario as its clients send them: opened, put together and limited.

use std::error::Error;
use std::fmt;

use crate::config::{Class, Diagnostic, Scenario, Workload};
use crate::fleet::{LooksFor, ReplayError, Watch};
use crate::metrics::Waves;
use crate::path::{PathBooks, PathSource};
use crate::stats::streams::{hash_bytes, mix};
use crate::workload::trace::{self, Skipped, TraceError, TraceSource};
use crate::workload::{ClassSource, Classes, Limited, MissedRate, Source, SyntheticSource};

/// How the workload of a run was read.
#[derive(Clone, Debug, Default)]
pub struct Replayed {
    /// Rows that were left out of a trace.
    pub skipped: Skipped,
    /// Share of a trace's requests that arrive together with the one before.
    pub tied_share: f64,
    /// How many characters were taken for a token of a trace of texts.
    pub chars_per_token: Option<f64>,
    /// Whether a router kept sessions together that no row of a trace names.
    pub lacks_sessions: bool,
    /// The rate that somebody else's arrivals were asked to have and did not.
    pub missed_rate: Option<MissedRate>,
    /// Waves in which its requests came.
    pub waves: Waves,
    /// Clients of a closed loop of whom some never sent anything, as there were too few requests.
    pub idle_clients: Option<IdleClients>,
    /// Whether whoever watched stopped it before its end.
    pub is_stopped: bool,
}

/// More clients than requests.
#[derive(Clone, Copy, Debug)]
pub struct IdleClients {
    /// Clients there should have been.
    pub clients: u32,
    /// Requests that were sent.
    pub requests: u64,
}

/// Why a simulation could not go to its end.
#[derive(Debug)]
pub enum SimulationError {
    /// The trace cannot be opened.
    Trace(TraceError),
    /// The run cannot go on.
    Replay(ReplayError),
}

impl fmt::Display for SimulationError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trace(error) => error.fmt(formatter),
            Self::Replay(error) => error.fmt(formatter),
        }
    }
}

impl Error for SimulationError {}

impl From<SimulationError> for Diagnostic {
    fn from(error: SimulationError) -> Self {
        match error {
            SimulationError::Trace(error) => Self::new(error.to_string()),
            SimulationError::Replay(error) => {
                let diagnostic = Self::new(error.message());
                error.help().into_iter().fold(diagnostic, Self::help)
            }
        }
    }
}

/// Requests of a class that are about to be sent.
enum Opened {
    Synthetic(SyntheticSource),
    Trace(TraceSource),
}

impl Opened {
    fn open(workload: &Workload, seed: u64) -> Result<Self, SimulationError> {
        Ok(match workload {
            Workload::Synthetic(workload) => Self::Synthetic(workload.source(seed)),
            Workload::Trace(replay) => Self::Trace(trace::open_seeded(replay, seed).map_err(SimulationError::Trace)?),
        })
    }

    fn source(&mut self) -> &mut dyn Source {
        match self {
            Self::Synthetic(source) => source,
            Self::Trace(source) => source,
        }
    }
}

/// Has `run` send the requests of the scenario's traffic, to servers in which a request takes so many bytes. Those that
/// take a path end in `books`.
pub fn send<W: Watch>(
    scenario: &Scenario,
    seed: u64,
    bytes_a_request: u64,
    run: impl FnOnce(&mut dyn Source, &mut W) -> Result<(), ReplayError>,
    watch: &mut W,
    books: &PathBooks,
) -> Result<Replayed, SimulationError> {
    let run = |source: &mut dyn Source, watch: &mut W| match &scenario.path {
        Some(path) => run(&mut PathSource::new(source, path, seed, books.clone()), watch),
        None => run(source, watch),
    };
    let traffic = &scenario.traffic;
    let at_once = traffic.workloads().filter_map(|workload| match workload {
        Workload::Synthetic(workload) => workload.requests_at_once(),
        Workload::Trace(_) => None,
    });
    // What cannot fit in the end need not be tried.
    let bytes = at_once.fold(0_u64, u64::saturating_add).saturating_mul(bytes_a_request);
    watch.may_hold(bytes).map_err(SimulationError::Replay)?;
    let classes = traffic.classes.iter().enumerate();
    let opened = classes.map(|(place, class)| Opened::open(&class.workload, seed_of(seed, place, class)));
    let mut opened = opened.collect::<Result<Vec<Opened>, _>>()?;
    let sent = match &mut opened[..] {
        [only] if traffic.only_workload().is_some() => send_limited(scenario, run, only.source(), watch),
        all => {
            let sources = all
                .iter_mut()
                .zip(&traffic.classes)
                .map(|(opened, class)| of_class(opened.source(), class));
            let mut classes = Classes::new(sources.collect(), traffic.requests.unwrap_or(u64::MAX));
            send_limited(scenario, run, &mut classes, watch)
        }
    };
    let mut replayed = Replayed {
        is_stopped: until_stopped(sent)?,
        ..Replayed::default()
    };
    for source in &opened {
        match source {
            Opened::Synthetic(source) => replayed.missed_rate = replayed.missed_rate.or(source.missed_rate()),
            Opened::Trace(source) => {
                replayed.skipped.add(source.skipped());
                replayed.tied_share = replayed.tied_share.max(source.tied_share());
                replayed.chars_per_token = replayed.chars_per_token.or(source.chars_per_token());
                replayed.lacks_sessions |= routes_by_session(scenario) && !source.has_sessions();
            }
        }
    }
    Ok(replayed)
}

/// Each class draws by itself: the first as it would alone, the others whatever stands before them.
fn seed_of(seed: u64, place: usize, class: &Class) -> u64 {
    match &class.name {
        Some(name) if place > 0 => mix(seed ^ hash_bytes(name.as_bytes())),
        _ => seed,
    }
}

fn of_class<'a>(source: &'a mut dyn Source, class: &Class) -> ClassSource<'a> {
    ClassSource {
        source: match class.max_outstanding {
            Some(most) => Box::new(Limited::new(source, most)),
            None => Box::new(source),
        },
        priority: class.priority,
    }
}

fn routes_by_session(scenario: &Scenario) -> bool {
    let fleet = scenario.operation.fleet.as_ref();
    let router = fleet.map(|fleet| fleet.router.looks_for());
    router == Some(LooksFor::Sessions)
}

/// Whether whoever watches stopped the run, if nothing else did.
pub(super) fn until_stopped(ended: Result<(), ReplayError>) -> Result<bool, SimulationError> {
    match ended {
        Ok(()) => Ok(false),
        Err(ReplayError::Stopped) => Ok(true),
        Err(error) => Err(SimulationError::Replay(error)),
    }
}

/// Sends the requests of `source` as the scenario's clients do, who may keep only so many outstanding.
pub fn send_limited<W: Watch>(
    scenario: &Scenario,
    run: impl FnOnce(&mut dyn Source, &mut W) -> Result<(), ReplayError>,
    source: &mut dyn Source,
    watch: &mut W,
) -> Result<(), ReplayError> {
    match scenario.traffic.max_outstanding {
        Some(most) => run(&mut Limited::new(source, most), watch),
        None => run(source, watch),
    }
}
