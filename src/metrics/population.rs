//! How many requests wait and run, over time.

use crate::engine::Finished;
use crate::stats::TimeWeighted;
use crate::units::Time;

/// Requests in a server at one instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) waiting: u32,
    pub(super) running: u32,
}

impl Counts {
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

/// The counts over time. It remembers their history since the last run of steps, because a run is heard of only when it ends.
#[derive(Debug, Default)]
pub(super) struct Population {
    /// Counts and since when they hold, one entry an instant; the last one holds still.
    since_last_run: Vec<(Time, Counts)>,
    pub(super) depth: TimeWeighted,
    pub(super) running: TimeWeighted,
}

impl Population {
    /// The counts as they are now.
    pub(super) fn now(&self) -> Counts {
        self.since_last_run
            .last()
            .map_or_else(Counts::default, |&(_, counts)| counts)
    }

    /// The latest instant heard of; the start of the run if there is none.
    pub(super) fn last_change(&self) -> Time {
        self.since_last_run
            .last()
            .map_or(Time::ZERO, |&(since, _)| since)
    }

    /// Changes the counts at an instant that is not before any earlier one.
    pub(super) fn change(&mut self, at: Time, change: impl FnOnce(&mut Counts)) {
        self.move_to(at);
        if let Some((_, counts)) = self.since_last_run.last_mut() {
            change(counts);
        }
    }

    /// The counts once everything at `start` had happened; forgets what happened before the last change.
    pub(super) fn at_start_of_run(&mut self, start: Time) -> Counts {
        let found = self
            .since_last_run
            .iter()
            .rev()
            .find(|(since, _)| *since <= start);
        let counts = found.map_or_else(Counts::default, |&(_, counts)| counts);
        let last = self.since_last_run.pop();
        self.since_last_run.clear();
        self.since_last_run.extend(last);
        counts
    }

    /// Lets time pass up to `at`.
    pub(super) fn move_to(&mut self, at: Time) {
        match self.since_last_run.last() {
            None => self.since_last_run.push((at, Counts::default())),
            Some(&(since, counts)) if at != since => {
                let picos = at.since(since).picos();
                self.depth.hold(counts.waiting.into(), picos);
                self.running.hold(counts.running.into(), picos);
                self.since_last_run.push((at, counts));
            }
            Some(_) => {}
        }
    }
}
