//! Several runs of one deployment at different loads, held against simulations together.

use super::coefficient::Fittable;
use super::comparison::{ComparedNumber, FittedData, MeasuredData, Target};
use crate::config::Scenario;
use crate::study::SimulationError;

/// One of several loads: what was sent, and what came of it.
pub struct OneLoad {
    /// What people call it, such as "16 clients".
    pub label: String,
    /// The scenario that sends what was sent.
    pub scenario: Scenario,
    /// What was measured.
    pub data: Box<dyn MeasuredData>,
}

impl OneLoad {
    /// Its scenario on a deployment with the coefficients of another scenario.
    fn priced_as(&self, scenario: &Scenario) -> Scenario {
        let mut own = self.scenario.clone();
        own.deployment.execution.overheads = scenario.deployment.execution.overheads;
        own.deployment.execution.scales = scenario.deployment.execution.scales;
        own.deployment.front_end = scenario.deployment.front_end;
        own
    }

    /// What is reported of it with the coefficients of a scenario.
    pub fn statistics(&self, scenario: &Scenario) -> Result<Vec<ComparedNumber>, SimulationError> {
        self.data.statistics(&self.priced_as(scenario))
    }
}

/// Loads of which each counts as much as its numbers.
pub struct SeveralLoads<'a> {
    loads: Vec<&'a OneLoad>,
    targets: Vec<Target>,
}

impl<'a> SeveralLoads<'a> {
    /// At least one.
    pub fn new(loads: Vec<&'a OneLoad>) -> Self {
        let targets = loads.iter().flat_map(|load| load.data.targets().iter().copied());
        Self {
            targets: targets.collect(),
            loads,
        }
    }
}

impl FittedData for SeveralLoads<'_> {
    fn targets(&self) -> &[Target] {
        &self.targets
    }

    fn simulate(&self, scenario: &Scenario) -> Result<Vec<f64>, SimulationError> {
        let mut values = Vec::with_capacity(self.targets.len());
        for load in &self.loads {
            values.extend(load.data.simulate(&load.priced_as(scenario))?);
        }
        Ok(values)
    }

    /// One load can be told from another only by more than one: what a load alone cannot tell, two can.
    fn is_blind_to(&self, coefficient: Fittable) -> Option<String> {
        let mut reasons = self.loads.iter().map(|load| load.data.is_blind_to(coefficient));
        let served = self
            .loads
            .iter()
            .filter(|load| load.data.targets().iter().any(|it| it.latency.is_some()));
        if coefficient.needs_loads() && served.count() > 1 {
            return None;
        }
        let first = reasons.next()??;
        reasons.all(|reason| reason.is_some()).then_some(first)
    }

    fn amount(&self) -> String {
        let each = self
            .loads
            .iter()
            .map(|load| format!("{}: {}", load.label, load.data.amount()));
        each.collect::<Vec<_>>().join("; ")
    }

    fn method(&self) -> String {
        let first = self.loads.first().map_or_else(String::new, |load| load.data.method());
        format!("{} loads together; of each {first}", self.loads.len())
    }

    fn warnings(&self) -> Vec<String> {
        let of_load = |load: &&OneLoad| -> Vec<String> {
            let named = load
                .data
                .warnings()
                .into_iter()
                .map(|it| format!("{}: {it}", load.label));
            named.collect()
        };
        self.loads.iter().flat_map(of_load).collect()
    }
}

/// What is reported of loads of which each has such numbers: of one load these, of several the means, and how far the
/// loads are off in the mean, without sign.
pub fn together(each: &[Vec<ComparedNumber>]) -> Vec<ComparedNumber> {
    if let [only] = each {
        return only.clone();
    }
    let mut all: Vec<(ComparedNumber, f64)> = Vec::new();
    for one in each.iter().flatten() {
        let error = one.error.abs();
        if let Some((known, loads)) = all.iter_mut().find(|(known, _)| known.name == one.name) {
            known.measured += one.measured;
            known.error += error;
            *loads += 1.0;
        } else {
            all.push((ComparedNumber { error, ..one.clone() }, 1.0));
        }
    }
    let mean = |(sum, loads): (ComparedNumber, f64)| ComparedNumber {
        measured: sum.measured / loads,
        error: sum.error / loads,
        ..sum
    };
    all.into_iter().map(mean).collect()
}
