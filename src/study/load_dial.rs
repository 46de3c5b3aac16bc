//! Sets the load on a server, which is one number: how many requests come in each second, or how many are there at
//! once.

use super::Input;
use super::load_kind::LoadKind;
use super::simulate::nothing_fails;
use crate::config::{Diagnostic, Flag, Traffic, WarmUp, Workload};
use crate::stats::unrounded;
use crate::units::Span;
use crate::workload::trace::{self, Replay, TraceError};
use crate::workload::{Arrivals, ClosedStart, Source, Stage, Synthetic, Think};

/// Sets the load of a scenario.
#[derive(Clone, Debug)]
pub struct LoadDial {
    kind: LoadKind,
    setting: Setting,
    /// Requests of the scenario's own, where more of them can be asked for as the load becomes more.
    own_requests: Option<u64>,
    /// Requests of each client, at least.
    requests_per_client: u64,
    /// How long users think in the mean, where it sets their number.
    think: Option<Span>,
    /// How long the scenario is, where longer runs of it tell more.
    own_length: Option<OwnLength>,
    /// Whether to leave out the start of runs, which is not left out of those of load generators unless somebody asks:
    /// what is looked for is what lasts.
    leaves_out_start: bool,
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
    /// The arrivals as a whole: what stands before the load.
    Arrivals(String),
    /// The rates of all stages, which are these at a load of one.
    Stages(Vec<Stage>),
    /// The speed of a trace with so many requests per second.
    Speedup(f64),
}

/// Requests of each client of a closed loop, if they can be had: the first of each, which all come at once or meet no
/// crowd yet, are no steady state, and so few of all that a 99th percentile hardly sees them.
const REQUESTS_PER_CLIENT: u64 = 200;
/// The same of users who do not start together: their first requests are spread over a pause, as those later on are.
const REQUESTS_PER_USER: u64 = 20;
/// More than that take too long, and so do searches beyond the clients that they are for.
const MOST_REQUESTS: u64 = 1_000_000;
/// Runs that are made longer have fewer where there are more of them, down to a quarter: their mean is as sure.
const MOST_REQUESTS_OF_ALL_SEEDS: u64 = 2_000_000;
/// A profile that is busier than that takes too long [requests].
const MOST_OF_PROFILE: f64 = 1e8;

impl LoadDial {
    /// How to set a load of this kind in a scenario like `input`; otherwise why it cannot be set, and what to do.
    pub fn new(kind: LoadKind, input: &Input) -> Result<Self, Diagnostic> {
        match input.scenario.traffic.only_workload() {
            None => Self::of_classes(kind, &input.scenario.traffic),
            Some(Workload::Trace(replay)) => Self::of_trace(kind, replay),
            Some(Workload::Synthetic(workload)) => {
                let dial = Self::of_synthetic(kind, workload)?;
                Ok(dial.leaving_out_start_of(input))
            }
        }
    }

    /// Several classes have one load in common: the rate of all of them, each with its own part of it.
    fn of_classes(kind: LoadKind, traffic: &Traffic) -> Result<Self, Diagnostic> {
        if kind.counts_clients() || matches!(kind, LoadKind::ProfileTimes { .. }) {
            let message = "several classes have no load in common but the rate of them all";
            return Err(Diagnostic::new(message).help("ask for rates, or describe the traffic as one [workload]"));
        }
        if traffic.rate_per_s().is_none() || traffic.workloads().any(|it| matches!(it, Workload::Trace(_))) {
            let message = "several classes have a load in common only if one has a rate, and none replays a trace";
            return Err(Diagnostic::new(message).help("write arrivals = { process = \"poisson\", rate = 8.0 }"));
        }
        // Runs are made longer where that is one number for all.
        let is_common = traffic.classes.iter().all(|class| !class.ends_by_itself);
        Ok(Self {
            kind: LoadKind::Rate,
            setting: Setting::Key("workload.rate"),
            own_requests: None,
            requests_per_client: REQUESTS_PER_CLIENT,
            think: None,
            leaves_out_start: false,
            own_length: (is_common && traffic.is_stationary()).then_some(OwnLength {
                requests: traffic.requests,
                duration: traffic.duration,
            }),
        })
    }

    fn of_trace(kind: LoadKind, replay: &Replay) -> Result<Self, Diagnostic> {
        let said = |error: TraceError| Diagnostic::new(error.to_string());
        let follow = trace::open(&Replay {
            concurrency: None,
            ..replay.clone()
        });
        let has_sessions = follow.map_err(said)?.is_closed_loop();
        let (kind, setting) = match kind {
            LoadKind::Concurrency | LoadKind::Users if has_sessions => {
                let message = "the trace's sessions already are closed loops";
                return Err(Diagnostic::new(message).help("vary the rate of their starts instead"));
            }
            LoadKind::Concurrency | LoadKind::Users => {
                (LoadKind::Concurrency, Setting::Key("workload.trace.concurrency"))
            }
            LoadKind::Rate | LoadKind::SessionRate | LoadKind::ProfileTimes { .. } => {
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
            requests_per_client: REQUESTS_PER_CLIENT,
            think: None,
            own_length: None,
            leaves_out_start: false,
        })
    }

    fn of_synthetic(kind: LoadKind, workload: &Synthetic) -> Result<Self, Diagnostic> {
        let setting = match (&workload.arrivals, kind.counts_clients()) {
            (Arrivals::Stages(stages), false) if matches!(kind, LoadKind::ProfileTimes { .. }) => {
                Setting::Stages(stages.clone())
            }
            (Arrivals::Stages(_), false) => {
                let message = "the scenario's arrivals come in stages, each with a rate of its own";
                return Err(Diagnostic::new(message).help(
                    "set them to one process, such as --set 'workload.arrivals={ process = \"poisson\", rate = 1 }'",
                ));
            }
            (Arrivals::Closed { .. } | Arrivals::AtOnce, false) => {
                Setting::Arrivals("process = \"poisson\", rate".to_owned())
            }
            (_, false) => Setting::Key("workload.arrivals.rate"),
            (Arrivals::Closed { .. }, true) => Setting::Key("workload.arrivals.concurrency"),
            (_, true) => Setting::Arrivals(AT_ONCE.to_owned()),
        };
        let kind = match (&setting, kind) {
            (Setting::Stages(_), _) => kind,
            (Setting::Key(_), LoadKind::Concurrency | LoadKind::Users) if own_think(workload).is_some() => {
                LoadKind::Users
            }
            (_, LoadKind::Concurrency | LoadKind::Users) => LoadKind::Concurrency,
            _ if workload.session.is_some() => LoadKind::SessionRate,
            _ => LoadKind::Rate,
        };
        Ok(Self::set_by(setting, kind, workload))
    }

    /// Where nobody has said what to leave out, and the same goes on throughout.
    fn leaving_out_start_of(self, input: &Input) -> Self {
        let scenario = &input.scenario;
        let is_open = scenario.operation.warm_up == WarmUp::Usual && nothing_fails(scenario);
        Self {
            leaves_out_start: is_open && self.kind == LoadKind::Concurrency,
            ..self
        }
    }

    fn set_by(setting: Setting, kind: LoadKind, workload: &Synthetic) -> Self {
        let is_stages = matches!(kind, LoadKind::ProfileTimes { .. });
        let starts_together = matches!(
            (&setting, &workload.arrivals),
            (
                Setting::Key(_),
                Arrivals::Closed {
                    start: ClosedStart::Together,
                    ..
                }
            )
        );
        let requests_per_client = if kind == LoadKind::Users && !starts_together {
            REQUESTS_PER_USER
        } else {
            REQUESTS_PER_CLIENT
        };
        Self {
            kind,
            setting,
            own_requests: workload.requests.filter(|_| kind.counts_clients() || is_stages),
            requests_per_client,
            think: own_think(workload).filter(|_| kind == LoadKind::Users).map(Think::mean),
            leaves_out_start: false,
            // A profile has one length.
            own_length: (!is_stages).then_some(OwnLength {
                requests: workload.requests,
                duration: workload.duration,
            }),
        }
    }

    /// How to set how many requests are there at once, whoever sends them, in a scenario like `input`.
    pub fn at_once(input: &Input) -> Result<Self, Diagnostic> {
        match input.scenario.traffic.only_workload() {
            Some(Workload::Synthetic(workload)) if own_think(workload).is_some() => {
                let setting = Setting::Arrivals(AT_ONCE.to_owned());
                let dial = Self::set_by(setting, LoadKind::Concurrency, workload);
                Ok(dial.leaving_out_start_of(input))
            }
            _ => Self::new(LoadKind::Concurrency, input),
        }
    }

    /// How to set the number of users in a scenario like `input`, who think so long between an answer and the next
    /// request; `None` for as long as the scenario's clients do, or as it does within sessions.
    pub fn of_users(think: Option<Span>, input: &Input) -> Result<Self, Diagnostic> {
        let Some(Workload::Synthetic(workload)) = input.scenario.traffic.only_workload() else {
            if input.scenario.traffic.only_workload().is_none() {
                return Self::new(LoadKind::Users, input);
            }
            let message = "who sends the requests of a trace does not think";
            return Err(Diagnostic::new(message).help("ask for requests at once, by --concurrency"));
        };
        let think = match (think, own_think(workload), &workload.session) {
            (Some(Span::ZERO), ..) => {
                let message = "users who do not think are requests at once";
                return Err(Diagnostic::new(message).help("ask for them by --concurrency, or write --think 30s"));
            }
            (Some(think), ..) => Think::Fixed(think),
            (None, Some(_), _) => return Self::new(LoadKind::Users, input),
            (None, None, Some(session)) if !session.think.is_none() => session.think,
            (None, None, _) => {
                let message = "nothing says how long users think between an answer and their next request";
                return Err(
                    Diagnostic::new(message).help("write --think 30s, or ask for requests at once by --concurrency")
                );
            }
        };
        let setting = Setting::Arrivals(format!(
            "process = \"closed\", think = {}, concurrency",
            think_setting(think)
        ));
        Ok(Self {
            think: Some(think.mean()),
            ..Self::set_by(setting, LoadKind::Users, workload)
        })
    }

    /// The dial for runs of so many requests a client, and `least` in all, whatever the scenario says: for those who
    /// want to know in seconds. Without effect where requests are those of a trace.
    #[must_use]
    pub fn in_short_runs(self, requests_per_client: u64, least: u64) -> Self {
        let is_recorded = matches!(
            self.setting,
            Setting::Key("workload.trace.concurrency") | Setting::Speedup(_)
        );
        if is_recorded {
            return self;
        }
        Self {
            own_requests: Some(least),
            requests_per_client,
            ..self
        }
    }

    /// Which number it sets.
    pub fn kind(&self) -> LoadKind {
        self.kind
    }

    /// How long users think in the mean, if it sets their number.
    pub const fn think(&self) -> Option<Span> {
        self.think
    }

    /// The profile whose rates it sets, if it is one.
    pub fn stages(&self) -> Option<&[Stage]> {
        match &self.setting {
            Setting::Stages(stages) => Some(stages),
            _ => None,
        }
    }

    /// What sets it to `load`, with requests enough for it.
    pub fn flags(&self, load: f64) -> Vec<Flag> {
        let mut flags = vec![self.load_flag(load)];
        if let Some(requests) = self.requests_at(load) {
            flags.push(Flag::new(self.kind.flag(), format!("workload.requests={requests}")));
        }
        flags.extend(self.start_flag());
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

    /// Whether a run has more requests at a higher load by itself.
    pub const fn sends_more_with_load(&self) -> bool {
        self.own_requests.is_some()
    }

    /// Whether its runs have one length, as those of a trace or of a profile.
    pub const fn has_one_length(&self) -> bool {
        self.own_length.is_none()
    }

    /// Whether runs at a load with each of so many seeds may be so many times as long as the scenario's own: its
    /// arrivals have the same rate throughout, and there would not be too many of them.
    pub fn allows_length(&self, load: f64, times: u32, seeds: usize) -> bool {
        let Some(own) = self.own_length else {
            return false;
        };
        let most = (MOST_REQUESTS_OF_ALL_SEEDS / seeds as u64).clamp(MOST_REQUESTS / 4, MOST_REQUESTS);
        let by_time = own.duration.map(|duration| (load * duration.seconds()).max(1.0) as u64);
        let requests = self.requests_at(load).or(own.requests).into_iter().chain(by_time).min();
        requests.is_some_and(|requests| requests.saturating_mul(times.into()) <= most)
    }

    /// The requests of a run at `load`, where they become more with it: for each client some, of a profile those of the
    /// same part of it.
    fn requests_at(&self, load: f64) -> Option<u64> {
        let own = self.own_requests?;
        if self.kind.counts_clients() {
            let wanted = (load as u64).saturating_mul(self.requests_per_client);
            return Some(own.max(wanted.min(MOST_REQUESTS)));
        }
        Some((own as f64 * load).ceil().max(1.0) as u64)
    }

    /// What leaves the start of its runs out, where nobody has said whether to.
    pub fn start_flag(&self) -> Option<Flag> {
        let flag = || Flag::new(self.kind.flag(), "workload.warm_up=\"auto\"");
        self.leaves_out_start.then(flag)
    }

    /// What sets it to `load`, and nothing else.
    pub fn load_flag(&self, load: f64) -> Flag {
        let load = self.kind.rounded(load);
        let written = unrounded(load);
        let assignment = match &self.setting {
            Setting::Key(key) => format!("{key}={written}"),
            Setting::Arrivals(process) => format!("workload.arrivals={{ {process} = {written} }}"),
            Setting::Stages(stages) => {
                let each = stages.iter().map(|stage| {
                    let (rate, seconds) = (stage.rate_per_s * load, stage.duration.seconds());
                    format!("{{ rate = {rate}, duration = \"{seconds}s\" }}")
                });
                let each: Vec<String> = each.collect();
                let stages = each.join(", ");
                format!("workload.arrivals={{ process = \"stages\", stages = [{stages}] }}")
            }
            Setting::Speedup(recorded) => format!("workload.trace.speedup={}", unrounded(load / recorded)),
        };
        Flag::new(self.kind.flag(), assignment)
    }

    /// The highest load that a search should try, if there is one.
    pub fn highest(&self) -> Option<f64> {
        if let Setting::Stages(stages) = &self.setting {
            let each = stages.iter().map(|stage| stage.rate_per_s * stage.duration.seconds());
            let arriving = each.sum::<f64>();
            let own = self.own_requests.map_or(arriving, |most| arriving.min(most as f64));
            return Some((MOST_OF_PROFILE / own).max(1.0));
        }
        let has_enough = self.own_requests.is_some() && self.kind.counts_clients();
        has_enough.then_some((MOST_REQUESTS / self.requests_per_client) as f64)
    }

    /// The load that the scenario has by itself, if it is of this kind.
    pub fn load_of(&self, input: &Input) -> Option<f64> {
        let Some(workload) = input.scenario.traffic.only_workload() else {
            return input.scenario.traffic.rate_per_s();
        };
        match (workload, &self.setting) {
            (Workload::Trace(replay), Setting::Speedup(recorded)) => Some(recorded * replay.speedup),
            (Workload::Trace(replay), _) => replay.concurrency.map(f64::from),
            (Workload::Synthetic(_), Setting::Arrivals(_)) => None,
            (Workload::Synthetic(_), Setting::Stages(_)) => Some(1.0),
            (Workload::Synthetic(workload), _) => match &workload.arrivals {
                Arrivals::Closed { concurrency, .. } => Some((*concurrency).into()),
                arrivals => arrivals.mean_rate_per_s(),
            },
        }
    }

    /// What of the scenario is replaced to set the load, if it is more than a number.
    pub fn replaces(&self) -> Option<String> {
        let mut said = Vec::new();
        match (&self.setting, self.kind) {
            (Setting::Arrivals(_), LoadKind::Users) => {
                said.push("arrivals are those of users who pause, in place of the scenario's own".to_owned());
            }
            (Setting::Arrivals(_), LoadKind::Concurrency) => {
                said.push("arrivals are a closed loop without pauses in place of the scenario's own".to_owned());
            }
            (Setting::Arrivals(_), _) => {
                said.push("arrivals are a Poisson process in place of the scenario's own".to_owned());
            }
            _ => {}
        }
        if self.own_requests.is_some() && self.kind.counts_clients() {
            let each = self.requests_per_client;
            let who = if self.kind == LoadKind::Users { "user" } else { "client" };
            said.push(format!(
                "each run has {each} requests a {who} or more, so that the first ones, which meet no crowd or come all \
                 at once, count for little"
            ));
        }
        (!said.is_empty()).then(|| said.join("; "))
    }
}

/// As many requests at once as there are clients: they do not pause.
const AT_ONCE: &str = "process = \"closed\", concurrency";

/// How long the clients of a scenario's own closed loop think, if it is one and they do.
fn own_think(workload: &Synthetic) -> Option<Think> {
    match workload.arrivals {
        Arrivals::Closed { think, .. } if !think.is_none() => Some(think),
        _ => None,
    }
}

/// A pause as a scenario writes it.
fn think_setting(think: Think) -> String {
    let seconds = think.mean().seconds();
    match think {
        Think::Fixed(_) => format!("\"{seconds}s\""),
        Think::Exponential { .. } => format!("{{ dist = \"exponential\", mean = \"{seconds}s\" }}"),
    }
}
