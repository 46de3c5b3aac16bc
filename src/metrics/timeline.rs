//! The state of a server at regular instants.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;

use super::population::Counts;
use crate::engine::{Event, Observer, ServerSettings, StepRun};
use crate::units::{Span, Time};
use crate::workload::RequestId;

/// The state at one instant, after everything that happened at it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct TimelineRow {
    pub at: Time,
    pub waiting: u32,
    pub running: u32,
    /// Used blocks as a fraction of those that can hold tokens: those of the step under way, or 0 if none is.
    pub kv_usage: f64,
    /// The most that waited at any time since the row before: what comes and goes between two rows shows here alone.
    pub waiting_max: u32,
    /// The most that ran at any time since the row before.
    pub running_max: u32,
}

/// The most rows of a timeline: more than one a second over the longest run.
const MOST_ROWS: u64 = 20_000_000;

/// An observer that hands a row to its sink for every multiple of an interval from the start of the run on.
///
/// The counts of an instant are known once something later is heard of; the blocks only once the run of steps around
/// the instant has ended. Until then rows wait. A timeline that grows too long stops and says so.
pub struct Timeline<Sink: Extend<TimelineRow>> {
    interval: Span,
    usable_blocks: f64,
    sink: Sink,
    next: Time,
    counts: Counts,
    /// When the counts became what they are.
    since: Time,
    /// The greatest of each since the latest instant of a row.
    most: Counts,
    /// Instants whose counts are known but not yet their blocks, with the greatest counts since the instant before.
    pending: VecDeque<(Time, Counts, Counts)>,
    last_usage: f64,
    rows: u64,
    too_long: Rc<Cell<bool>>,
}

impl<Sink: Extend<TimelineRow>> Timeline<Sink> {
    /// A timeline of `server` with a row every `interval`, which must be longer than nothing.
    pub fn new(server: &ServerSettings, interval: Span, sink: Sink) -> Self {
        assert!(interval > Span::ZERO, "a timeline needs an interval");
        Self {
            interval,
            usable_blocks: f64::from(server.kv_blocks - 1),
            sink,
            next: Time::ZERO,
            counts: Counts::default(),
            since: Time::ZERO,
            most: Counts::default(),
            pending: VecDeque::new(),
            last_usage: 0.0,
            rows: 0,
            too_long: Rc::default(),
        }
    }

    /// Whether there would be too many rows, now or later.
    pub fn too_long(&self) -> Rc<Cell<bool>> {
        Rc::clone(&self.too_long)
    }

    /// Hands over the rows up to and including `end`, and gives the sink back. A step in flight then has not been heard
    /// of: the usage of the step before is given in its place.
    pub fn finish(mut self, end: Time) -> Sink {
        while self.next <= end {
            self.note_counts();
        }
        let last_usage = self.last_usage;
        while let Some((at, counts, most)) = self.pending.pop_front() {
            let kv_usage = if counts.running > 0 { last_usage } else { 0.0 };
            self.hand_over(at, counts, most, kv_usage);
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
        self.pending.push_back((self.next, self.counts, self.most));
        self.most = self.counts;
        self.next += self.interval;
    }

    fn hand_over(&mut self, at: Time, counts: Counts, most: Counts, kv_usage: f64) {
        self.sink.extend([TimelineRow {
            at,
            waiting: counts.waiting,
            running: counts.running,
            kv_usage,
            waiting_max: most.waiting,
            running_max: most.running,
        }]);
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
    }

    fn ran(&mut self, run: &StepRun<'_>) {
        let end = run.end();
        self.pass(end);
        while let Some(&(at, counts, most)) = self.pending.front() {
            if at >= end {
                break;
            }
            self.pending.pop_front();
            let used = if at < run.start {
                0
            } else {
                let step = run.ramp.within(at.since(run.start), run.steps).0;
                run.kv.used_at(step.min(run.steps - 1))
            };
            self.hand_over(at, counts, most, used as f64 / self.usable_blocks);
        }
        self.last_usage = run.kv.used_at(run.steps - 1) as f64 / self.usable_blocks;
    }
}
