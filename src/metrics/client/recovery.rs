//! What became of servers, how many took requests, and how long it took until their clients no longer felt a failure.

use std::collections::VecDeque;

use crate::engine::{Event, FleetSize, ServerChange, ServerId};
use crate::metrics::line::{Line, Phrase};
use crate::metrics::meter::{Durations, HeardEvent, Meter, ResultSection, Total, WholeRun};
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
    /// How often a server was started: by an autoscaler, to stand by or to serve, or after it failed.
    pub starts: u64,
    /// How long servers were there in each hour of the day, all together, as far as a run was watched [s].
    pub provisioned_by_hour: [f64; HOURS_OF_DAY],
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
    least: FleetSize,
    most: FleetSize,
    /// [servers * ps].
    ready_sum: u128,
    /// [servers * ps].
    provisioned_sum: u128,
    watched_picos: u128,
    wanted: u64,
    looks: u64,
    faults: u64,
    unrecovered: u64,
    /// The longest time that it took to recover.
    longest: Span,
    starts: u64,
    /// [servers * ps].
    provisioned_by_hour: [u128; HOURS_OF_DAY],
    pub(in crate::metrics) events: Vec<FleetEvent>,
    pub(in crate::metrics) events_left_out: u64,
}

/// Watches how many requests are outstanding, and what becomes of servers; of a fleet.
pub(in crate::metrics) struct RecoveryMeter {
    fleet: Option<Box<WatchedFleet>>,
}

/// Hours are told apart by the day.
const HOURS_OF_DAY: usize = 24;
const PICOS_PER_HOUR: u64 = 3_600 * PICOS_PER_SECOND;
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
    recovered: Vec<RecoveredFault>,
    events: Vec<FleetEvent>,
    events_left_out: u64,
    starts: u64,
    /// [servers * ps].
    provisioned_by_hour: [u128; HOURS_OF_DAY],
    /// Servers that were loaded to stand by.
    standing_by: Vec<ServerId>,
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

/// A failure from which the fleet has recovered.
struct RecoveredFault {
    failed: Time,
    /// Its place among the events, or beyond them.
    event: usize,
    recovered: Time,
}

impl OpenFault {
    fn recovered(&self, at: Time) -> RecoveredFault {
        RecoveredFault {
            failed: self.at,
            event: self.event,
            recovered: at,
        }
    }
}

impl RecoveryMeter {
    /// A meter for a fleet that starts with so many servers.
    pub(in crate::metrics) fn of_fleet(size: FleetSize) -> Self {
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
            recovered: Vec::new(),
            events: Vec::new(),
            events_left_out: 0,
            starts: 0,
            provisioned_by_hour: [0; HOURS_OF_DAY],
            standing_by: Vec::new(),
        };
        Self {
            fleet: Some(Box::new(fleet)),
        }
    }

    /// Something has become of a server; there are so many now.
    pub(in crate::metrics) fn server_changed(
        &mut self,
        at: Time,
        server: ServerId,
        change: ServerChange,
        size: FleetSize,
    ) {
        if let Some(fleet) = &mut self.fleet {
            fleet.resize(at, size);
            fleet.change(at, server, change);
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

    fn finish(self, _run: &WholeRun) -> RecoveryTotal {
        self.fleet.map(|fleet| fleet.finish()).unwrap_or_default()
    }
}

impl WatchedFleet {
    fn hear(&mut self, at: Time, event: &Event) {
        if matches!(event, Event::Arrived { .. }) {
            self.started.get_or_insert_with(|| {
                self.since = at;
                at
            });
            self.go_on_to(at);
            self.outstanding += 1;
            self.last_arrival = at;
        } else if event.ends_request() {
            self.go_on_to(at);
            self.outstanding -= 1;
            self.note_recovered(at);
        }
    }

    fn go_on_to(&mut self, at: Time) {
        let picos = u128::from(at.since(self.since).picos());
        self.sum += picos * u128::from(self.outstanding);
        self.ready_sum += picos * u128::from(self.size.ready);
        self.provisioned_sum += picos * u128::from(self.size.provisioned);
        self.share_out_over_hours(at);
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

    /// Adds the servers that were there until then to the hours of the day in which they were.
    fn share_out_over_hours(&mut self, at: Time) {
        let (mut from, to) = (self.since.picos(), at.picos());
        while from < to {
            let hour = from / PICOS_PER_HOUR;
            let end = to.min((hour + 1) * PICOS_PER_HOUR);
            let of_day = (hour % HOURS_OF_DAY as u64) as usize;
            self.provisioned_by_hour[of_day] += u128::from(end - from) * u128::from(self.size.provisioned);
            from = end;
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

    fn resize(&mut self, at: Time, size: FleetSize) {
        if self.started.is_some() {
            self.go_on_to(at);
        }
        self.size = size;
        self.least = self.least.min(size);
        self.most = self.most.max(size);
    }

    fn change(&mut self, at: Time, server: ServerId, change: ServerChange) {
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
            ServerChange::Warming => {
                self.standing_by.push(server);
                self.starts += 1;
            }
            // What stands by has been loaded before.
            ServerChange::Starting if self.standing_by.contains(&server) => {
                self.standing_by.retain(|other| *other != server);
            }
            ServerChange::Starting | ServerChange::Back => self.starts += 1,
            _ => {}
        }
        match change {
            ServerChange::Crashed
            | ServerChange::Reclaimed
            | ServerChange::CutOff
            | ServerChange::Slowed
            | ServerChange::OutOfMemory => {
                self.open.push(OpenFault {
                    at,
                    server,
                    kind: change,
                    event,
                    normal: self.normal(),
                    is_over: false,
                    // The router does not find out twice.
                    is_known: matches!(change, ServerChange::Reclaimed | ServerChange::OutOfMemory)
                        || self.is_known(server),
                    well_without: None,
                });
            }
            ServerChange::Gone
            | ServerChange::Warming
            | ServerChange::Warm
            | ServerChange::Starting
            | ServerChange::Started
            | ServerChange::Draining => {}
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
            ServerChange::BreakerClosed => self.is_over(server, &[ServerChange::OutOfMemory]),
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
                recovered.push(fault.recovered(at));
            } else if fault.is_known {
                fault.well_without.get_or_insert(at);
            }
            !fault.is_over
        });
    }

    fn finish(mut self) -> RecoveryTotal {
        let faults = (self.open.len() + self.recovered.len()) as u64;
        let last_arrival = self.last_arrival;
        // Of a failure after the last request nobody can tell.
        let can_be_told = |failed: Time| failed < last_arrival;
        let mut unrecovered = 0;
        for fault in &self.open {
            match fault.well_without.filter(|_| !fault.is_over) {
                Some(at) => self.recovered.push(fault.recovered(at)),
                None => unrecovered += u64::from(can_be_told(fault.at)),
            }
        }
        // When nobody sends anything more, every queue comes to an end.
        self.recovered.retain(|fault| {
            let in_time = fault.recovered <= last_arrival;
            unrecovered += u64::from(!in_time && can_be_told(fault.failed));
            in_time
        });
        for fault in &self.recovered {
            if let Some(event) = self.events.get_mut(fault.event) {
                event.recovered_after = Some(fault.recovered - fault.failed);
            }
        }
        let times = self.recovered.iter().map(|fault| fault.recovered - fault.failed);
        RecoveryTotal {
            least: self.least,
            most: self.most,
            ready_sum: self.ready_sum,
            provisioned_sum: self.provisioned_sum,
            watched_picos: self.since.since(self.started.unwrap_or_default()).picos().into(),
            wanted: self.wanted,
            looks: self.looks,
            faults,
            unrecovered,
            longest: times.max().unwrap_or_default(),
            starts: self.starts,
            provisioned_by_hour: self.provisioned_by_hour,
            events: self.events,
            events_left_out: self.events_left_out,
        }
    }
}

impl Total for RecoveryTotal {
    type Section = Recovery;

    fn pool(&mut self, other: &Self) {
        self.least = self.least.min(other.least);
        self.most = self.most.max(other.most);
        self.ready_sum += other.ready_sum;
        self.provisioned_sum += other.provisioned_sum;
        self.watched_picos += other.watched_picos;
        self.wanted += other.wanted;
        self.looks += other.looks;
        self.faults += other.faults;
        self.unrecovered += other.unrecovered;
        self.longest = self.longest.max(other.longest);
        self.starts += other.starts;
        for (mine, theirs) in self.provisioned_by_hour.iter_mut().zip(other.provisioned_by_hour) {
            *mine += theirs;
        }
        // Events are those of the first run.
    }

    fn section(&self, _durations: &Durations) -> Recovery {
        let has_recovered = self.faults > 0 && self.unrecovered == 0;
        let mean = |sum: u128| (self.watched_picos > 0).then(|| sum as f64 / self.watched_picos as f64);
        Recovery {
            ready_mean: mean(self.ready_sum),
            ready_min: self.least.ready,
            ready_max: self.most.ready,
            provisioned_mean: mean(self.provisioned_sum),
            provisioned_min: self.least.provisioned,
            provisioned_max: self.most.provisioned,
            wanted_mean: (self.looks > 0).then(|| self.wanted as f64 / self.looks as f64),
            faults: self.faults,
            unrecovered: self.unrecovered,
            time_to_recover_s: has_recovered.then(|| self.longest.seconds()),
            starts: self.starts,
            provisioned_by_hour: self
                .provisioned_by_hour
                .map(|picos| picos as f64 / PICOS_PER_SECOND as f64),
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

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = PICOS_PER_SECOND;

    #[test]
    fn a_failure_after_the_last_request_hides_no_other() {
        let mut meter = RecoveryMeter::of_fleet(FleetSize::all_ready(2));
        let at = |second: u64| Time::from_picos(second * SECOND);
        let arrived = Event::Arrived { input_tokens: 1 };
        let ended = Event::Aborted { waiting: true };
        let fleet = meter.fleet.as_mut().unwrap();
        fleet.hear(at(0), &arrived);
        fleet.hear(at(1), &ended);
        // One server fails, and more requests are outstanding to the end than before.
        let size = |ready| FleetSize { ready, provisioned: 2 };
        meter.server_changed(at(10), ServerId(0), ServerChange::Crashed, size(2));
        let fleet = meter.fleet.as_mut().unwrap();
        fleet.hear(at(11), &arrived);
        fleet.hear(at(11), &arrived);
        meter.server_changed(at(12), ServerId(0), ServerChange::FoundMissing, size(1));
        meter.fleet.as_mut().unwrap().hear(at(13), &arrived);
        // The other one fails when nobody sends anything more, and all requests end.
        meter.server_changed(at(14), ServerId(1), ServerChange::Crashed, size(1));
        meter.server_changed(at(15), ServerId(1), ServerChange::FoundMissing, size(0));
        let mut fleet = meter.fleet.unwrap();
        for _ in 0..3 {
            fleet.hear(at(16), &ended);
        }
        let total = fleet.finish();
        assert_eq!((total.faults, total.unrecovered), (2, 1));
        assert!(total.events.iter().all(|event| event.recovered_after.is_none()));
    }
}
