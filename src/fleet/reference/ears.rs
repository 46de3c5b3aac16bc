//! Hears the servers of the readable fleet.

use std::collections::BTreeMap;

use super::state::{OutputTokens, PlainAttempt, Told};
use crate::engine::{Event, Observer, ServerId, StepRun, Streamed};
use crate::fleet::attempt::request_of;
use crate::fleet::hearing::Left;
use crate::fleet::telling::Location;
use crate::units::Time;
use crate::workload::RequestId;

/// Hears one server.
pub(super) struct Ears<'a> {
    pub(super) server: ServerId,
    pub(super) attempts: &'a mut BTreeMap<RequestId, PlainAttempt>,
    pub(super) left: &'a mut Vec<Left>,
    pub(super) told: &'a mut Vec<(Time, Location, Told)>,
    pub(super) produced: &'a mut Vec<OutputTokens>,
    pub(super) observer: &'a mut dyn Observer,
}

impl Ears<'_> {
    fn note_tokens(&mut self, at: Time, id: RequestId, event: &Event) {
        let (tokens, is_first) = match event {
            Event::FirstToken => (1, true),
            Event::Token { .. } => (1, false),
            Event::Finished(history) if history.streamed => (history.drafts.accepted_tokens, false),
            Event::Finished(history) => (history.output_tokens.into(), true),
            _ => return,
        };
        let waited_for = self.attempts.get(&id).filter(|attempt| attempt.leaves.is_none());
        self.produced.push(OutputTokens {
            at,
            tokens,
            first_sent: waited_for.filter(|_| is_first).map(|attempt| attempt.first_sent),
        });
    }
}

impl Observer for Ears<'_> {
    fn on(&mut self, at: Time, id: RequestId, event: &Event) {
        self.observer.on_server(self.server, at, id, event);
        self.note_tokens(at, id, event);
        let event = match *event {
            Event::Arrived { .. } => return,
            Event::Finished(history) => {
                let server = self.server;
                return self.left.push(Left {
                    at,
                    server,
                    id,
                    history,
                });
            }
            Event::Aborted { waiting } => {
                let attempt = self.attempts.remove(&id).expect("it was in the server");
                attempt.leaves.expect("its client gave up").event(waiting)
            }
            event => event,
        };
        if let Some(attempt) = self.attempts.get_mut(&id) {
            attempt.runs = match event {
                Event::Admitted { .. } => true,
                Event::Preempted => false,
                _ => attempt.runs,
            };
        }
        let told = Told::Event(request_of(id), event);
        self.told.push((at, Location::Server(self.server), told));
    }

    fn ran(&mut self, run: &StepRun<'_>) {
        self.observer.ran_on(self.server, run);
        self.produced.push(OutputTokens {
            at: run.end(),
            tokens: u64::from(run.streaming) * run.steps,
            first_sent: None,
        });
        if run.streaming > 0 {
            let streamed = Told::Streamed(Streamed::of(run));
            self.told.push((run.end(), Location::Server(self.server), streamed));
        }
    }
}
