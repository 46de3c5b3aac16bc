//! Which coefficients the data can tell if each kind of kernels has a factor of its own, and their values.

use super::coefficient::Fittable;
use super::comparison::LeftOut;
use super::refusal::Refusal;
use super::search::{CLEARLY_BETTER, CoefficientSearch, MORE_THAN_NOISE, MOST_CORRELATED, Selection, with_error};
use crate::stats::Fit;

/// Coefficients whose errors go together by less than this do not stand in each other's way.
const RELATED: f64 = 0.5;

/// Fits what the data can tell, or says why they tell no such factor. What stands in the way of factors keeps its
/// default: whatever constants alone explain is found with one factor for all.
pub fn fit(search: &mut CoefficientSearch<'_>) -> Result<Result<Selection, String>, Refusal> {
    let mut left_out = Vec::new();
    let mut chosen = Vec::new();
    for coefficient in Fittable::OF_SEPARATE_SCALES {
        match search.is_blind_to(coefficient) {
            Some(reason) => left_out.push(LeftOut { coefficient, reason }),
            None => chosen.push(coefficient),
        }
    }
    if let Some(reason) = nothing_to_tell(&chosen, &left_out) {
        return Ok(Err(reason));
    }
    search.start_again();
    search.weigh(&chosen)?;
    loop {
        let at = search.run(&chosen)?;
        let Some(dropped) = complaint(search, &chosen, &at)? else {
            if let Some(reason) = scale_at_its_bound(&chosen, &at) {
                return Ok(Err(reason));
            }
            return search.selected(&chosen, &at, left_out).map(Ok);
        };
        chosen.retain(|one| *one != dropped.coefficient);
        left_out.push(dropped);
        if let Some(reason) = nothing_to_tell(&chosen, &left_out) {
            return Ok(Err(reason));
        }
    }
}

/// Without two kinds of kernels to be told from each other there is nothing to add to a factor for all: why.
fn nothing_to_tell(chosen: &[Fittable], left_out: &[LeftOut]) -> Option<String> {
    let scales = chosen.iter().filter(|one| one.is_separate_scale()).count();
    if scales > 1 {
        return None;
    }
    let reason_of = |coefficient| {
        let mut all = left_out.iter().rev();
        all.find(|one| one.coefficient == coefficient)
            .map(|one| one.reason.clone())
    };
    let reason = reason_of(Fittable::PromptScale).or_else(|| reason_of(Fittable::DecodeScale));
    Some(reason.unwrap_or_else(|| "nothing tells one kind of kernels from another".to_owned()))
}

/// Kernels that are so far off are those of another deployment: in words.
fn scale_at_its_bound(chosen: &[Fittable], fit: &Fit) -> Option<String> {
    let is_there = |&(&coefficient, &value): &(&Fittable, &f64)| {
        let bounds = coefficient.search(1.0);
        coefficient.is_scale() && (value <= bounds.least || value >= bounds.most)
    };
    let (coefficient, _) = chosen.iter().zip(&fit.values).find(is_there)?;
    let bounds = coefficient.search(1.0);
    Some(format!(
        "{} would have to leave {} to {}, which kernels of this deployment do not",
        coefficient.name(),
        bounds.least,
        bounds.most
    ))
}

/// A coefficient to be dropped, if any is known too badly or stands for something else.
fn complaint(search: &mut CoefficientSearch<'_>, chosen: &[Fittable], fit: &Fit) -> Result<Option<LeftOut>, Refusal> {
    if let Some(at_bound) = constant_at_its_bound(chosen, fit) {
        return Ok(Some(at_bound));
    }
    let Some(worst) = least_known(search, chosen, fit) else {
        return Ok(None);
    };
    let related = (0..chosen.len()).filter(|&at| at == worst || fit.correlations[worst][at].abs() > RELATED);
    let mut without = Vec::new();
    for at in related {
        let rest: Vec<Fittable> = chosen.iter().copied().filter(|one| *one != chosen[at]).collect();
        without.push((at, search.run(&rest)?.cost));
    }
    let least = without.iter().map(|(_, cost)| *cost).fold(f64::INFINITY, f64::min);
    let is_as_good = |cost: f64| cost - least <= MORE_THAN_NOISE || least >= CLEARLY_BETTER * cost;
    // The last of those without which the rest fits as well: those that are kept first come first.
    let as_good = without.iter().rev().find(|(_, cost)| is_as_good(*cost));
    let at = as_good.map_or(worst, |(at, _)| *at);
    let (value, error) = (fit.values[worst], search.standard_error(fit, worst));
    let known = with_error(chosen[worst], value, error);
    let reason = if at == worst {
        format!("the data leave it at {known}")
    } else {
        format!("beside it {} would be known as {known} only", chosen[worst].name())
    };
    let coefficient = chosen[at];
    Ok(Some(LeftOut { coefficient, reason }))
}

/// What is known worst of all that is known too badly, or a constant whose effect cannot be told from another's.
fn least_known(search: &CoefficientSearch<'_>, chosen: &[Fittable], fit: &Fit) -> Option<usize> {
    let badness = |at: usize| {
        let allowed = chosen[at].largest_error(fit.values[at], search.default(chosen[at]));
        search.standard_error(fit, at) / allowed
    };
    let unknown = (0..chosen.len()).filter(|&at| search.is_unknown(chosen[at], fit, at));
    let worst = unknown.max_by(|&one, &other| badness(one).total_cmp(&badness(other)));
    worst.or_else(|| {
        let is_alike = |&at: &usize| {
            let others = (0..chosen.len()).filter(|&other| other != at);
            !chosen[at].is_scale() && { others }.any(|other| fit.correlations[at][other].abs() > MOST_CORRELATED)
        };
        (0..chosen.len()).rev().find(is_alike)
    })
}

/// A constant at the end of its range stands for something else.
fn constant_at_its_bound(chosen: &[Fittable], fit: &Fit) -> Option<LeftOut> {
    let is_there = |&(&coefficient, &value): &(&Fittable, &f64)| {
        let bounds = coefficient.search(0.0);
        !coefficient.is_scale() && (value <= bounds.least || value >= bounds.most)
    };
    let (&coefficient, _) = chosen.iter().zip(&fit.values).find(is_there)?;
    let bounds = coefficient.search(0.0);
    let reason = format!("it would have to leave {} to {} us", bounds.least, bounds.most);
    Some(LeftOut { coefficient, reason })
}
