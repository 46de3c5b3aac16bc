//! The state of servers over a whole run, at so many instants as a figure can show.

use std::iter::repeat_n;

use super::replay;
use super::stopped::Stopped;
use crate::config::Scenario;
use crate::engine::ServerSettings;
use crate::metrics::{
    ChangesOverTime, ClassesOverTime, LastHeard, LimitsOverTime, Listeners, RunOverTime, ServersOverTime, Timeline,
    TimelineRow,
};
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
pub fn overview(scenario: &Scenario, seed: u64, duration_s: f64) -> Result<RunOverTime, Stopped> {
    let interval = Span::from_seconds((duration_s / INSTANTS).max(1e-4));
    let interval = interval.expect("a run is shorter than 200 days");
    let mut timeline = timeline(scenario, interval, Vec::new());
    let mut servers = ServersOverTime::new(scenario.operation.servers(), interval);
    let mut classes = ClassesOverTime::new(scenario.traffic.classes.len(), interval);
    let is_fleet = scenario.operation.fleet.is_some();
    let mut limits = LimitsOverTime::new(settings_of_servers(scenario), is_fleet, interval);
    let mut changes = ChangesOverTime::default();
    let mut last = LastHeard::default();
    let mut all = Listeners(vec![
        &mut timeline,
        &mut servers,
        &mut classes,
        &mut limits,
        &mut changes,
        &mut last,
    ]);
    replay(scenario, seed, &mut all)?;
    let rows = timeline.finish(last.0);
    let names = scenario.traffic.classes.iter().map(|class| class.name.clone());
    let of_classes = names.zip(classes.finish(last.0));
    Ok(RunOverTime {
        servers: servers.finish(last.0),
        classes: of_classes.filter_map(|(name, rows)| Some((name?, rows))).collect(),
        limits: limits.finish(rows.len()),
        changes: changes.finish(),
        rows,
    })
}

/// Of each server, in the order of their numbers.
fn settings_of_servers(scenario: &Scenario) -> impl Iterator<Item = &ServerSettings> {
    let operation = &scenario.operation;
    let kinds: Vec<(&ServerSettings, u32)> = match operation.pools() {
        [] => vec![(&scenario.deployment.server, operation.servers())],
        [alone] => vec![(&alone.deployment.server, operation.servers())],
        pools => {
            let each = pools.iter().map(|pool| (&pool.deployment.server, pool.servers));
            each.collect()
        }
    };
    kinds
        .into_iter()
        .flat_map(|(server, count)| repeat_n(server, count as usize))
}
