//! What a run may not outgrow, or it would take all memory or disk: requests in the server at once, requests that are kept, and rows of
//! the timeline.

use std::cell::Cell;
use std::rc::Rc;

use crate::engine::{Event, Observer, StepRun};
use crate::units::Time;
use crate::workload::trace::TraceError;
use crate::workload::{Request, RequestId};

/// Each takes about 160 bytes in the server, and 96 in the list of `--requests-out`.
pub const MOST_REQUESTS: u64 = 25_000_000;

/// How much there is so far. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Bounds {
    in_server: Rc<Cell<u64>>,
    /// Requests that a list keeps, if there is one.
    listed: Option<Rc<Cell<u64>>>,
    timeline_too_long: Rc<Cell<bool>>,
}

impl Bounds {
    /// Counts the requests of a list too.
    pub fn with_list(mut self) -> Self {
        self.listed = Some(Rc::default());
        self
    }

    /// Heeds a timeline too.
    pub fn with_timeline(mut self, too_long: Rc<Cell<bool>>) -> Self {
        self.timeline_too_long = too_long;
        self
    }

    /// Another request is sent.
    pub fn take(&self) {
        if let Some(listed) = &self.listed {
            listed.set(listed.get() + 1);
        }
    }

    /// An error once anything has grown too large.
    pub fn check(&self) -> Result<(), TraceError> {
        if self.in_server.get() > MOST_REQUESTS {
            return Err(TraceError::of_run(
                "more than 25 million requests wait at once, and memory would run out, as the server cannot keep up; \
                 write a lower rate, fewer requests or a shorter duration",
            ));
        }
        let listed = self.listed.as_ref().map_or(0, |listed| listed.get());
        if listed > MOST_REQUESTS {
            return Err(TraceError::of_run(
                "--requests-out: more than 25 million requests, which are kept in memory to the end; \
                 ask for fewer requests, or leave --requests-out out",
            ));
        }
        if self.timeline_too_long.get() {
            return Err(TraceError::of_run(
                "--timeline-out: more than 20 million rows; write a longer --timeline-interval",
            ));
        }
        Ok(())
    }

    /// An observer that counts for these bounds and passes everything on.
    pub fn counting<'a, O: Observer>(&'a self, observer: &'a mut O) -> Counting<'a, O> {
        Counting {
            in_server: &self.in_server,
            observer,
        }
    }
}

/// Counts the requests in the server.
pub struct Counting<'a, O> {
    in_server: &'a Cell<u64>,
    observer: &'a mut O,
}

impl<O: Observer> Observer for Counting<'_, O> {
    fn sent(&mut self, request: &Request) {
        self.observer.sent(request);
    }

    fn on(&mut self, at: Time, id: RequestId, event: &Event) {
        match event {
            Event::Arrived { .. } => self.in_server.set(self.in_server.get() + 1),
            Event::Finished(_) | Event::Aborted { .. } => {
                self.in_server.set(self.in_server.get() - 1);
            }
            _ => {}
        }
        self.observer.on(at, id, event);
    }

    fn ran(&mut self, run: &StepRun<'_>) {
        self.observer.ran(run);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_too_large_is_named() {
        let message = |bounds: &Bounds| bounds.check().unwrap_err().to_string();
        let bounds = Bounds::default();
        bounds.in_server.set(MOST_REQUESTS);
        assert!(bounds.check().is_ok());
        bounds.in_server.set(MOST_REQUESTS + 1);
        assert!(message(&bounds).contains("wait at once"));

        let bounds = Bounds::default().with_list();
        bounds.listed.as_ref().unwrap().set(MOST_REQUESTS);
        assert!(bounds.check().is_ok());
        bounds.take();
        assert!(message(&bounds).contains("--requests-out"));

        let bounds = Bounds::default().with_timeline(Rc::new(Cell::new(true)));
        assert!(message(&bounds).contains("--timeline-interval"));
    }
}
