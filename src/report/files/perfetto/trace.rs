//! A run as a trace: passes what is heard on to those who write steps, counters and requests.

use std::cell::Cell;
use std::io::{self, Write};
use std::rc::Rc;

use super::counters::Counters;
use super::events::Events;
use super::requests::RequestTracks;
use super::steps;
use super::tracks::{SERVER, STEPS};
use crate::engine::{Event, Observer, ServerSettings, StepRun};
use crate::units::Time;
use crate::workload::{Request, RequestId};

/// Requests of a trace if nobody says how many: the first ones of a run. Each is some 1.6 kB of JSON.
pub const USUALLY_TRACED_REQUESTS: u64 = 100_000;

/// The most events of a trace: some 600 MB of JSON, more than viewers in a browser hold.
pub const MOST_TRACE_EVENTS: u64 = 5_000_000;

/// An observer that writes a trace while the run goes on. All times are the engine's; clients may see tokens a little
/// later.
pub struct PerfettoTrace<Output: Write> {
    events: Events<Output>,
    counters: Counters,
    requests: RequestTracks,
    /// Requests that have arrived, or were rejected.
    arrived: u64,
    most_requests: u64,
    /// Requests that are not shown.
    left_out: Rc<Cell<u64>>,
    /// Whether all that is shown has ended, and a request is not shown.
    is_over: bool,
}

impl<Output: Write> PerfettoTrace<Output> {
    /// Starts the trace of a run of `server`, which stops at `most_events`. Errors are kept and returned at the end,
    /// because an observer cannot fail.
    pub fn new(server: &ServerSettings, most_events: u64, output: Output) -> Self {
        let mut events = Events::new(most_events, output);
        events.name_process(SERVER, "server");
        events.name_thread(STEPS, "GPU steps");
        Self {
            counters: Counters::new(server),
            requests: RequestTracks::new(server, &mut events),
            events,
            arrived: 0,
            most_requests: u64::MAX,
            left_out: Rc::default(),
            is_over: false,
        }
    }

    /// The trace of no more than so many requests, the first ones: steps and counters are written until the last of
    /// them has left.
    #[must_use]
    pub fn of_first(self, most_requests: u64) -> Self {
        Self { most_requests, ..self }
    }

    /// How many requests are not shown so far.
    pub fn left_out(&self) -> Rc<Cell<u64>> {
        Rc::clone(&self.left_out)
    }

    /// Whether there would be too many events, now or later.
    pub fn too_long(&self) -> Rc<Cell<bool>> {
        self.events.too_many()
    }

    /// Ends the trace at `end`, with the requests that are in the server then, and gives the output back; or else the
    /// first error of all.
    pub fn finish(mut self, end: Time) -> io::Result<Output> {
        if !self.is_over {
            self.requests.finish(end, &mut self.events);
            self.counters.finish(&mut self.events);
        }
        let (arrived, left_out) = (self.arrived, self.left_out.get());
        let note = (left_out > 0).then(|| format!("the first {} of {arrived} requests", arrived - left_out));
        self.events.finish(note.as_deref())
    }

    /// Whether what happens to a request is shown: to the first ones, and to no other.
    fn shows(&mut self, id: RequestId, event: &Event) -> bool {
        if !matches!(event, Event::Arrived { .. } | Event::Rejected) {
            return self.requests.has(id);
        }
        self.arrived += 1;
        let is_shown = self.arrived <= self.most_requests;
        if !is_shown {
            self.left_out.set(self.left_out.get() + 1);
        }
        is_shown
    }
}

impl<Output: Write> Observer for PerfettoTrace<Output> {
    fn sent(&mut self, request: &Request) {
        self.requests.sent(request);
    }

    fn on(&mut self, at: Time, id: RequestId, event: &Event) {
        let is_shown = self.shows(id, event);
        if self.is_over {
            return;
        }
        self.counters.hear(at, event, &mut self.events);
        if is_shown {
            self.requests.hear(at, id, event, &mut self.events);
        }
        if self.left_out.get() > 0 && self.requests.is_empty() {
            self.is_over = true;
            steps::write_end(at, &mut self.events);
        }
    }

    fn ran(&mut self, run: &StepRun<'_>) {
        if !self.is_over {
            steps::write(run, &mut self.events);
            self.counters.ran(run, &mut self.events);
        }
    }
}
