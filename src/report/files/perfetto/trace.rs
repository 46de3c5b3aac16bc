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

/// The most events of a trace: some 600 MB of JSON, more than viewers in a browser hold.
pub const MOST_TRACE_EVENTS: u64 = 5_000_000;

/// An observer that writes a trace while the run goes on. All times are the engine's; clients may see tokens a little
/// later.
pub struct PerfettoTrace<Output: Write> {
    events: Events<Output>,
    counters: Counters,
    requests: RequestTracks,
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
        }
    }

    /// Whether there would be too many events, now or later.
    pub fn too_long(&self) -> Rc<Cell<bool>> {
        self.events.too_many()
    }

    /// Ends the trace at `end`, with the requests that are in the server then, and gives the output back; or else the
    /// first error of all.
    pub fn finish(mut self, end: Time) -> io::Result<Output> {
        self.requests.finish(end, &mut self.events);
        self.counters.finish(&mut self.events);
        self.events.finish()
    }
}

impl<Output: Write> Observer for PerfettoTrace<Output> {
    fn sent(&mut self, request: &Request) {
        self.requests.sent(request);
    }

    fn on(&mut self, at: Time, id: RequestId, event: &Event) {
        self.counters.hear(at, event, &mut self.events);
        self.requests.hear(at, id, event, &mut self.events);
    }

    fn ran(&mut self, run: &StepRun<'_>) {
        steps::write(run, &mut self.events);
        self.counters.ran(run, &mut self.events);
    }
}
