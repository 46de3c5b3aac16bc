//! An observer that others look at while a run goes on.

use std::cell::RefCell;
use std::rc::Rc;

use crate::engine::{Event, FleetSize, Observer, ServerChange, ServerId, StepRun};
use crate::policy::Moved;
use crate::units::Time;
use crate::workload::RequestId;

/// An observer that belongs to several on one thread.
pub struct Shared<O>(pub Rc<RefCell<O>>);

impl<O: Observer> Observer for Shared<O> {
    fn on(&mut self, at: Time, id: RequestId, event: &Event) {
        self.0.borrow_mut().on(at, id, event);
    }

    fn ran(&mut self, run: &StepRun<'_>) {
        self.0.borrow_mut().ran(run);
    }

    fn drafted(&mut self, server: ServerId, at: Time, id: RequestId, more: u32) {
        self.0.borrow_mut().drafted(server, at, id, more);
    }

    fn moved(&mut self, server: ServerId, at: Time, moved: &Moved) {
        self.0.borrow_mut().moved(server, at, moved);
    }

    fn on_server(&mut self, server: ServerId, at: Time, id: RequestId, event: &Event) {
        self.0.borrow_mut().on_server(server, at, id, event);
    }

    fn ran_on(&mut self, server: ServerId, run: &StepRun<'_>) {
        self.0.borrow_mut().ran_on(server, run);
    }

    fn server_changed(&mut self, at: Time, server: ServerId, change: ServerChange, size: FleetSize) {
        self.0.borrow_mut().server_changed(at, server, change, size);
    }

    fn scaled(&mut self, at: Time, wanted: u32) {
        self.0.borrow_mut().scaled(at, wanted);
    }
}
