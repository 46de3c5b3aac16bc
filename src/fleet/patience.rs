//! Clients that give up: each request whose answer is not complete a fixed time after it was sent is taken back.

use rustc_hash::FxHashSet;

use super::deadlines::Deadlines;
use crate::engine::{Engine, Event, Observer, ServerId, StepRun};
use crate::policy::Moved;
use crate::units::{Span, Time};
use crate::workload::{Request, RequestId, Source};

/// The requests that clients wait for, and how long they do.
pub(super) struct Patience {
    /// When the clients of requests that were sent give up; of those that have ended too.
    deadlines: Deadlines,
    /// Those of them that have ended.
    ended: FxHashSet<RequestId>,
    /// Requests that were taken back and have not left their server.
    given_up: FxHashSet<RequestId>,
}

impl Patience {
    pub(super) fn of(source: &dyn Source) -> Self {
        Self {
            deadlines: Deadlines::of(source),
            ended: FxHashSet::default(),
            given_up: FxHashSet::default(),
        }
    }

    /// Whether anybody's ever ends.
    pub(super) fn ends(&self) -> bool {
        self.deadlines.exist()
    }

    /// When the next client gives up, if no answer comes.
    pub(super) fn next_deadline(&mut self) -> Option<Time> {
        let next = self.deadlines.next(|id| !self.ended.remove(&id));
        next.map(|(deadline, _)| deadline)
    }

    /// The next client gives up.
    pub(super) fn give_up(&mut self, engine: &mut impl Engine) -> RequestId {
        let (deadline, id) = self.deadlines.take();
        self.given_up.insert(id);
        engine.abort(id, deadline);
        id
    }

    /// The client of a request that has not ended gives up now, before its time.
    pub(super) fn take_back(&mut self, id: RequestId, now: Time, engine: &mut impl Engine) {
        self.ended.insert(id);
        self.given_up.insert(id);
        engine.abort(id, now);
    }

    /// An observer that hears what clients and operators do: answers that come too late are none.
    pub(super) const fn heeding<'a, O: Observer>(&'a mut self, observer: &'a mut O) -> Heeding<'a, O> {
        Heeding {
            patience: self,
            observer,
        }
    }
}

/// Notes which requests have ended, and passes everything on.
pub(super) struct Heeding<'a, O> {
    patience: &'a mut Patience,
    observer: &'a mut O,
}

impl<O: Observer> Observer for Heeding<'_, O> {
    fn sent(&mut self, request: &Request) {
        self.patience.deadlines.sent(request.id, request.arrival);
        self.observer.sent(request);
    }

    fn on(&mut self, at: Time, id: RequestId, event: &Event) {
        let patience = &mut *self.patience;
        let mut event = *event;
        if patience.deadlines.may_end(id) {
            match event {
                Event::Finished(request) if patience.given_up.remove(&id) => {
                    let waiting = request.was_waiting;
                    event = Event::Aborted { waiting };
                }
                Event::Finished(_) | Event::Rejected => {
                    patience.ended.insert(id);
                }
                Event::Aborted { .. } => {
                    patience.given_up.remove(&id);
                }
                _ => {}
            }
        }
        self.observer.on(at, id, &event);
    }

    fn on_tokens(&mut self, at: Time, gap: Span, count: u32, ids: &mut dyn Iterator<Item = RequestId>) {
        self.observer.on_tokens(at, gap, count, ids);
    }

    fn ran(&mut self, run: &StepRun<'_>) {
        self.observer.ran(run);
    }

    fn drafted(&mut self, server: ServerId, at: Time, id: RequestId, more: u32) {
        self.observer.drafted(server, at, id, more);
    }

    fn moved(&mut self, server: ServerId, at: Time, moved: &Moved) {
        self.observer.moved(server, at, moved);
    }
}
