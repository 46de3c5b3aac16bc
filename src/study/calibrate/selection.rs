//! Which coefficients the data can tell: with one factor for all kernels, or with one for each kind of them.

use super::asked_for;
use super::coefficient::Fittable;
use super::comparison::FittedData;
use super::one_scale;
use super::refusal::Refusal;
use super::search::{CLEARLY_BETTER, CoefficientSearch, MORE_THAN_NOISE, Selection};
use super::separate_scales;
use crate::config::Scenario;

/// What was found, and what is to be had with fewer factors, if there is anything.
pub struct FoundCoefficients {
    pub best: Selection,
    pub simpler: Option<Selection>,
}

/// Where one factor explains nothing, separate ones must leave no more than this of each number in the mean, in units
/// of what chance does to it.
const MOST_LEFT: f64 = 3.0;

/// Fits what the data can tell; of the rest, says why it is left out.
pub fn fit(
    scenario: &mut Scenario,
    comparison: &dyn FittedData,
    asked_for: Option<&[Fittable]>,
) -> Result<FoundCoefficients, Refusal> {
    let mut search = CoefficientSearch::new(scenario, comparison);
    if let Some(asked_for) = asked_for {
        let best = asked_for::fit(&mut search, asked_for)?;
        return Ok(FoundCoefficients { best, simpler: None });
    }
    let one = match one_scale::fit(&mut search) {
        Ok(one) if one.misfit <= one.freedom as f64 => {
            let best = without_separate(
                &search,
                one,
                "one factor for all kernels, or none, leaves no more than chance",
            );
            return Ok(FoundCoefficients { best, simpler: None });
        }
        one => one,
    };
    let separate = match separate_scales::fit(&mut search)? {
        Ok(separate) => separate,
        Err(reason) => {
            let best = without_separate(&search, one?, &reason);
            return Ok(FoundCoefficients { best, simpler: None });
        }
    };
    let one = match one {
        Ok(one) => one,
        Err(_) if explains(&separate) => {
            let best = without_one(separate);
            return Ok(FoundCoefficients { best, simpler: None });
        }
        Err(refusal) => return Err(refusal),
    };
    if !is_better(&separate, &one) {
        let best = without_separate(&search, one, "one factor for all kernels, or none, fits as well");
        return Ok(FoundCoefficients { best, simpler: None });
    }
    let reason = "fitted to the other loads, separate factors predict the one left out no better than one factor does";
    Ok(FoundCoefficients {
        best: without_one(separate),
        simpler: Some(without_separate(&search, one, reason)),
    })
}

/// Whether separate factors leave clearly less than one does, and more so than further coefficients do by chance.
fn is_better(separate: &Selection, one: &Selection) -> bool {
    let more = separate.fitted.len().saturating_sub(one.fitted.len()).max(1) as f64;
    separate.misfit < CLEARLY_BETTER * one.misfit && one.misfit - separate.misfit > MORE_THAN_NOISE * more
}

fn explains(selection: &Selection) -> bool {
    selection.freedom > 0 && selection.misfit <= MOST_LEFT.powi(2) * selection.freedom as f64
}

fn without_one(mut separate: Selection) -> Selection {
    let reason = "kernels of each kind have a factor of their own";
    separate.leave_out(Fittable::KernelScale, reason);
    separate
}

/// Says why there are no separate factors: what no data of this kind could tell comes first.
fn without_separate(search: &CoefficientSearch<'_>, mut one: Selection, reason: &str) -> Selection {
    for coefficient in Fittable::ALL.into_iter().filter(|it| it.is_separate_scale()) {
        let blind = search.is_blind_to(coefficient);
        one.leave_out(coefficient, blind.as_deref().unwrap_or(reason));
    }
    one
}

/// Fits exactly these again to other data, whatever their errors, and leaves the scenario with them.
pub fn fit_again(scenario: &mut Scenario, comparison: &dyn FittedData, fitted: &[Fittable]) -> Result<(), Refusal> {
    let fit = CoefficientSearch::new(scenario, comparison).run(fitted)?;
    for (coefficient, value) in fitted.iter().zip(&fit.values) {
        coefficient.set(scenario, *value);
    }
    Ok(())
}
