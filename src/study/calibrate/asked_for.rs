//! Fits of exactly the coefficients that somebody asked for.

use super::coefficient::Fittable;
use super::comparison::LeftOut;
use super::refusal::Refusal;
use super::search::{CoefficientSearch, Selection, most_alike, with_error};

/// Fits what was asked for, or says why it cannot be.
pub fn fit(search: &mut CoefficientSearch<'_>, asked_for: &[Fittable]) -> Result<Selection, Refusal> {
    for &coefficient in asked_for {
        let is_given = search.is_given(coefficient);
        let is_of_steps = search.targets().iter().all(|it| it.latency.is_none());
        let is_unseen = is_of_steps && (coefficient.is_of_front_end() || coefficient == Fittable::PromptScale);
        if let Some(reason) = search.is_blind_to(coefficient).filter(|_| is_given || is_unseen) {
            return Err(Refusal::new(
                format!("{} cannot be fitted: {reason}", coefficient.name()),
                "leave it out of --coefficients",
            ));
        }
    }
    let fit = search.run(asked_for)?;
    if let Some(beyond) = CoefficientSearch::front_end_at_its_bound(asked_for, &fit) {
        return Err(Refusal::new(
            format!("{} {}", beyond.coefficient.name(), beyond.reason),
            "leave it out of --coefficients, and compare gpu, tensor_parallel, weights, the limits of [batching], \
             and what prompts share",
        ));
    }
    let mut warnings = Vec::new();
    for (at, &coefficient) in asked_for.iter().enumerate() {
        let (value, error) = (fit.values[at], search.standard_error(&fit, at));
        let is_unknown = search.targets().len() < asked_for.len() || !error.is_finite();
        if is_unknown {
            return Err(Refusal::new(
                format!(
                    "{} numbers cannot tell {} beside the others that were asked for",
                    search.targets().len(),
                    coefficient.name()
                ),
                "ask for fewer with --coefficients",
            ));
        }
        if search.is_unknown(coefficient, &fit, at) {
            warnings.push(format!(
                "{} is fitted as asked, but known as {} only",
                coefficient.name(),
                with_error(coefficient, value, error)
            ));
        }
    }
    if let Some((one, other, correlation)) = most_alike(asked_for, &fit) {
        warnings.push(format!(
            "{} and {} are fitted as asked, but cannot be told apart (correlation {correlation:.3})",
            one.name(),
            other.name()
        ));
    }
    let not_asked_for = Fittable::ALL.iter().filter(|one| !asked_for.contains(one));
    search.warnings.append(&mut warnings);
    let left_out = not_asked_for.map(|&coefficient| LeftOut {
        coefficient,
        reason: "not asked for".to_owned(),
    });
    search.selected(asked_for, &fit, left_out.collect())
}
