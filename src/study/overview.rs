//! The state of a server over a whole run, at so many instants as a figure can show.

use super::stopped::Stopped;
use super::{Input, replay};
use crate::engine::{Event, Observer, StepRun};
use crate::metrics::{Timeline, TimelineRow};
use crate::units::{Span, Time};
use crate::workload::RequestId;

/// Instants.
const INSTANTS: f64 = 600.0;

/// Runs the scenario again with `seed`, a run that lasted `duration_s`, and looks at it at regular instants.
pub fn overview(input: &Input, seed: u64, duration_s: f64) -> Result<Vec<TimelineRow>, Stopped> {
    let interval = Span::from_seconds((duration_s / INSTANTS).max(1e-4));
    let interval = interval.expect("a run is shorter than 200 days");
    let mut rows = Vec::new();
    let timeline = Timeline::new(&input.scenario.server, interval, |row| rows.push(row));
    let mut heard = Heard {
        timeline,
        last: Time::ZERO,
    };
    replay(&input.scenario, seed, &mut heard)
        .map_err(|error| Stopped::Failed(error.to_string()))?;
    let Heard { timeline, last } = heard;
    timeline.finish(last);
    Ok(rows)
}

/// A timeline that knows when it heard something last.
struct Heard<Sink: FnMut(TimelineRow)> {
    timeline: Timeline<Sink>,
    last: Time,
}

impl<Sink: FnMut(TimelineRow)> Observer for Heard<Sink> {
    fn on(&mut self, at: Time, id: RequestId, event: &Event) {
        self.last = self.last.max(at);
        self.timeline.on(at, id, event);
    }

    fn ran(&mut self, run: &StepRun<'_>) {
        self.last = self.last.max(run.end());
        self.timeline.ran(run);
    }
}
