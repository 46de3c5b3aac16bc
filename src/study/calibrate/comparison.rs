//! What is held against simulations, whatever form the data have.

use super::coefficient::Fittable;
use super::gaps::TokenGaps;
use super::latencies::{Latency, Served};
use super::recorded::Recorded;
use crate::config::Scenario;
use crate::metrics::{Listeners, RequestLog};
use crate::study::{self, SimulationError};

/// One measured number, whose logarithm is fitted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// Of which latency; `None`: a step's time.
    pub latency: Option<Latency>,
    /// Whether it is of the few longest.
    pub is_tail: bool,
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
    /// The coefficient that keeps its default.
    pub coefficient: Fittable,
    /// Why it keeps its default, in words.
    pub reason: String,
}

/// A number as it was measured and as it was simulated.
#[derive(Clone, Debug, PartialEq)]
pub struct ComparedNumber {
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
    pub fn join(before: &[ComparedNumber], after: &[ComparedNumber]) -> Vec<Self> {
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

/// Data that coefficients can be fitted to.
pub trait FittedData {
    /// What is fitted.
    fn targets(&self) -> &[Target];

    /// The simulated values of the targets.
    fn simulate(&self, scenario: &Scenario) -> Result<Vec<f64>, SimulationError>;

    /// Why the data cannot tell a coefficient, whatever the numbers.
    fn is_blind_to(&self, coefficient: Fittable) -> Option<String>;

    /// How much was measured.
    fn amount(&self) -> String;

    /// How it is compared.
    fn method(&self) -> String;

    /// What the user should know.
    fn warnings(&self) -> Vec<String>;
}

/// Data of one load.
pub trait MeasuredData: FittedData {
    /// What is reported.
    fn statistics(&self, scenario: &Scenario) -> Result<Vec<ComparedNumber>, SimulationError>;
}

/// Simulates the scenario, on the recorded requests if they are given. By the number of the request; `None` of those
/// that did not finish.
pub fn run(
    scenario: &Scenario,
    seed: u64,
    recorded: Option<Recorded<'_>>,
) -> Result<Vec<Option<Served>>, SimulationError> {
    let mut log = RequestLog::default();
    match recorded {
        Some(mut recorded) => study::replay_source(scenario, seed, &mut recorded, &mut log)?,
        None => study::replay(scenario, seed, &mut log)?,
    }
    Ok(log.rows().map(Served::simulated).collect())
}

/// Simulates the scenario, and hears the times between tokens if `hears_gaps`; the requests that finished.
pub fn run_with_gaps(
    scenario: &Scenario,
    seed: u64,
    hears_gaps: bool,
) -> Result<(Vec<Served>, TokenGaps), SimulationError> {
    let (mut log, mut gaps) = (RequestLog::default(), TokenGaps::default());
    if hears_gaps {
        study::replay(scenario, seed, &mut Listeners(vec![&mut log, &mut gaps]))?;
    } else {
        study::replay(scenario, seed, &mut log)?;
    }
    Ok((log.rows().filter_map(Served::simulated).collect(), gaps))
}
