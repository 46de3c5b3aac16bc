//! How well a calibration predicts a load that it has not seen: each load is left out in turn.

use super::coefficient::Fittable;
use super::comparison::{ComparedNumber, FittedData};
use super::refusal::Refusal;
use super::search::{Fitted, Selection};
use super::selection::{self, FoundCoefficients};
use super::several::{OneLoad, SeveralLoads};
use crate::config::Scenario;

/// Fewer loads leave too few for a fit once one of them is left out.
const LEAST_LOADS: usize = 3;

/// Further coefficients must predict loads left out with this part of the error without them: where few loads are
/// fitted, they follow chance.
const GAIN: f64 = 0.75;

/// What is reported of each load.
const REPORTED: [&str; 5] = ["ttft.mean", "tpot.mean", "itl.mean", "e2e.mean", "step"];

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
    for (errors, predicted) in found.iter_mut().zip(predicted(scenario, loads, fitted)?) {
        for number in &mut errors.numbers {
            let same = predicted.iter().flatten().find(|one| one.name == number.name);
            number.left_out = same.map(|one| one.error);
        }
    }
    Ok(found)
}

/// Each load as the coefficients that are fitted to all others predict it, from the scenario's own on; `None` where the
/// others are too few to fit anything to.
fn predicted(
    scenario: &Scenario,
    loads: &[OneLoad],
    fitted: &[Fittable],
) -> Result<Vec<Option<Vec<ComparedNumber>>>, Refusal> {
    let one = |(place, load): (usize, &OneLoad)| {
        let others = loads.iter().enumerate().filter(|&(other, _)| other != place);
        let rest = SeveralLoads::new(others.map(|(_, load)| load).collect());
        if loads.len() < LEAST_LOADS || rest.targets().len() < fitted.len() {
            return Ok(None);
        }
        let mut without = scenario.clone();
        selection::fit_again(&mut without, &rest, fitted)?;
        Ok(Some(load.statistics(&without)?))
    };
    loads.iter().enumerate().map(one).collect()
}

/// The best fit, or a simpler one where it predicts loads that it was not fitted to no clearly better; the best one if
/// there are too few loads to tell.
pub fn that_predicts_best(
    scenario: &Scenario,
    loads: &[OneLoad],
    found: FoundCoefficients,
) -> Result<Selection, Refusal> {
    let FoundCoefficients { best, simpler } = found;
    let Some(simpler) = simpler else {
        return Ok(best);
    };
    let error_of = |selection: &Selection| -> Result<Option<f64>, Refusal> {
        let mut fitted = scenario.clone();
        for one in &selection.fitted {
            one.coefficient.set(&mut fitted, one.value);
        }
        let coefficients: Vec<Fittable> = selection.fitted.iter().map(|one| one.coefficient).collect();
        let predicted: Option<Vec<_>> = predicted(&fitted, loads, &coefficients)?.into_iter().collect();
        Ok(predicted.filter(|all| !all.is_empty()).map(|all| in_the_mean(&all)))
    };
    let is_no_gain = match (error_of(&best)?, error_of(&simpler)?) {
        (Some(best), Some(simpler)) => best > simpler * GAIN,
        _ => false,
    };
    Ok(if is_no_gain { simpler } else { best })
}

/// The root of the mean square of what is reported, but for what hangs on how long outputs happen to be.
fn in_the_mean(loads: &[Vec<ComparedNumber>]) -> f64 {
    let is_counted = |name: &str| REPORTED.contains(&name) && name != "e2e.mean";
    let counted = loads.iter().flatten().filter(|number| is_counted(&number.name));
    let squares: Vec<f64> = counted.map(|number| number.error.powi(2)).collect();
    (squares.iter().sum::<f64>() / squares.len().max(1) as f64).sqrt()
}

/// Whether factors on kinds of kernels were held against no load that they were not fitted to, in words.
pub fn untested(fitted: &[Fitted], errors: &[LoadErrors]) -> Option<String> {
    let mut numbers = errors.iter().flat_map(|load| &load.numbers);
    let is_tested = numbers.any(|number| number.left_out.is_some());
    let separate = fitted
        .iter()
        .map(|one| one.coefficient)
        .filter(|it| it.is_separate_scale());
    let names: Vec<&str> = separate.map(Fittable::name).collect();
    (!names.is_empty() && !is_tested).then(|| {
        format!(
            "nothing shows how well {} predict other loads: it takes {LEAST_LOADS} loads, each left out in turn; use \
             them at loads like the measured ones only",
            names.join(" and ")
        )
    })
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
