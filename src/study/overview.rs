//! The state of servers over a whole run, at so many instants as a figure can show.

use std::iter::repeat_n;

use super::stopped::Stopped;
use super::{Input, replay};
use crate::config::Scenario;
use crate::metrics::{LastHeard, Listeners, RunOverTime, ServerQueues, Timeline, TimelineRow};
use crate::units::Span;

/// How many instants of a run are looked at.
const INSTANTS: f64 = 400.0;

/// The timeline, of the scenario's servers where these are unlike.
pub fn with_unlike_servers<Sink: Extend<TimelineRow>>(timeline: Timeline<Sink>, scenario: &Scenario) -> Timeline<Sink> {
    match scenario.operation.pools() {
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
    let server = &input.scenario.deployment.server;
    let operation = &input.scenario.operation;
    let timeline = Timeline::new(server, operation.servers(), interval, Vec::new());
    let mut timeline = with_unlike_servers(timeline.starting_with(operation.initial_size()), &input.scenario);
    let mut queues = ServerQueues::new(operation.servers(), interval);
    let mut last = LastHeard::default();
    let mut all = Listeners(vec![&mut timeline, &mut queues, &mut last]);
    replay(&input.scenario, seed, &mut all)?;
    Ok(RunOverTime {
        rows: timeline.finish(last.0),
        server_queues: queues.finish(last.0),
    })
}
