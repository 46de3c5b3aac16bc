//! How many requests wait and run, over time.

use super::windows::Window;
use crate::engine::{Event, Finished, StepRun};
use crate::stats::TimeWeighted;
use crate::units::Time;

/// Requests in a server at one instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Counts {
    pub waiting: u32,
    pub running: u32,
}

impl Counts {
    /// What they are after something has happened to a request.
    pub fn hear(&mut self, event: &Event) {
        match event {
            Event::Arrived { .. } | Event::SentAgain { .. } => self.arrive(),
            Event::Admitted { .. } => self.admit(),
            Event::Preempted => self.preempt(),
            Event::Finished(request) => self.finish(request),
            Event::Aborted { waiting } | Event::Lost { waiting, .. } => self.leave(*waiting),
            Event::Rejected | Event::FirstToken | Event::Token { .. } => {}
        }
    }

    /// The greater of each.
    pub(super) fn max(self, other: Self) -> Self {
        Self {
            waiting: self.waiting.max(other.waiting),
            running: self.running.max(other.running),
        }
    }

    pub(super) fn arrive(&mut self) {
        self.waiting += 1;
    }

    pub(super) fn admit(&mut self) {
        self.waiting -= 1;
        self.running += 1;
    }

    pub(super) fn preempt(&mut self) {
        self.running -= 1;
        self.waiting += 1;
    }

    pub(super) fn finish(&mut self, request: &Finished) {
        self.leave(request.was_waiting);
    }

    /// One leaves that `waits`, or else runs.
    pub(super) fn leave(&mut self, waits: bool) {
        if waits {
            self.waiting -= 1;
        } else {
            self.running -= 1;
        }
    }
}

/// The counts over time.
#[derive(Debug, Default)]
pub(super) struct Population {
    waiting: Level,
    running: Level,
    /// When something was last heard of; `None` before anything was.
    last_change: Option<Time>,
}

/// The counts of one server, as they were when its steps started.
#[derive(Clone, Debug, Default)]
pub(super) struct CountsAtSteps {
    now: Counts,
    /// What they were when a run of steps was last heard of, which is when its last step ends.
    at_last_run: Counts,
    /// What they were after each instant with changes since then.
    since_last_run: Vec<(Time, Counts)>,
    last_step_end: Time,
}

impl CountsAtSteps {
    /// The counts as they are now.
    pub(super) const fn now(&self) -> Counts {
        self.now
    }

    /// When the latest step ended that was heard of.
    pub(super) const fn last_step_end(&self) -> Time {
        self.last_step_end
    }

    /// Something has happened to a request at an instant that is not before any earlier one.
    #[inline]
    pub(super) fn hear(&mut self, at: Time, event: &Event) {
        let before = self.now;
        self.now.hear(event);
        if self.now == before {
            return;
        }
        match self.since_last_run.last_mut() {
            Some((since, latest)) if *since == at => *latest = self.now,
            _ => self.since_last_run.push((at, self.now)),
        }
    }

    /// The counts once everything had happened at the start of a run of steps that is heard of now.
    #[inline]
    pub(super) fn ran(&mut self, run: &StepRun<'_>) -> Counts {
        assert!(run.start >= self.last_step_end, "a server runs one step at a time");
        self.last_step_end = run.end();
        let mut counts = self.at_last_run;
        for &(at, later) in &self.since_last_run {
            if at > run.start {
                break;
            }
            counts = later;
        }
        self.since_last_run.clear();
        self.at_last_run = self.now;
        counts
    }
}

/// One of the counts over time.
#[derive(Debug, Default)]
struct Level {
    count: u32,
    since: Time,
    /// In the segments of the run before the one that lasts.
    before: Vec<TimeWeighted>,
    held: TimeWeighted,
}

impl Level {
    #[inline]
    fn set(&mut self, at: Time, count: u32) {
        if count != self.count {
            self.hold_until(at);
            self.count = count;
        }
    }

    fn hold_until(&mut self, at: Time) {
        self.held.hold(self.count.into(), at.since(self.since).picos());
        self.since = at;
    }

    fn start_segment(&mut self, at: Time) {
        self.hold_until(at);
        self.before.push(std::mem::take(&mut self.held));
    }

    /// What was held in the segments that count, up to `end`.
    fn finish(mut self, end: Time, window: &Window, drains: bool) -> TimeWeighted {
        self.start_segment(end);
        if drains {
            self.before.pop();
        }
        window.pool(self.before, |all, segment| all.merge(&segment))
    }
}

impl Population {
    /// The counts as they are now.
    pub(super) const fn now(&self) -> Counts {
        Counts {
            waiting: self.waiting.count,
            running: self.running.count,
        }
    }

    /// The latest instant heard of; the start of the run if there is none.
    pub(super) fn last_change(&self) -> Time {
        self.last_change.unwrap_or_default()
    }

    /// Changes the counts at an instant that is not before any earlier one.
    #[inline]
    pub(super) fn change(&mut self, at: Time, change: impl FnOnce(&mut Counts)) {
        self.move_to(at);
        let mut counts = self.now();
        change(&mut counts);
        self.waiting.set(at, counts.waiting);
        self.running.set(at, counts.running);
    }

    /// Lets time pass up to `at`.
    pub(super) fn move_to(&mut self, at: Time) {
        if self.last_change.is_none() {
            self.waiting.since = at;
            self.running.since = at;
        }
        self.last_change = Some(at);
    }

    /// Starts another segment of the run at an instant that is not before anything heard of.
    pub(super) fn start_segment(&mut self, at: Time) {
        // Before the first arrival there is nothing to hold.
        if self.last_change.is_none() {
            self.move_to(at);
        }
        self.waiting.start_segment(at);
        self.running.start_segment(at);
    }

    /// The waiting and the running requests over the segments that count, up to `end`; the last segment is the drain if
    /// the run `drains`.
    pub(super) fn finish(self, end: Time, window: &Window, drains: bool) -> [TimeWeighted; 2] {
        if self.last_change.is_none() {
            return Default::default();
        }
        [self.waiting, self.running].map(|level| level.finish(end, window, drains))
    }
}
