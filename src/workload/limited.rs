//! Clients who keep no more than so many requests outstanding, whatever is due.

use super::slots::Slots;
use super::trace::TraceError;
use super::{ClassId, Request, RequestId, Source};
use crate::units::{Span, Time};

/// The requests of a source, of which only so many are outstanding at once, as with the semaphore of
/// `vllm bench serve --max-concurrency`: those that are due while all places are taken wait with their clients and are
/// sent in their order, each as an earlier one ends, with an answer or without. Everything that is measured of a
/// request starts when it is sent; how long it waited before is [`Request::client_wait`].
pub struct Limited<S> {
    source: S,
    slots: Slots,
}

impl<S: Source> Limited<S> {
    /// The requests of `source`, at most `max_outstanding` of them outstanding.
    pub fn new(source: S, max_outstanding: u32) -> Self {
        Self {
            source,
            slots: Slots::new(max_outstanding),
        }
    }
}

impl<S: Source> Source for Limited<S> {
    fn next_arrival(&mut self) -> Result<Option<Time>, TraceError> {
        let due = self.source.next_arrival()?;
        Ok(due.and_then(|due| self.slots.next(due)))
    }

    fn take(&mut self) -> Request {
        let mut request = self.source.take();
        let due = request.arrival;
        request.arrival = self.slots.take(due);
        request.client_wait = request.arrival - due;
        request
    }

    fn finished(&mut self, id: RequestId, at: Time) {
        self.slots.ended(at);
        self.source.finished(id, at);
    }

    fn rejected(&mut self, id: RequestId, at: Time) {
        self.slots.ended(at);
        self.source.rejected(id, at);
    }

    fn classes(&self) -> usize {
        self.source.classes()
    }

    fn timeout(&self, class: ClassId) -> Option<Span> {
        self.source.timeout(class)
    }

    /// Who waits for a place waits for an answer.
    fn is_closed_loop(&self) -> bool {
        true
    }

    fn runs_out(&self) -> bool {
        self.source.runs_out()
    }
}
