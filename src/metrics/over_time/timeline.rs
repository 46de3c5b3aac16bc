//! The state of a server, or of a fleet, at regular instants.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;

use super::answered::{AnswerTimes, AnsweredSince};
use crate::engine::{Event, FleetSize, Observer, ServerChange, ServerId, ServerSettings, StepRun};
use crate::metrics::population::Counts;
use crate::units::{Span, Time};
use crate::workload::RequestId;

/// The state at one instant, after everything that happened at it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct TimelineRow {
    pub at: Time,
    pub waiting: u32,
    pub running: u32,
    /// Used blocks as a fraction of those that can hold tokens, on all servers: those of the steps under way.
    pub kv_usage: f64,
    /// The most that were used since the row before: of several servers, the mean of the most of each.
    pub kv_usage_max: f64,
    /// The most that waited at any time since the row before: what comes and goes between two rows shows here alone.
    pub waiting_max: u32,
    /// The most that ran at any time since the row before.
    pub running_max: u32,
    /// Requests that have not ended, those included that their clients will send again.
    pub outstanding: u32,
    /// Servers that take requests.
    pub ready: u32,
    /// Servers that are there.
    pub provisioned: u32,
    /// Servers that an autoscaler wanted when it last looked.
    pub wanted: Option<u32>,
    /// How long the requests took, from when they were first sent, that were answered since the row before; `None` if
    /// none were.
    pub answered: Option<AnswerTimes>,
}

/// The most rows of a timeline: more than one a second over the longest run.
const MOST_ROWS: u64 = 20_000_000;

/// An observer that hands a row to its sink for every multiple of an interval from the start of the run on.
///
/// The counts of an instant are known once something later is heard of; the blocks only once the run of steps around
/// the instant has ended. Until then rows wait. A timeline that grows too long stops and says so.
pub struct Timeline<Sink: Extend<TimelineRow>> {
    interval: Span,
    /// On each server; [`WHOLE`] if servers are unlike.
    usable_blocks: f64,
    sink: Sink,
    /// How far the blocks of each server are known.
    servers: Vec<KnownOfServer>,
    /// Blocks in use on the servers of which they are known, at the instants from the first pending one on.
    used: VecDeque<UsedBlocksAt>,
    /// Instants that were handed over.
    handed_over: u64,
    next: Time,
    counts: Counts,
    /// When the counts became what they are.
    since: Time,
    /// The greatest of each since the latest instant of a row.
    most: Counts,
    outstanding: u32,
    size: FleetSize,
    wanted: Option<u32>,
    answered: AnsweredSince,
    /// Instants of which all is known but their blocks.
    pending: VecDeque<TimelineRow>,
    rows: u64,
    too_long: Rc<Cell<bool>>,
}

/// Blocks in use at an instant, and the most since the instant before.
#[derive(Clone, Copy, Debug, Default)]
struct UsedBlocksAt {
    now: u64,
    most: u64,
}

/// How far the blocks of a server are known.
#[derive(Clone, Copy, Debug, Default)]
struct KnownOfServer {
    /// The number of the next instant.
    next: u64,
    /// In use when its latest step was heard of.
    latest: u64,
    /// The most in use since the instant before that one.
    most: u64,
    /// How many it has, where servers are unlike: what is in use counts in parts of [`WHOLE`] of them then.
    usable_blocks: Option<u32>,
}

/// All blocks of a server, where servers have unlike numbers of them.
const WHOLE: u64 = 1 << 40;

impl KnownOfServer {
    /// So many blocks of it, as they are counted.
    fn counted(&self, blocks: u64) -> u64 {
        match self.usable_blocks {
            None => blocks,
            Some(usable) => (u128::from(blocks) * u128::from(WHOLE) / u128::from(usable.max(1))) as u64,
        }
    }
}

impl<Sink: Extend<TimelineRow>> Timeline<Sink> {
    /// A timeline of so many servers, each such as `server`, with a row every `interval`, which must be longer than
    /// nothing.
    pub fn new(server: &ServerSettings, servers: u32, interval: Span, sink: Sink) -> Self {
        assert!(interval > Span::ZERO, "a timeline needs an interval");
        Self {
            interval,
            usable_blocks: f64::from(server.kv_blocks - 1),
            sink,
            servers: vec![KnownOfServer::default(); servers as usize],
            used: VecDeque::new(),
            handed_over: 0,
            next: Time::ZERO,
            counts: Counts::default(),
            since: Time::ZERO,
            most: Counts::default(),
            outstanding: 0,
            size: FleetSize::all_ready(servers),
            wanted: None,
            answered: AnsweredSince::default(),
            pending: VecDeque::new(),
            rows: 0,
            too_long: Rc::default(),
        }
    }

    /// The timeline, of a fleet of which only so many servers are there at the start.
    #[must_use]
    pub const fn starting_with(mut self, size: FleetSize) -> Self {
        self.size = size;
        self
    }

    /// The timeline, of servers that have so many blocks each in the order of their numbers, the null block included:
    /// what is in use is then the mean of the part of each server's own.
    #[must_use]
    pub fn of_unlike(mut self, kv_blocks: impl Iterator<Item = u32>) -> Self {
        self.usable_blocks = WHOLE as f64;
        for (server, blocks) in self.servers.iter_mut().zip(kv_blocks) {
            server.usable_blocks = Some(blocks - 1);
        }
        self
    }

    /// Whether there would be too many rows, now or later.
    pub fn too_long(&self) -> Rc<Cell<bool>> {
        Rc::clone(&self.too_long)
    }

    /// Hands over the rows up to and including `end`, and gives the sink back. Of a single server a step in flight then
    /// has not been heard of: the usage of the step before is given in its place.
    pub fn finish(mut self, end: Time) -> Sink {
        while self.next <= end {
            self.note_counts();
        }
        let latest = match self.servers[..] {
            [alone] => alone.latest,
            _ => 0,
        };
        let known = self.servers[0].next;
        while let Some(row) = self.pending.pop_front() {
            let unknown = if self.handed_over >= known && row.running > 0 {
                latest
            } else {
                0
            };
            let used = self.used.pop_front().unwrap_or_default();
            self.hand_over(row, used.now + unknown, used.most + unknown);
        }
        self.sink
    }

    /// Everything before `now` has been heard of, apart from steps under way.
    fn pass(&mut self, now: Time) {
        while self.next < now {
            self.note_counts();
        }
    }

    fn note_counts(&mut self) {
        if self.rows == MOST_ROWS {
            self.too_long.set(true);
            self.pending.clear();
            self.next = Time::from_picos(u64::MAX);
            return;
        }
        self.rows += 1;
        self.most = self.most.max(self.counts);
        self.pending.push_back(TimelineRow {
            at: self.next,
            waiting: self.counts.waiting,
            running: self.counts.running,
            kv_usage: 0.0,
            kv_usage_max: 0.0,
            waiting_max: self.most.waiting,
            running_max: self.most.running,
            outstanding: self.outstanding,
            ready: self.size.ready,
            provisioned: self.size.provisioned,
            wanted: self.wanted,
            answered: std::mem::take(&mut self.answered).times(),
        });
        self.most = self.counts;
        self.next += self.interval;
    }

    /// Hands over a row, with the blocks in use then, and the most since the row before.
    fn hand_over(&mut self, row: TimelineRow, used: u64, most: u64) {
        self.handed_over += 1;
        let all = self.usable_blocks * f64::from(row.provisioned.max(1));
        self.sink.extend([TimelineRow {
            kv_usage: used as f64 / all,
            kv_usage_max: most as f64 / all,
            ..row
        }]);
    }

    /// Notes the blocks in use on a server at the instants before the end of a run of its steps.
    fn note_blocks(&mut self, server: ServerId, run: &StepRun<'_>) {
        let known = &mut self.servers[server.place()];
        let end = run.end();
        loop {
            let at = Time::from_picos(known.next.saturating_mul(self.interval.picos()));
            if at >= end || known.next >= MOST_ROWS {
                break;
            }
            let used = if at < run.start {
                0
            } else {
                let step = run.ramp.within(at.since(run.start), run.steps).0;
                known.counted(run.kv.used_at(step.min(run.steps - 1)))
            };
            let place = (known.next - self.handed_over) as usize;
            if place >= self.used.len() {
                self.used.resize(place + 1, UsedBlocksAt::default());
            }
            self.used[place].now += used;
            self.used[place].most += known.most.max(used);
            known.most = used;
            known.next += 1;
        }
        known.latest = known.counted(run.kv.used_at(run.steps - 1));
        // Steps that nothing interrupts take more and more, unless windows move on.
        let most = if run.kv.may_fall() {
            known.counted(run.kv.over(run.ramp.first, run.ramp.growth, run.steps).most)
        } else {
            known.latest
        };
        known.most = known.most.max(most);
    }

    /// Hands over the rows of which all is known.
    fn hand_over_known(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let known = self.servers.iter().map(|server| server.next).min().unwrap_or(0);
        while self.handed_over < known
            && let Some(row) = self.pending.pop_front()
        {
            let used = self.used.pop_front().expect("it is known");
            self.hand_over(row, used.now, used.most);
        }
    }
}

impl<Sink: Extend<TimelineRow>> Observer for Timeline<Sink> {
    fn on(&mut self, at: Time, _id: RequestId, event: &Event) {
        self.pass(at);
        if at > self.since {
            // What was so for no time at all does not count.
            self.most = self.most.max(self.counts);
            self.since = at;
        }
        self.counts.hear(event);
        self.outstanding += u32::from(matches!(event, Event::Arrived { .. }));
        self.outstanding -= u32::from(event.ends_request());
        if let Event::Finished(history) = event {
            self.answered.add(history);
        }
        if self.servers.len() > 1 {
            self.hand_over_known();
        }
    }

    fn ran(&mut self, run: &StepRun<'_>) {
        self.pass(run.end());
        self.note_blocks(ServerId(0), run);
        self.hand_over_known();
    }

    fn ran_on(&mut self, server: ServerId, run: &StepRun<'_>) {
        self.note_blocks(server, run);
    }

    fn scaled(&mut self, at: Time, wanted: u32) {
        self.pass(at);
        self.wanted = Some(wanted);
    }

    fn server_changed(&mut self, at: Time, _server: ServerId, _change: ServerChange, size: FleetSize) {
        self.pass(at);
        self.size = size;
    }
}
