//! Hears the servers of the readable fleet.

use std::collections::BTreeMap;

use super::state::{PlainAttempt, Told};
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
    pub(super) observer: &'a mut dyn Observer,
}

impl Observer for Ears<'_> {
    fn on(&mut self, at: Time, id: RequestId, event: &Event) {
        self.observer.on_server(self.server, at, id, event);
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
        if run.streaming > 0 {
            let streamed = Told::Streamed(Streamed::of(run));
            self.told.push((run.end(), Location::Server(self.server), streamed));
        }
    }
}
