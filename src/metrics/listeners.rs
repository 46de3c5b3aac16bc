//! Several observers of one run.

use crate::engine::{Event, FleetSize, Observer, ServerChange, ServerId, StepRun, Streamed};
use crate::policy::Moved;
use crate::units::Time;
use crate::workload::{Request, RequestId};

/// Passes everything on to each observer in turn.
#[derive(Default)]
pub struct Listeners<'a>(pub Vec<&'a mut dyn Observer>);

impl Observer for Listeners<'_> {
    fn sent(&mut self, request: &Request) {
        for listener in &mut self.0 {
            listener.sent(request);
        }
    }

    fn on(&mut self, at: Time, id: RequestId, event: &Event) {
        for listener in &mut self.0 {
            listener.on(at, id, event);
        }
    }

    fn ran(&mut self, run: &StepRun<'_>) {
        for listener in &mut self.0 {
            listener.ran(run);
        }
    }

    fn streamed(&mut self, tokens: &Streamed) {
        for listener in &mut self.0 {
            listener.streamed(tokens);
        }
    }

    fn drafted(&mut self, server: ServerId, at: Time, id: RequestId, more: u32) {
        for listener in &mut self.0 {
            listener.drafted(server, at, id, more);
        }
    }

    fn moved(&mut self, server: ServerId, at: Time, moved: &Moved) {
        for listener in &mut self.0 {
            listener.moved(server, at, moved);
        }
    }

    fn on_server(&mut self, server: ServerId, at: Time, id: RequestId, event: &Event) {
        for listener in &mut self.0 {
            listener.on_server(server, at, id, event);
        }
    }

    fn ran_on(&mut self, server: ServerId, run: &StepRun<'_>) {
        for listener in &mut self.0 {
            listener.ran_on(server, run);
        }
    }

    fn server_changed(&mut self, at: Time, server: ServerId, change: ServerChange, size: FleetSize) {
        for listener in &mut self.0 {
            listener.server_changed(at, server, change, size);
        }
    }

    fn scaled(&mut self, at: Time, wanted: u32) {
        for listener in &mut self.0 {
            listener.scaled(at, wanted);
        }
    }
}

/// When something was last heard of.
#[derive(Default)]
pub struct LastHeard(pub Time);

impl Observer for LastHeard {
    fn on(&mut self, at: Time, _id: RequestId, _event: &Event) {
        self.0 = self.0.max(at);
    }

    fn ran(&mut self, run: &StepRun<'_>) {
        self.0 = self.0.max(run.end());
    }

    fn ran_on(&mut self, _server: ServerId, run: &StepRun<'_>) {
        self.ran(run);
    }
}
