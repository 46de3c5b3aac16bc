//! A workload that is watched while it runs: for the progress line and for Ctrl-C.

use super::interrupt;
use super::progress::Progress;
use crate::units::Time;
use crate::workload::trace::TraceError;
use crate::workload::{Request, RequestId, Source};

/// Passes everything on.
pub struct WatchedSource<'a, S> {
    /// The workload itself.
    pub source: S,
    progress: &'a Progress,
}

impl<'a, S: Source> WatchedSource<'a, S> {
    /// Watches `source`.
    pub fn new(source: S, progress: &'a Progress) -> Self {
        Self { source, progress }
    }
}

impl<S: Source> Source for WatchedSource<'_, S> {
    fn next_arrival(&mut self) -> Result<Option<Time>, TraceError> {
        if interrupt::happened() {
            // The caller knows why: whoever hears of this asks `interrupt` first.
            return Err(TraceError::of_run("interrupted"));
        }
        self.source.next_arrival()
    }

    fn take(&mut self) -> Request {
        self.progress.count();
        self.source.take()
    }

    fn finished(&mut self, id: RequestId, at: Time) {
        self.source.finished(id, at);
    }

    fn rejected(&mut self, id: RequestId, at: Time) {
        self.source.rejected(id, at);
    }

    fn is_closed_loop(&self) -> bool {
        self.source.is_closed_loop()
    }
}
