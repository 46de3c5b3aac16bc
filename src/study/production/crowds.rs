//! What users see who are there so many at once: one, ten, a hundred, and more.

use super::own_traffic::OwnTraffic;
use super::question::ProductionQuestion;
use crate::config::{Deployment, Diagnostic};
use crate::study::{Curve, CurvePoint, CurveStudy, LoadDial, Stopped};

/// What so many at once see, whoever sends their requests.
pub struct Crowds {
    /// From one user on.
    pub curve: Curve,
    /// Users that the memory of all servers holds by the formula, with the mean context.
    pub memory_holds: Option<f64>,
    /// The most that the servers run at once, whatever memory holds.
    pub most_running: f64,
    /// How many the scenario's own traffic has at once, on average.
    pub own_at_once: Option<f64>,
}

/// Each number of users is about three times the one before; more at once take long to simulate.
const LEVELS: [f64; 8] = [1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1e3, 3e3];
/// How far beyond what servers hold at once the curve goes, to show their queue.
const BEYOND: f64 = 1.5;
/// Requests of each user: the first ones, which come all at once, are left out as the warm-up.
const REQUESTS_PER_USER: u64 = 40;
/// So many in all at least, for a 99th percentile.
const LEAST_REQUESTS: u64 = 3_000;
/// A time between tokens that is longer than one user's by less is as short.
const FLAT: f64 = 1.2;

/// Simulates crowds, from one user to more than the servers hold at once.
pub(super) fn simulate(question: &ProductionQuestion<'_>, own: &OwnTraffic) -> Result<Crowds, Stopped> {
    let input = question.input;
    let dial = LoadDial::at_once(input).map_err(Stopped::Failed)?;
    let dial = dial.in_short_runs(REQUESTS_PER_USER, LEAST_REQUESTS);
    let memory_holds = own
        .summary
        .mean_context_tokens()
        .map(|context| input.scenario.closed_form_users(context));
    let servers = input.scenario.deployments().into_iter();
    let running = |(deployment, servers): (&Deployment, u32)| {
        f64::from(deployment.server.policy.limits().most_running) * f64::from(servers)
    };
    let most_running: f64 = servers.map(running).sum();
    let full = memory_holds.unwrap_or(most_running).min(most_running);
    let enough = (full * BEYOND).max(own.at_once().unwrap_or(0.0));
    let below = LEVELS.iter().take_while(|&&level| level < enough).count();
    let levels = LEVELS.iter().take(below + 1);
    // What fails now and then belongs to another question, and so does how fast servers come.
    let mut changes = question.unharmed();
    changes.extend(question.fixed(input.scenario.operation.servers()));
    let study = CurveStudy {
        finds_ranges: false,
        base: &question.base.changed(&changes),
        dial,
        loads: levels.copied().collect(),
        seeds: 1,
        refinements: 0,
    };
    let curve = study.answer(question.workers, question.simulate)?;
    if curve.is_interrupted {
        return Err(Stopped::Interrupted);
    }
    if curve.points.is_empty() {
        let why = curve
            .of_never_reached()
            .unwrap_or_else(|| "no request was sent".to_owned());
        return Err(Stopped::Failed(Diagnostic::new(why)));
    }
    Ok(Crowds {
        curve,
        memory_holds,
        most_running,
        own_at_once: own.at_once(),
    })
}

impl Crowds {
    /// What one user sees on idle servers.
    pub fn one_user(&self) -> &CurvePoint {
        &self.curve.points[0]
    }

    /// The largest crowd whose answers flow about as fast as one user's do.
    pub fn flat_until(&self) -> &CurvePoint {
        let pace = |point: &CurvePoint| point.summary.latency.tpot.p50.or(point.summary.latency.e2e.p50);
        let alone = pace(self.one_user());
        let is_flat = |point: &&CurvePoint| match (pace(point), alone) {
            (Some(pace), Some(alone)) => pace <= alone * FLAT,
            _ => false,
        };
        self.curve
            .points
            .iter()
            .take_while(is_flat)
            .last()
            .unwrap_or_else(|| self.one_user())
    }

    /// How many times as long as one user on idle servers the scenario's own clients wait for the end of an answer, the
    /// slowest in a hundred of either: by how much the latency of one user misleads.
    pub fn misleads_times(&self, own: &OwnTraffic) -> Option<f64> {
        let alone = self.one_user().summary.latency.e2e.p50?;
        Some(own.summary.latency.e2e.p99? / alone)
    }
}
