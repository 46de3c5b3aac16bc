//! What became of servers, and when.

use crate::engine::{Event, FleetSize, Observer, ServerChange, ServerId, StepRun};
use crate::units::Time;
use crate::workload::RequestId;

/// Something has become of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangeOfServer {
    /// When.
    pub at: Time,
    /// Of which one.
    pub server: ServerId,
    /// What.
    pub change: ServerChange,
}

/// No picture shows more; what comes later is left out.
const MOST: usize = 1000;

/// An observer that keeps the first changes.
#[derive(Default)]
pub struct ChangesOverTime(Vec<ChangeOfServer>);

impl ChangesOverTime {
    /// What it heard.
    pub fn finish(self) -> Vec<ChangeOfServer> {
        self.0
    }
}

impl Observer for ChangesOverTime {
    fn on(&mut self, _at: Time, _id: RequestId, _event: &Event) {}

    fn ran(&mut self, _run: &StepRun<'_>) {}

    fn server_changed(&mut self, at: Time, server: ServerId, change: ServerChange, _size: FleetSize) {
        if self.0.len() < MOST {
            self.0.push(ChangeOfServer { at, server, change });
        }
    }
}
