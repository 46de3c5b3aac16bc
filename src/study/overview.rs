//! The state of servers over a whole run, at so many instants as a figure can show.

use std::iter::repeat_n;

use super::stopped::Stopped;
use super::{Input, replay};
use crate::config::Scenario;
use crate::metrics::{LastHeard, Listeners, RunOverTime, ServerQueues, Timeline, TimelineRow};
use crate::units::Span;

/// How many instants of a run are looked at.
const INSTANTS: f64 = 400.0;

/// A timeline of the scenario's servers, with a row every `interval`.
pub fn timeline<Sink: Extend<TimelineRow>>(scenario: &Scenario, interval: Span, sink: Sink) -> Timeline<Sink> {
    let operation = &scenario.operation;
    let timeline = Timeline::new(&scenario.deployment.server, operation.servers(), interval, sink);
    let timeline = timeline.starting_with(operation.initial_size());
    match operation.pools() {
        [] | [_] => timeline,
        pools => {
            let blocks = pools.iter().flat_map(|pool| {
                let each = pool.deployment.server.kv_blocks;
                repeat_n(each, pool.servers as usize)
            });
            timeline.of_unlike(blocks)
        }
    }
}

/// Runs the scenario again with `seed`, a run that lasted `duration_s`, and looks at it at regular instants.
pub fn overview(input: &Input, seed: u64, duration_s: f64) -> Result<RunOverTime, Stopped> {
    let interval = Span::from_seconds((duration_s / INSTANTS).max(1e-4));
    let interval = interval.expect("a run is shorter than 200 days");
    let mut timeline = timeline(&input.scenario, interval, Vec::new());
    let mut queues = ServerQueues::new(input.scenario.operation.servers(), interval);
    let mut last = LastHeard::default();
    let mut all = Listeners(vec![&mut timeline, &mut queues, &mut last]);
    replay(&input.scenario, seed, &mut all)?;
    Ok(RunOverTime {
        rows: timeline.finish(last.0),
        server_queues: queues.finish(last.0),
    })
}
