//! What is held against simulations, whatever form the data have.

use super::coefficient::Fittable;
use super::latencies::{Latency, Served};
use super::one_by_one::OneByOne;
use super::recorded::Recorded;
use super::refusal::Refusal;
use super::step_rows::StepRows;
use super::summed_up::SummedUp;
use super::{Data, load};
use crate::config::{Measured, Scenario, Workload};
use crate::fleet;
use crate::metrics::RequestLog;
use crate::study::{SimulationError, engine};
use crate::workload::Source;
use crate::workload::trace;

/// One measured number, whose logarithm is fitted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// Of which latency; `None`: a step's time.
    pub latency: Option<Latency>,
    /// Its value [s].
    pub measured: f64,
    /// How far chance alone may carry it from what it stands for, relative.
    pub noise: f64,
}

/// Two runs of one experiment differ by one to two percent in their means.
pub const RUN_TO_RUN: f64 = 0.01;

/// A coefficient that keeps its default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Which.
    pub coefficient: Fittable,
    /// Why.
    pub reason: String,
}

/// A number as it was measured and as it was simulated.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistic {
    /// Such as `ttft.mean`.
    pub name: String,
    /// As measured [s].
    pub measured: f64,
    /// How far the simulation is off, relative.
    pub error: f64,
}

/// What is left of the difference between measurement and simulation.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricError {
    /// Such as `ttft.mean`; `step`: the mean over all steps, without sign.
    pub name: String,
    /// As measured [s].
    pub measured: f64,
    /// How far the simulation was off before the fit, relative.
    pub before: f64,
    /// And after it.
    pub after: f64,
}

impl MetricError {
    /// Of the numbers that are known both times.
    pub fn join(before: &[Statistic], after: &[Statistic]) -> Vec<Self> {
        let joined = before.iter().filter_map(|before| {
            let after = after.iter().find(|after| after.name == before.name)?;
            Some(Self {
                name: before.name.clone(),
                measured: before.measured,
                before: before.error,
                after: after.error,
            })
        });
        joined.collect()
    }
}

/// Data that can be held against simulations.
pub trait Comparison {
    /// What is fitted.
    fn targets(&self) -> &[Target];

    /// The simulated values of the targets.
    fn simulate(&self, scenario: &Scenario) -> Result<Vec<f64>, SimulationError>;

    /// What is reported.
    fn statistics(&self, scenario: &Scenario) -> Result<Vec<Statistic>, SimulationError>;

    /// Why the data cannot tell a coefficient, whatever the numbers.
    fn is_blind_to(&self, coefficient: Fittable) -> Option<String>;

    /// How much was measured.
    fn amount(&self) -> String;

    /// How it is compared.
    fn method(&self) -> String;

    /// What the user should know.
    fn warnings(&self) -> Vec<String>;
}

/// Fewer requests say more about chance than about the server.
const LEAST_REQUESTS: usize = 50;
/// Requests that are missing from the load, of all.
const MOST_UNFINISHED: f64 = 0.05;

/// The comparison that the data allow; refuses those that say nothing.
pub fn of(scenario: &Scenario, data: &Data) -> Result<Box<dyn Comparison>, Refusal> {
    let measured = match data {
        Data::Steps(steps) => return Ok(Box::new(StepRows::new(scenario, steps)?)),
        Data::Served(measured) => measured,
    };
    refuse_too_few(measured)?;
    let has_gaps = measured.values.contains_key("tpot.mean");
    if !has_gaps {
        return Err(Refusal::new(
            "no time between tokens was measured: every output is a single token, or TPOT is missing",
            "calibrate on a run whose outputs have tens of tokens; a result needs mean_tpot_ms",
        ));
    }
    let Some(&ttft) = measured.values.get("ttft.mean") else {
        return Err(Refusal::new(
            "no time to the first token was measured",
            "measure with streaming; a result needs mean_ttft_ms",
        ));
    };
    let one_by_one = OneByOne::new(scenario, measured)?;
    let (comparison, simulated): (Box<dyn Comparison>, _) = if let Some(requests) = one_by_one {
        let simulated = requests.simulated(scenario)?;
        (Box::new(requests), simulated)
    } else {
        let summary = SummedUp::new(scenario, measured)?;
        (Box::new(summary), run(scenario, scenario.seed, None)?)
    };
    let simulated: Vec<Served> = simulated.into_iter().flatten().collect();
    if simulated.iter().all(|it| it.tpot.unwrap_or(0.0) == 0.0) {
        return Err(Refusal::new(
            "no simulated answer has a time between tokens, as each comes as a whole: the scenario's policy is not what was measured",
            "write the policy of the measured server, such as batching.policy = \"continuous\"",
        ));
    }
    load::refuse_queues(ttft, &simulated)?;
    Ok(comparison)
}

fn refuse_too_few(measured: &Measured) -> Result<(), Refusal> {
    let finished = match (&measured.requests, measured.values.get("requests.finished")) {
        (Some(requests), _) => requests.len(),
        (None, Some(&finished)) => finished as usize,
        (None, None) => return Ok(()),
    };
    if finished < LEAST_REQUESTS {
        let plural = if finished == 1 { "" } else { "s" };
        return Err(Refusal::new(
            format!(
                "{finished} finished request{plural} say more about chance than about the server"
            ),
            format!("measure {LEAST_REQUESTS} requests or more; some hundreds are better"),
        ));
    }
    let unfinished = measured.unfinished as f64;
    let share = unfinished / (unfinished + finished as f64);
    if share > MOST_UNFINISHED {
        return Err(Refusal::new(
            format!(
                "{} of {} requests did not finish, and what they did to the others is not known",
                measured.unfinished,
                measured.unfinished + finished as u64
            ),
            "calibrate on a run at moderate load, without failures",
        ));
    }
    Ok(())
}

/// Simulates the scenario, on the recorded requests if they are given. By the number of the request; `None` of those that did not finish.
pub fn run(
    scenario: &Scenario,
    seed: u64,
    recorded: Option<Recorded<'_>>,
) -> Result<Vec<Option<Served>>, SimulationError> {
    let mut engine = engine(scenario, seed);
    let mut log = RequestLog::default();
    let mut replay = |source: &mut dyn Source| {
        fleet::replay(engine.as_mut(), source, &mut log).map_err(SimulationError::Replay)
    };
    match (&scenario.workload, recorded) {
        (_, Some(mut recorded)) => replay(&mut recorded)?,
        (Workload::Synthetic(workload), None) => replay(&mut workload.source(seed))?,
        (Workload::Trace(workload), None) => {
            let opened = trace::open_seeded(workload, seed);
            replay(&mut opened.map_err(SimulationError::Trace)?)?;
        }
    }
    Ok(log.rows().map(Served::simulated).collect())
}
