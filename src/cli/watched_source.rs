//! A workload that is watched while it runs: for the progress line, for Ctrl-C and for bounds.

use super::bounds::Bounds;
use super::interrupt;
use super::progress::Progress;
use crate::units::{Span, Time};
use crate::workload::trace::TraceError;
use crate::workload::{Request, RequestId, Source};

/// Passes everything on.
pub struct WatchedSource<'a, S> {
    /// The workload itself.
    pub source: S,
    progress: &'a Progress,
    /// Requests that the progress has not heard of.
    uncounted: u64,
    bounds: Bounds,
}

/// Progress is shared by all threads, and hears of many at once so that they do not wait for each other.
const COUNTED_TOGETHER: u64 = 64;

impl<'a, S: Source> WatchedSource<'a, S> {
    /// Watches `source`.
    pub fn new(source: S, progress: &'a Progress, bounds: &Bounds) -> Self {
        Self {
            source,
            progress,
            uncounted: 0,
            bounds: bounds.clone(),
        }
    }

    fn count(&mut self) {
        self.progress.count(self.uncounted);
        self.uncounted = 0;
    }
}

impl<S: Source> Source for WatchedSource<'_, S> {
    fn next_arrival(&mut self) -> Result<Option<Time>, TraceError> {
        self.may_go_on()?;
        let next = self.source.next_arrival()?;
        if next.is_none() {
            self.count();
        }
        Ok(next)
    }

    fn take(&mut self) -> Request {
        self.uncounted += 1;
        if self.uncounted == COUNTED_TOGETHER {
            self.count();
        }
        self.bounds.take();
        self.source.take()
    }

    fn finished(&mut self, id: RequestId, at: Time) {
        self.source.finished(id, at);
    }

    fn rejected(&mut self, id: RequestId, at: Time) {
        self.source.rejected(id, at);
    }

    fn timeout(&self) -> Option<Span> {
        self.source.timeout()
    }

    fn is_closed_loop(&self) -> bool {
        self.source.is_closed_loop()
    }

    fn runs_out(&self) -> bool {
        self.source.runs_out()
    }

    fn may_go_on(&self) -> Result<(), TraceError> {
        if interrupt::happened() {
            // The caller knows why: whoever hears of this asks `interrupt` first.
            return Err(TraceError::of_run("interrupted"));
        }
        self.bounds.check()
    }
}
