//! How well a calibration predicts a load that it has not seen: each load is left out in turn.

use super::coefficient::Fittable;
use super::comparison::{ComparedNumber, FittedData};
use super::refusal::Refusal;
use super::selection;
use super::several::{OneLoad, SeveralLoads};
use crate::config::Scenario;

/// Fewer loads leave too few for a fit once one of them is left out.
const LEAST_LOADS: usize = 3;

/// What is reported of each load.
const REPORTED: [&str; 4] = ["ttft.mean", "tpot.mean", "e2e.mean", "step"];

/// How far simulations of one load are off.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadErrors {
    /// What people call the load.
    pub load: String,
    /// Its numbers, by name.
    pub numbers: Vec<LoadError>,
}

/// How far the simulation of one number is off, relative.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadError {
    /// Such as `ttft.mean`.
    pub name: String,
    /// As measured [s].
    pub measured: f64,
    /// With the coefficients as they were.
    pub before: f64,
    /// Fitted to all loads.
    pub after: f64,
    /// Fitted to all other loads; `None` if these are too few.
    pub left_out: Option<f64>,
}

/// The errors of each load, for a scenario that has the fitted coefficients: numbers of each with the coefficients as
/// they were, and as they are.
pub fn of_loads(
    scenario: &Scenario,
    loads: &[OneLoad],
    (before, after): (&[Vec<ComparedNumber>], &[Vec<ComparedNumber>]),
    fitted: &[Fittable],
) -> Result<Vec<LoadErrors>, Refusal> {
    let mut found = Vec::with_capacity(loads.len());
    for ((load, before), after) in loads.iter().zip(before).zip(after) {
        let of = |numbers: &[ComparedNumber], name: &str| {
            let number = numbers.iter().find(|number| number.name == name);
            number.map(|number| number.error)
        };
        let numbers = before.iter().filter(|number| REPORTED.contains(&&*number.name));
        let numbers = numbers.map(|number| LoadError {
            name: number.name.clone(),
            measured: number.measured,
            before: number.error,
            after: of(after, &number.name).unwrap_or(number.error),
            left_out: None,
        });
        found.push(LoadErrors {
            load: load.label.clone(),
            numbers: numbers.collect(),
        });
    }
    if loads.len() < LEAST_LOADS {
        return Ok(found);
    }
    for (place, errors) in found.iter_mut().enumerate() {
        let others = loads.iter().enumerate().filter(|&(other, _)| other != place);
        let rest = SeveralLoads::new(others.map(|(_, load)| load).collect());
        if rest.targets().len() < fitted.len() {
            continue;
        }
        let mut without = scenario.clone();
        selection::fit_again(&mut without, &rest, fitted)?;
        let predicted = loads[place].statistics(&without)?;
        for number in &mut errors.numbers {
            let same = predicted.iter().find(|one| one.name == number.name);
            number.left_out = same.map(|one| one.error);
        }
    }
    Ok(found)
}

/// Loads that a fit to the others predicts worse than the defaults do, in words.
pub fn warnings(errors: &[LoadErrors]) -> Vec<String> {
    /// Two runs of one experiment differ as much.
    const CHANCE: f64 = 0.02;
    let mut worse = Vec::new();
    for load in errors {
        for number in &load.numbers {
            if let Some(left_out) = number.left_out.filter(|it| it.abs() > number.before.abs() + CHANCE) {
                worse.push(format!(
                    "{} of {} ({:+.0} % instead of {:+.0} %)",
                    number.name,
                    load.load,
                    100.0 * left_out,
                    100.0 * number.before
                ));
            }
        }
    }
    if worse.is_empty() {
        return Vec::new();
    }
    vec![format!(
        "fitted to the other loads, the coefficients predict worse than the defaults: {}; use them at loads like the \
         measured ones only",
        worse.join(", ")
    )]
}
