//! Hears a server for the fleet that it is part of.

use super::telling::{Location, Telling};
use crate::engine::{Event, Finished, Observer, ServerId, StepRun};
use crate::units::Time;
use crate::workload::RequestId;

/// A request that has left its server with its answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Left {
    pub(super) at: Time,
    pub(super) server: ServerId,
    pub(super) id: RequestId,
    /// When its client has the answer, which may be later.
    pub(super) answered: Time,
}

/// Passes on what a server tells, and remembers who has left it.
pub(super) struct Hearing<'a, 'b, O: ?Sized> {
    server: ServerId,
    telling: &'a mut Telling<'b, O>,
    left: &'a mut Vec<Left>,
}

impl<'a, 'b, O: Observer + ?Sized> Hearing<'a, 'b, O> {
    pub(super) const fn of(server: ServerId, telling: &'a mut Telling<'b, O>, left: &'a mut Vec<Left>) -> Self {
        Self { server, telling, left }
    }

    fn tell(&mut self, at: Time, id: RequestId, event: Event) {
        self.telling.event(at, Location::Server(self.server), id, event);
    }
}

impl<O: Observer + ?Sized> Observer for Hearing<'_, '_, O> {
    #[inline]
    fn on(&mut self, at: Time, id: RequestId, event: &Event) {
        self.telling.observer.on_server(self.server, at, id, event);
        match event {
            // Its client has heard so from the router.
            Event::Arrived { .. } => {}
            Event::Rejected => unreachable!("the router refuses what its servers would"),
            Event::Finished(request) => {
                // An answer that comes too late is none.
                if self.telling.given_up.remove(&id) {
                    let waiting = request.was_waiting;
                    return self.tell(at, id, Event::Aborted { waiting });
                }
                let sent = self.telling.waited.remove(&id);
                let history = Finished {
                    arrival: sent.unwrap_or(request.arrival),
                    ..*request
                };
                self.tell(at, id, Event::Finished(history));
                self.left.push(Left {
                    at,
                    server: self.server,
                    id,
                    answered: request.finished,
                });
            }
            Event::Aborted { .. } => {
                self.telling.given_up.remove(&id);
                self.tell(at, id, *event);
            }
            Event::Admitted { .. } | Event::Preempted | Event::FirstToken | Event::Token { .. } => {
                self.tell(at, id, *event);
            }
        }
    }

    #[inline]
    fn ran(&mut self, run: &StepRun<'_>) {
        self.telling.ran(self.server, run);
    }
}
