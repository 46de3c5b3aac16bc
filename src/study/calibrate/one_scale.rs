//! Which coefficients the data can tell if all kernels take the same factor, and their values.

use super::coefficient::Fittable;
use super::comparison::LeftOut;
use super::refusal::Refusal;
use super::search::{CLEARLY_BETTER, CoefficientSearch, MORE_THAN_NOISE, Selection, most_alike, with_error};
use crate::stats::Fit;

/// Fits what the data can tell; of the rest, says why it is left out.
pub fn fit(search: &mut CoefficientSearch<'_>) -> Result<Selection, Refusal> {
    let mut left_out = Vec::new();
    let mut chosen = Vec::new();
    for coefficient in Fittable::OF_ONE_SCALE {
        match search.is_blind_to(coefficient) {
            Some(reason) => left_out.push(LeftOut { coefficient, reason }),
            None => chosen.push(coefficient),
        }
    }
    refuse_nothing(&chosen, &left_out)?;
    // What a constant at its bound leaves is no noise.
    let first = search.run(&chosen)?;
    if let Some(change) = constant_at_its_bound(&chosen, &first) {
        exchange(&mut chosen, &mut left_out, change);
    }
    search.weigh(&chosen)?;
    let mut at = search.run(&chosen)?;
    refuse_bounds(&chosen, &at)?;
    while let Some(change) = complaint(search, &chosen, &at)? {
        exchange(&mut chosen, &mut left_out, change);
        refuse_nothing(&chosen, &left_out)?;
        at = search.run(&chosen)?;
        refuse_bounds(&chosen, &at)?;
    }
    search.selected(&chosen, &at, left_out)
}

/// A coefficient that is dropped, and what takes its place, if anything.
type Change = (LeftOut, Option<Fittable>);

fn exchange(chosen: &mut Vec<Fittable>, left_out: &mut Vec<LeftOut>, change: Change) {
    let (dropped, instead) = change;
    chosen.retain(|one| *one != dropped.coefficient);
    left_out.retain(|one| Some(one.coefficient) != instead);
    left_out.push(dropped);
    let is_new = |one: &Fittable| !chosen.contains(one);
    if let Some(instead) = instead.filter(is_new) {
        chosen.push(instead);
    }
}

fn refuse_nothing(chosen: &[Fittable], left_out: &[LeftOut]) -> Result<(), Refusal> {
    if !chosen.is_empty() {
        return Ok(());
    }
    let reasons: Vec<String> = left_out
        .iter()
        .map(|one| format!("{}: {}", one.coefficient.name(), one.reason))
        .collect();
    Err(Refusal::new(
        format!(
            "the data can tell none of the coefficients\n   {}",
            reasons.join("\n   ")
        ),
        "measure more requests, at several loads; or steps of several sizes",
    ))
}

/// A coefficient to be dropped, and what takes its place, if anything.
fn complaint(search: &mut CoefficientSearch<'_>, chosen: &[Fittable], fit: &Fit) -> Result<Option<Change>, Refusal> {
    if let Some((kept, dropped, correlation)) = most_alike(chosen, fit) {
        let reason = format!(
            "its effect cannot be told from that of {} (correlation {correlation:.3})",
            kept.name()
        );
        return drop_one(search, chosen, dropped, reason).map(Some);
    }
    if let Some(at_bound) = constant_at_its_bound(chosen, fit) {
        return Ok(Some(at_bound));
    }
    if let Some(beyond) = CoefficientSearch::front_end_at_its_bound(chosen, fit) {
        search
            .warnings
            .push(format!("{} {}", beyond.coefficient.name(), beyond.reason));
        return Ok(Some((beyond, None)));
    }
    for (at, &coefficient) in chosen.iter().enumerate() {
        let (value, error) = (fit.values[at], search.standard_error(fit, at));
        if !search.is_unknown(coefficient, fit, at) {
            continue;
        }
        // Of two that share an effect, the one that is kept is known well.
        let partner = match coefficient {
            Fittable::StepMicros => Fittable::KernelScale,
            Fittable::LatencyMicros => Fittable::PerStreamMicros,
            other => other,
        };
        let dropped = if chosen.contains(&partner) {
            partner
        } else {
            coefficient
        };
        let reason = if dropped == coefficient {
            format!("the data leave it at {}", with_error(coefficient, value, error))
        } else {
            format!(
                "beside it {} would be known as {} only",
                coefficient.name(),
                with_error(coefficient, value, error)
            )
        };
        return drop_one(search, chosen, dropped, reason).map(Some);
    }
    Ok(None)
}

/// Drops `dropped`; but of a constant and a scale of kernels that cannot both be known, the one that fits clearly
/// worse.
fn drop_one(
    search: &mut CoefficientSearch<'_>,
    chosen: &[Fittable],
    dropped: Fittable,
    reason: String,
) -> Result<Change, Refusal> {
    let both = [Fittable::StepMicros, Fittable::KernelScale];
    let mut left_out = LeftOut {
        coefficient: dropped,
        reason,
    };
    if dropped == Fittable::KernelScale && chosen.contains(&Fittable::StepMicros) {
        let [constant, scale] = both.map(|kept| {
            let without = |one: &&Fittable| !both.contains(one) || **one == kept;
            chosen.iter().filter(without).copied().collect::<Vec<_>>()
        });
        let (constant, scale) = (search.run(&constant)?.cost, search.run(&scale)?.cost);
        if scale < CLEARLY_BETTER * constant && constant - scale > MORE_THAN_NOISE {
            left_out = LeftOut {
                coefficient: Fittable::StepMicros,
                reason: "it cannot be told from kernel_scale, which alone fits better".to_owned(),
            };
        }
    }
    Ok((left_out, None))
}

/// A constant that would have to leave its range stands for kernels that are priced wrongly.
fn constant_at_its_bound(chosen: &[Fittable], fit: &Fit) -> Option<Change> {
    let coefficient = Fittable::StepMicros;
    let at = chosen.iter().position(|one| *one == coefficient)?;
    let bounds = coefficient.search(0.0);
    let (value, slack) = (fit.values[at], 0.5);
    if value > bounds.least + slack && value < bounds.most - slack {
        return None;
    }
    let reason = format!(
        "it would have to leave {} to {} us, so kernel_scale takes its place",
        bounds.least, bounds.most
    );
    let dropped = LeftOut { coefficient, reason };
    Some((dropped, Some(Fittable::KernelScale)))
}

/// Kernels at the end of their range, without a constant that could be to blame, are those of another deployment.
fn refuse_bounds(chosen: &[Fittable], fit: &Fit) -> Result<(), Refusal> {
    let Some(at) = chosen.iter().position(|one| *one == Fittable::KernelScale) else {
        return Ok(());
    };
    if chosen.contains(&Fittable::StepMicros) {
        return Ok(());
    }
    let bounds = Fittable::KernelScale.search(1.0);
    let value = fit.values[at];
    if value > bounds.least && value < bounds.most {
        return Ok(());
    }
    Err(Refusal::new(
        format!(
            "kernels would have to take less than {} or more than {} times what was measured of them",
            bounds.least, bounds.most
        ),
        "the scenario is not what was measured: compare gpu, tensor_parallel, model and weights",
    ))
}
