//! All that an engine tells, one thing after the other, in a form that can be compared.

use super::observer::{Event, Observer, StepRun};
use crate::step_time::StepShape;
use crate::units::{Span, Time};
use crate::workload::RequestId;

/// What an observer hears, runs of like steps taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Heard {
    /// Something happened to a request.
    Event { at: Time, id: RequestId, event: Event },
    /// A step has ended.
    Step {
        start: Time,
        takes: Span,
        shape: StepShape,
        streaming: u32,
        used_blocks: u64,
        empty_slots: u64,
    },
}

/// An observer that passes on what it hears, one thing at a time: of two engines that should tell the same, however
/// they leap.
pub struct Transcript<Sink: FnMut(Heard)>(pub Sink);

impl<Sink: FnMut(Heard)> Observer for Transcript<Sink> {
    fn on(&mut self, at: Time, id: RequestId, event: &Event) {
        let event = *event;
        self.0(Heard::Event { at, id, event });
    }

    fn ran(&mut self, run: &StepRun<'_>) {
        let mut start = run.start;
        for step in 0..run.steps {
            let takes = run.ramp.step(step);
            let (used_blocks, empty_slots) = run.kv.at(step);
            self.0(Heard::Step {
                start,
                takes,
                shape: run.shape.later(step),
                streaming: run.streaming,
                used_blocks,
                empty_slots,
            });
            start += takes;
        }
        assert_eq!(start, run.end(), "steps follow each other without a gap");
    }
}
