//! Hears a server for the fleet that it is part of.

use super::telling::{Location, Telling};
use crate::engine::{Event, Finished, Observer, ServerId, StepRun};
use crate::policy::Moved;
use crate::units::Time;
use crate::workload::RequestId;

/// An attempt that has left its server with its answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Left {
    pub(super) at: Time,
    pub(super) server: ServerId,
    pub(super) id: RequestId,
    /// As its server tells it.
    pub(super) history: Finished,
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

    #[inline]
    fn tell(&mut self, at: Time, id: RequestId, event: &Event) {
        self.telling.event(at, Location::Server(self.server), id, event);
    }

    /// Counts what was produced, where somebody wants to know; tokens between steps of a run are counted with it.
    #[inline]
    fn gauge(&mut self, at: Time, id: RequestId, event: &Event) {
        let Some(gauges) = &mut self.telling.gauges else {
            return;
        };
        let (tokens, is_first) = match event {
            Event::FirstToken => (1, true),
            Event::Token { .. } => (1, false),
            // Those that came with others in one step.
            Event::Finished(history) if history.streamed => (history.drafts.accepted_tokens, false),
            // All of them come at once.
            Event::Finished(history) => (history.output_tokens.into(), true),
            _ => return,
        };
        gauges.produced(tokens);
        let sent = self.telling.attempts.sent_and_waited_for(self.server, id);
        if let Some(sent) = sent.filter(|_| is_first) {
            gauges.first_token(sent, at);
        }
    }
}

impl<O: Observer + ?Sized> Observer for Hearing<'_, '_, O> {
    #[inline]
    fn on(&mut self, at: Time, id: RequestId, event: &Event) {
        self.telling.observer.on_server(self.server, at, id, event);
        self.gauge(at, id, event);
        let attempts = &mut self.telling.attempts;
        match *event {
            // Its client has heard so from the router.
            Event::Arrived { .. } => attempts.has_come(self.server, id, at),
            Event::Rejected => unreachable!("the router refuses what its servers would"),
            Event::SentAgain { .. } | Event::Lost { .. } => unreachable!("a server knows nothing of other attempts"),
            // What it means for its client is known when all has been heard that happened before.
            Event::Finished(history) => {
                attempts.has_left(self.server, id);
                let server = self.server;
                self.left.push(Left {
                    at,
                    server,
                    id,
                    history,
                });
            }
            Event::Aborted { waiting } => {
                attempts.has_left(self.server, id);
                let leaves = attempts.given_up.remove(&id).expect("its client gave up");
                self.tell(at, id, &leaves.event(waiting));
            }
            Event::Admitted { .. } | Event::Preempted => {
                attempts.note_running(self.server, id, *event != Event::Preempted);
                self.tell(at, id, event);
            }
            Event::FirstToken | Event::Token { .. } => self.tell(at, id, event),
        }
    }

    #[inline]
    fn ran(&mut self, run: &StepRun<'_>) {
        self.telling.ran(self.server, run);
    }

    fn drafted(&mut self, _server: ServerId, at: Time, id: RequestId, more: u32) {
        self.telling.observer.drafted(self.server, at, id, more);
    }

    fn moved(&mut self, _server: ServerId, at: Time, moved: &Moved) {
        self.telling.observer.moved(self.server, at, moved);
    }
}
