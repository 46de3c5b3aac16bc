//! What became of servers, how many took requests, and how long it took until their clients no longer felt a failure.

use std::collections::VecDeque;

use crate::engine::{Event, FleetSize, ServerChange, ServerId};
use crate::metrics::line::{Line, Phrase};
use crate::metrics::meter::{Durations, HeardEvent, Meter, ResultSection, ServerNews, Total, WholeRun};
use crate::metrics::named_number::{Better, NamedNumber, PlaceInList, Quantity};
use crate::metrics::recorder_settings::RecorderSettings;
use crate::units::{PICOS_PER_SECOND, Span, Time};

/// How a fleet stood failures.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Recovery {
    /// The mean number of servers that took requests; `None` of a single server, or if nothing was heard.
    pub ready_mean: Option<f64>,
    /// The fewest that did.
    pub ready_min: u32,
    /// The most.
    pub ready_max: u32,
    /// The mean number of servers that were there, ready or not; `None` as for `ready_mean`.
    pub provisioned_mean: Option<f64>,
    /// The fewest.
    pub provisioned_min: u32,
    /// The most.
    pub provisioned_max: u32,
    /// The mean number that an autoscaler's rule asked for each time it looked, which servers that come and go at once
    /// would be; `None` without one.
    pub wanted_mean: Option<f64>,
    /// How many failures there were.
    pub faults: u64,
    /// After how many of them as many requests were outstanding to the end as before, or more.
    pub unrecovered: u64,
    /// The longest time from a failure until, with the server well again, no more requests were outstanding than in the
    /// minute before it; `None` if there was no failure or one was not recovered from [s].
    pub time_to_recover_s: Option<f64>,
}

/// Something that became of a server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FleetEvent {
    /// When.
    pub at: Time,
    /// Of which server.
    pub server: ServerId,
    /// What.
    pub change: ServerChange,
    /// Of a failure, how long it took to recover; `None` if it did not, or if this is none.
    pub recovered_after: Option<Span>,
}

/// What was heard of it.
#[derive(Clone, Debug, Default)]
pub(in crate::metrics) struct RecoveryTotal {
    recovery: Recovery,
    /// [servers * ps].
    ready: u128,
    /// [servers * ps].
    provisioned: u128,
    watched_picos: u128,
    wanted: u64,
    looks: u64,
    pub(in crate::metrics) events: Vec<FleetEvent>,
    pub(in crate::metrics) events_left_out: u64,
    longest: Span,
}

/// Watches how many requests are outstanding, and what becomes of servers; of a fleet.
pub(in crate::metrics) struct RecoveryMeter {
    fleet: Option<Box<WatchedFleet>>,
}

/// How long before a failure is taken for how it was before.
const BEFORE: Span = Span::from_picos(60 * PICOS_PER_SECOND);
/// How often what was outstanding until then is noted.
const NOTED_EVERY: Span = Span::from_picos(PICOS_PER_SECOND);
/// Of the events of a run so many are kept.
const MOST_EVENTS: usize = 1_000;

/// A fleet as far as it was heard of.
struct WatchedFleet {
    size: FleetSize,
    least: FleetSize,
    most: FleetSize,
    wanted: u64,
    looks: u64,
    outstanding: u64,
    since: Time,
    /// [servers * ps].
    ready_sum: u128,
    /// [servers * ps].
    provisioned_sum: u128,
    /// [requests * ps].
    sum: u128,
    started: Option<Time>,
    last_arrival: Time,
    /// What `sum` was at some instants before, latest last.
    noted: VecDeque<(Time, u128)>,
    open: Vec<OpenFault>,
    faults: u64,
    recovered: Vec<(usize, Span, Time)>,
    events: Vec<FleetEvent>,
    events_left_out: u64,
}

/// A failure from which the fleet has not recovered yet.
struct OpenFault {
    at: Time,
    server: ServerId,
    kind: ServerChange,
    /// Its place among the events, or beyond them.
    event: usize,
    /// How many requests may be outstanding for all to be well.
    normal: u64,
    /// Whether the server is well again.
    is_over: bool,
    /// Whether the router knows of it.
    is_known: bool,
    /// When all was well again first, if the server is not well: it may never be.
    well_without: Option<Time>,
}

impl RecoveryMeter {
    /// A meter for a fleet that starts with so many servers, all of them ready.
    pub(in crate::metrics) fn of_fleet(servers: u32) -> Self {
        let size = FleetSize {
            ready: servers,
            provisioned: servers,
        };
        let fleet = WatchedFleet {
            size,
            least: size,
            most: size,
            wanted: 0,
            looks: 0,
            outstanding: 0,
            since: Time::ZERO,
            ready_sum: 0,
            provisioned_sum: 0,
            sum: 0,
            started: None,
            last_arrival: Time::ZERO,
            noted: VecDeque::new(),
            open: Vec::new(),
            faults: 0,
            recovered: Vec::new(),
            events: Vec::new(),
            events_left_out: 0,
        };
        Self {
            fleet: Some(Box::new(fleet)),
        }
    }

    /// An autoscaler has looked, and wanted so many servers.
    pub(in crate::metrics) fn note_wanted(&mut self, wanted: u32) {
        if let Some(fleet) = &mut self.fleet {
            fleet.wanted += u64::from(wanted);
            fleet.looks += 1;
        }
    }

    /// The time of all servers that were there, of a run so long [servers * ps].
    pub(in crate::metrics) fn server_picos(&self, run_picos: u128) -> u128 {
        let Some(fleet) = &self.fleet else {
            return run_picos;
        };
        let watched = u128::from(fleet.since.since(fleet.started.unwrap_or(fleet.since)).picos());
        fleet.provisioned_sum + run_picos.saturating_sub(watched) * u128::from(fleet.size.provisioned)
    }
}

impl Meter for RecoveryMeter {
    type Total = RecoveryTotal;

    fn new(_settings: &RecorderSettings<'_>) -> Self {
        Self { fleet: None }
    }

    #[inline(always)]
    fn on(&mut self, heard: &HeardEvent<'_>) {
        if let Some(fleet) = &mut self.fleet {
            fleet.hear(heard.at, heard.event);
        }
    }

    fn server_changed(&mut self, news: &ServerNews) {
        if let Some(fleet) = &mut self.fleet {
            fleet.change(news);
        }
    }

    fn finish(self, _run: &WholeRun) -> RecoveryTotal {
        self.fleet.map(|fleet| fleet.finish()).unwrap_or_default()
    }
}

impl WatchedFleet {
    fn hear(&mut self, at: Time, event: &Event) {
        match event {
            Event::Arrived { .. } => {
                self.started.get_or_insert_with(|| {
                    self.since = at;
                    at
                });
                self.go_on_to(at);
                self.outstanding += 1;
                self.last_arrival = at;
            }
            Event::Finished(_) | Event::Aborted { .. } | Event::Lost { for_good: true, .. } => {
                self.go_on_to(at);
                self.outstanding -= 1;
                self.note_recovered(at);
            }
            _ => {}
        }
    }

    fn go_on_to(&mut self, at: Time) {
        let picos = u128::from(at.since(self.since).picos());
        self.sum += picos * u128::from(self.outstanding);
        self.ready_sum += picos * u128::from(self.size.ready);
        self.provisioned_sum += picos * u128::from(self.size.provisioned);
        self.since = at;
        if self
            .noted
            .back()
            .is_none_or(|(noted, _)| at.since(*noted) >= NOTED_EVERY)
        {
            self.noted.push_back((at, self.sum));
            // The oldest that is kept is as old as that, or a little older.
            while self.noted.get(1).is_some_and(|(noted, _)| at.since(*noted) >= BEFORE) {
                self.noted.pop_front();
            }
        }
    }

    /// How many requests were outstanding lately.
    fn normal(&self) -> u64 {
        // What is so while another failure is felt is not normal.
        if let Some(first) = self.open.first() {
            return first.normal;
        }
        let Some(&(from, sum)) = self.noted.front() else {
            return 0;
        };
        let picos = u128::from(self.since.since(from).picos());
        if picos == 0 {
            return self.outstanding;
        }
        (self.sum - sum).div_ceil(picos) as u64
    }

    fn change(&mut self, news: &ServerNews) {
        let &ServerNews {
            at,
            server,
            change,
            size,
        } = news;
        if self.started.is_some() {
            self.go_on_to(at);
        }
        self.size = size;
        let each = |of: fn(u32, u32) -> u32, bound: FleetSize| FleetSize {
            ready: of(bound.ready, size.ready),
            provisioned: of(bound.provisioned, size.provisioned),
        };
        self.least = each(u32::min, self.least);
        self.most = each(u32::max, self.most);
        let event = self.events.len() + self.events_left_out as usize;
        if self.events.len() < MOST_EVENTS {
            self.events.push(FleetEvent {
                at,
                server,
                change,
                recovered_after: None,
            });
        } else {
            self.events_left_out += 1;
        }
        match change {
            ServerChange::Crashed | ServerChange::Reclaimed | ServerChange::CutOff | ServerChange::Slowed => {
                self.faults += 1;
                self.open.push(OpenFault {
                    at,
                    server,
                    kind: change,
                    event,
                    normal: self.normal(),
                    is_over: false,
                    // The router does not find out twice.
                    is_known: change == ServerChange::Reclaimed || self.is_known(server),
                    well_without: None,
                });
            }
            ServerChange::Gone | ServerChange::Starting | ServerChange::Started | ServerChange::Draining => {}
            ServerChange::Stopped => {
                let kinds = [ServerChange::Crashed, ServerChange::Reclaimed, ServerChange::CutOff];
                self.is_over(server, &kinds);
            }
            ServerChange::FoundMissing => {
                for fault in self.open.iter_mut().filter(|fault| fault.server == server) {
                    fault.is_known = true;
                }
            }
            ServerChange::Back => self.is_over(server, &[ServerChange::Crashed, ServerChange::Reclaimed]),
            ServerChange::Reached => self.is_over(server, &[ServerChange::CutOff]),
            ServerChange::AsFastAgain => self.is_over(server, &[ServerChange::Slowed]),
        }
        self.note_recovered(at);
    }

    fn is_known(&self, server: ServerId) -> bool {
        self.open.iter().any(|fault| fault.server == server && fault.is_known)
    }

    /// All failures of these kinds of a server have ended.
    fn is_over(&mut self, server: ServerId, kinds: &[ServerChange]) {
        let is_it = |fault: &&mut OpenFault| fault.server == server && kinds.contains(&fault.kind);
        for fault in self.open.iter_mut().filter(is_it) {
            fault.is_over = true;
        }
    }

    fn note_recovered(&mut self, at: Time) {
        let outstanding = self.outstanding;
        let recovered = &mut self.recovered;
        self.open.retain_mut(|fault| {
            if outstanding > fault.normal {
                return true;
            }
            if fault.is_over {
                recovered.push((fault.event, at - fault.at, at));
            } else if fault.is_known {
                fault.well_without.get_or_insert(at);
            }
            !fault.is_over
        });
    }

    fn finish(mut self) -> RecoveryTotal {
        let without = self.open.iter().filter(|fault| !fault.is_over);
        let without = without.filter_map(|fault| fault.well_without.map(|at| (fault.event, at - fault.at, at)));
        self.recovered.extend(without.collect::<Vec<_>>());
        // When nobody sends anything more, every queue comes to an end.
        let last_arrival = self.last_arrival;
        let failed_late = |&(_, after, at): &(usize, Span, Time)| at.picos() - after.picos() >= last_arrival.picos();
        let late = self.recovered.iter().filter(|fault| failed_late(fault)).count()
            + self.open.iter().filter(|fault| fault.at >= last_arrival).count();
        self.recovered.retain(|(.., at)| *at <= last_arrival);
        for &(event, after, _) in &self.recovered {
            if let Some(event) = self.events.get_mut(event) {
                event.recovered_after = Some(after);
            }
        }
        let started = self.started.unwrap_or_default();
        RecoveryTotal {
            recovery: Recovery {
                ready_mean: None,
                ready_min: self.least.ready,
                ready_max: self.most.ready,
                provisioned_mean: None,
                provisioned_min: self.least.provisioned,
                provisioned_max: self.most.provisioned,
                wanted_mean: None,
                faults: self.faults,
                // Of a failure after the last request nobody can tell.
                unrecovered: self.faults.saturating_sub((self.recovered.len() + late) as u64),
                time_to_recover_s: None,
            },
            ready: self.ready_sum,
            provisioned: self.provisioned_sum,
            wanted: self.wanted,
            looks: self.looks,
            watched_picos: self.since.since(started).picos().into(),
            events: self.events,
            events_left_out: self.events_left_out,
            longest: self
                .recovered
                .iter()
                .map(|(_, after, _)| *after)
                .max()
                .unwrap_or_default(),
        }
    }
}

impl Total for RecoveryTotal {
    type Section = Recovery;

    fn pool(&mut self, other: &Self) {
        let (mine, theirs) = (&mut self.recovery, &other.recovery);
        mine.ready_min = mine.ready_min.min(theirs.ready_min);
        mine.ready_max = mine.ready_max.max(theirs.ready_max);
        mine.provisioned_min = mine.provisioned_min.min(theirs.provisioned_min);
        mine.provisioned_max = mine.provisioned_max.max(theirs.provisioned_max);
        self.provisioned += other.provisioned;
        self.wanted += other.wanted;
        self.looks += other.looks;
        self.recovery.faults += other.recovery.faults;
        self.recovery.unrecovered += other.recovery.unrecovered;
        self.ready += other.ready;
        self.watched_picos += other.watched_picos;
        self.longest = self.longest.max(other.longest);
        // Events are those of the first run.
    }

    fn section(&self, _durations: &Durations) -> Recovery {
        let has_recovered = self.recovery.faults > 0 && self.recovery.unrecovered == 0;
        let mean = |sum: u128| (self.watched_picos > 0).then(|| sum as f64 / self.watched_picos as f64);
        Recovery {
            ready_mean: mean(self.ready),
            provisioned_mean: mean(self.provisioned),
            wanted_mean: (self.looks > 0).then(|| self.wanted as f64 / self.looks as f64),
            time_to_recover_s: has_recovered.then(|| self.longest.seconds()),
            ..self.recovery
        }
    }
}

impl ResultSection for Recovery {
    fn named_numbers() -> Vec<NamedNumber<Self>> {
        use Better::{Higher, Lower};
        let all = [
            NamedNumber::mean("fleet.ready.mean", Higher, |it: &Self| it.ready_mean),
            NamedNumber::mean("fleet.provisioned.mean", Lower, |it: &Self| it.provisioned_mean),
            NamedNumber::count("fleet.faults", Lower, |it: &Self| Some(it.faults)),
            NamedNumber::count("fleet.unrecovered", Lower, |it: &Self| Some(it.unrecovered)),
            NamedNumber::new("fleet.time_to_recover_s", Quantity::Time, Lower, |it: &Self| {
                it.time_to_recover_s
            }),
        ];
        all.into_iter().map(|number| number.at(PlaceInList::Last)).collect()
    }

    fn lines(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        lines.extend(self.wanted_mean.map(|wanted| self.scaling_line(wanted)));
        lines.extend((self.faults > 0).then(|| self.failures_line()));
        lines
    }
}

impl Recovery {
    fn scaling_line(&self, wanted: f64) -> Line {
        use Phrase::{Count, Number, Text};
        Line::new("Scaling")
            .with([
                Text("servers there mean "),
                Number(self.provisioned_mean),
                Text(", "),
                Count(Some(self.provisioned_min.into())),
                Text(" to "),
                Count(Some(self.provisioned_max.into())),
            ])
            .with([Text("ready mean "), Number(self.ready_mean)])
            .with([
                Text("if servers came and went at once, the rule would have mean "),
                Number(Some(wanted)),
            ])
    }

    fn failures_line(&self) -> Line {
        use Phrase::{Count, Number, Text, Time};
        let line = Line::new("Failures")
            .with([Count(Some(self.faults)), Text(" in all")])
            .with([
                Text("servers ready mean "),
                Number(self.ready_mean),
                Text(", min "),
                Count(Some(self.ready_min.into())),
                Text(" of "),
                Count(Some(self.ready_max.into())),
            ]);
        match self.time_to_recover_s {
            Some(longest) => line.with([
                Text("no more requests outstanding than before within "),
                Time(Some(longest)),
            ]),
            None => line.with([
                Text("NOT RECOVERED from "),
                Count(Some(self.unrecovered)),
                Text(" before the last request was sent"),
            ]),
        }
    }
}
