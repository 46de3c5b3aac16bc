//! Which coefficients the data can tell, and their values.

use super::coefficient::Fittable;
use super::comparison::{FittedData, LeftOut};
use super::refusal::Refusal;
use crate::config::Scenario;
use crate::stats::{Fit, Interval, least_squares, t_quantile_975};
use crate::study::SimulationError;

/// A coefficient with its new value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fitted {
    /// The coefficient that got a new value.
    pub coefficient: Fittable,
    /// Its value before.
    pub default: f64,
    /// Its value now.
    pub value: f64,
    /// The range that holds the true value with a confidence of 95 %, as far as residuals are independent.
    pub interval: Interval,
}

/// What was fitted, and what was not.
pub struct Selection {
    pub fitted: Vec<Fitted>,
    pub left_out: Vec<LeftOut>,
    pub warnings: Vec<String>,
}

/// Two coefficients whose errors go together so closely cannot be told apart.
const MOST_CORRELATED: f64 = 0.95;
/// How much better kernels must fit than a constant to be taken in its place.
const CLEARLY_BETTER: f64 = 0.5;
/// And by more than noise would make them: two standard deviations.
const MORE_THAN_NOISE: f64 = 4.0;
/// A latency that is further off is not noisy but wrong, and is to be seen.
const MOST_NOISE: f64 = 0.05;
/// Fits that find out what the noise of each latency is: the first one takes all for equally noisy.
const WEIGHINGS: usize = 2;
/// A value this close to its bound is at it, as a part of the bound.
const NEARLY: f64 = 0.99;
/// Rounds of the search: each takes a simulation a coefficient, and a few.
const ROUNDS: usize = 12;

/// Fits what the data can tell; of the rest, says why it is left out.
pub fn fit(
    scenario: &mut Scenario,
    comparison: &dyn FittedData,
    asked_for: Option<&[Fittable]>,
) -> Result<Selection, Refusal> {
    let mut search = Search::new(scenario, comparison);
    if let Some(asked_for) = asked_for {
        return search.only(asked_for);
    }
    let mut left_out = Vec::new();
    let mut chosen = Vec::new();
    for coefficient in Fittable::ALL {
        match search.is_blind_to(coefficient) {
            Some(reason) => left_out.push(LeftOut { coefficient, reason }),
            None => chosen.push(coefficient),
        }
    }
    refuse_nothing(&chosen, &left_out)?;
    // What a constant at its bound leaves is no noise.
    let first = search.run(&chosen)?;
    if let Some(change) = Search::constant_at_its_bound(&chosen, &first) {
        exchange(&mut chosen, &mut left_out, change);
    }
    for _ in 0..WEIGHINGS {
        search.weigh(&chosen)?;
    }
    let mut at = search.run(&chosen)?;
    Search::refuse_bounds(&chosen, &at)?;
    while let Some(change) = search.complaint(&chosen, &at)? {
        exchange(&mut chosen, &mut left_out, change);
        refuse_nothing(&chosen, &left_out)?;
        at = search.run(&chosen)?;
        Search::refuse_bounds(&chosen, &at)?;
    }
    left_out.sort_by_key(|one| place(one.coefficient));
    Ok(Selection {
        fitted: search.fitted(&chosen, &at),
        left_out,
        warnings: search.warnings,
    })
}

/// Fits exactly these again to other data, whatever their errors, and leaves the scenario with them.
pub fn fit_again(scenario: &mut Scenario, comparison: &dyn FittedData, fitted: &[Fittable]) -> Result<(), Refusal> {
    let fit = Search::new(scenario, comparison).run(fitted)?;
    for (coefficient, value) in fitted.iter().zip(&fit.values) {
        coefficient.set(scenario, *value);
    }
    Ok(())
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

fn place(coefficient: Fittable) -> usize {
    let all = Fittable::ALL;
    all.iter().position(|one| *one == coefficient).unwrap_or(all.len())
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

/// Simulations with other coefficients.
struct Search<'a> {
    scenario: &'a mut Scenario,
    comparison: &'a dyn FittedData,
    defaults: Vec<f64>,
    /// Where a search starts: what the one before has found.
    starts: Vec<f64>,
    /// What one residual is worth, by target.
    noise: Vec<f64>,
    /// Whether the scenario itself says what its front end costs.
    front_end_is_given: bool,
    /// What the user should know.
    warnings: Vec<String>,
}

impl<'a> Search<'a> {
    fn new(scenario: &'a mut Scenario, comparison: &'a dyn FittedData) -> Self {
        let front_end_is_given = scenario
            .settings
            .iter()
            .any(|one| one.key.starts_with("server.front_end.") && !one.is_default);
        let defaults = Fittable::ALL.map(|one| one.of(scenario)).to_vec();
        Self {
            starts: defaults.clone(),
            defaults,
            noise: comparison.targets().iter().map(|it| it.noise).collect(),
            front_end_is_given,
            warnings: Vec::new(),
            scenario,
            comparison,
        }
    }

    fn default(&self, coefficient: Fittable) -> f64 {
        self.defaults[place(coefficient)]
    }

    fn is_blind_to(&self, coefficient: Fittable) -> Option<String> {
        if self.front_end_is_given && coefficient.is_of_front_end() {
            return Some("the scenario gives it (server.front_end)".to_owned());
        }
        self.comparison.is_blind_to(coefficient)
    }

    /// Fits exactly these; the others have their defaults.
    fn run(&mut self, chosen: &[Fittable]) -> Result<Fit, Refusal> {
        for (coefficient, default) in Fittable::ALL.into_iter().zip(&self.defaults) {
            coefficient.set(self.scenario, *default);
        }
        let coefficients: Vec<_> = chosen.iter().map(|one| one.search(self.starts[place(*one)])).collect();
        let (scenario, comparison, noise) = (&mut *self.scenario, self.comparison, &self.noise);
        let mut failure: Option<SimulationError> = None;
        let fit = least_squares(&coefficients, ROUNDS, |values| {
            for (coefficient, value) in chosen.iter().zip(values) {
                coefficient.set(scenario, *value);
            }
            let simulated = comparison.simulate(scenario).unwrap_or_else(|error| {
                failure = Some(error);
                vec![1.0; noise.len()]
            });
            let off = simulated.iter().zip(comparison.targets()).zip(noise);
            off.map(|((simulated, target), noise)| (simulated / target.measured).ln() / noise)
                .collect()
        });
        if let Some(error) = failure {
            return Err(error.into());
        }
        for (coefficient, value) in chosen.iter().zip(&fit.values) {
            self.starts[place(*coefficient)] = *value;
        }
        Ok(fit)
    }

    /// Takes what the best fit of all leaves of each latency for its noise, so that one which the model knows less well
    /// counts for less.
    fn weigh(&mut self, chosen: &[Fittable]) -> Result<(), Refusal> {
        let fit = self.run(chosen)?;
        for (coefficient, value) in chosen.iter().zip(&fit.values) {
            coefficient.set(self.scenario, *value);
        }
        let simulated = self.comparison.simulate(self.scenario)?;
        let targets = self.comparison.targets();
        let off = |place: usize| (simulated[place] / targets[place].measured).ln();
        let noise = targets.iter().map(|target| {
            let alike = (0..targets.len()).filter(|&place| targets[place].latency == target.latency);
            let squares: Vec<f64> = alike.map(|place| off(place).powi(2)).collect();
            let left = (squares.iter().sum::<f64>() / squares.len() as f64).sqrt();
            target.noise.max(left.min(MOST_NOISE))
        });
        self.noise = noise.collect();
        Ok(())
    }

    /// The standard error of a coefficient: no less than noise alone would leave.
    fn standard_error(&self, fit: &Fit, at: usize) -> f64 {
        fit.unit_errors[at] * self.variance(fit).max(1.0).sqrt()
    }

    /// Of the residuals, in units of their noise; that of the noise itself if nothing else is known.
    fn variance(&self, fit: &Fit) -> f64 {
        match self.freedom(fit) {
            0 => 1.0,
            freedom => fit.cost / freedom as f64,
        }
    }

    fn freedom(&self, fit: &Fit) -> usize {
        self.noise.len().saturating_sub(fit.values.len())
    }

    /// A coefficient to be dropped, and what takes its place, if anything.
    fn complaint(&mut self, chosen: &[Fittable], fit: &Fit) -> Result<Option<Change>, Refusal> {
        if let Some((kept, dropped, correlation)) = most_alike(chosen, fit) {
            let reason = format!(
                "its effect cannot be told from that of {} (correlation {correlation:.3})",
                kept.name()
            );
            return self.drop_one(chosen, dropped, reason).map(Some);
        }
        if let Some(at_bound) = Self::constant_at_its_bound(chosen, fit) {
            return Ok(Some(at_bound));
        }
        if let Some(beyond) = Self::front_end_at_its_bound(chosen, fit) {
            self.warnings
                .push(format!("{} {}", beyond.coefficient.name(), beyond.reason));
            return Ok(Some((beyond, None)));
        }
        for (at, &coefficient) in chosen.iter().enumerate() {
            let (value, error) = (fit.values[at], self.standard_error(fit, at));
            if error <= coefficient.largest_error(value, self.default(coefficient)) {
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
            return self.drop_one(chosen, dropped, reason).map(Some);
        }
        Ok(None)
    }

    /// Drops `dropped`; but of a constant and a scale of kernels that cannot both be known, the one that fits clearly
    /// worse.
    fn drop_one(&mut self, chosen: &[Fittable], dropped: Fittable, reason: String) -> Result<Change, Refusal> {
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
            let (constant, scale) = (self.run(&constant)?.cost, self.run(&scale)?.cost);
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

    /// A front end does not take so long: first tokens are late for another reason, which must not be mistaken for it.
    fn front_end_at_its_bound(chosen: &[Fittable], fit: &Fit) -> Option<LeftOut> {
        let is_beyond = |&(at, coefficient): &(usize, &Fittable)| {
            let most = coefficient.search(0.0).most;
            coefficient.is_of_front_end() && fit.values[at] > most * NEARLY
        };
        let (_, &coefficient) = chosen.iter().enumerate().find(is_beyond)?;
        let most = coefficient.search(0.0).most;
        Some(LeftOut {
            coefficient,
            reason: format!(
                "would have to be above {most:.0} us, which no front end takes: first tokens are late for another \
                 reason, and the scenario may not be what was measured"
            ),
        })
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

    /// Fits what was asked for, or says why it cannot be.
    fn only(&mut self, asked_for: &[Fittable]) -> Result<Selection, Refusal> {
        for &coefficient in asked_for {
            let is_given = self.front_end_is_given && coefficient.is_of_front_end();
            let is_unseen =
                self.comparison.targets().iter().all(|it| it.latency.is_none()) && coefficient.is_of_front_end();
            if let Some(reason) = self.is_blind_to(coefficient).filter(|_| is_given || is_unseen) {
                return Err(Refusal::new(
                    format!("{} cannot be fitted: {reason}", coefficient.name()),
                    "leave it out of --coefficients",
                ));
            }
        }
        let fit = self.run(asked_for)?;
        if let Some(beyond) = Self::front_end_at_its_bound(asked_for, &fit) {
            return Err(Refusal::new(
                format!("{} {}", beyond.coefficient.name(), beyond.reason),
                "leave it out of --coefficients, and compare gpu, tensor_parallel, weights, the limits of [batching], \
                 and what prompts share",
            ));
        }
        let mut warnings = Vec::new();
        for (at, &coefficient) in asked_for.iter().enumerate() {
            let (value, error) = (fit.values[at], self.standard_error(&fit, at));
            let is_unknown = self.noise.len() < asked_for.len() || !error.is_finite();
            if is_unknown {
                return Err(Refusal::new(
                    format!(
                        "{} numbers cannot tell {} beside the others that were asked for",
                        self.noise.len(),
                        coefficient.name()
                    ),
                    "ask for fewer with --coefficients",
                ));
            }
            if error > coefficient.largest_error(value, self.default(coefficient)) {
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
        Ok(Selection {
            fitted: self.fitted(asked_for, &fit),
            left_out: not_asked_for
                .map(|&coefficient| LeftOut {
                    coefficient,
                    reason: "not asked for".to_owned(),
                })
                .collect(),
            warnings,
        })
    }

    /// The values with their intervals, in the order of [`Fittable::ALL`]; the scenario has them all.
    fn fitted(&mut self, chosen: &[Fittable], fit: &Fit) -> Vec<Fitted> {
        for (coefficient, default) in Fittable::ALL.into_iter().zip(&self.defaults) {
            coefficient.set(self.scenario, *default);
        }
        // Without residuals to spare the noise is taken for known.
        let quantile = match self.freedom(fit) {
            0 => t_quantile_975(usize::MAX),
            freedom => t_quantile_975(freedom),
        };
        let fitted = chosen.iter().enumerate().map(|(at, &coefficient)| {
            let (value, half) = (fit.values[at], quantile * self.standard_error(fit, at));
            let bounds = coefficient.search(0.0);
            Fitted {
                coefficient,
                default: self.default(coefficient),
                value,
                interval: Interval {
                    low: (value - half).max(bounds.least),
                    high: value + half,
                },
            }
        });
        let mut fitted: Vec<Fitted> = fitted.collect();
        fitted.sort_by_key(|one| place(one.coefficient));
        fitted
    }
}

fn with_error(coefficient: Fittable, value: f64, error: f64) -> String {
    let unit = coefficient.unit();
    if !error.is_finite() {
        return "anything, as it changes nothing".to_owned();
    }
    match coefficient {
        Fittable::KernelScale => format!("{value:.3} +- {error:.3}"),
        _ => format!("{value:.0} +- {error:.0} {unit}"),
    }
}

/// The pair whose errors go together most, if that is too closely: which is kept, which dropped, and how closely.
fn most_alike(chosen: &[Fittable], fit: &Fit) -> Option<(Fittable, Fittable, f64)> {
    let mut most: Option<(Fittable, Fittable, f64)> = None;
    for (row, one) in chosen.iter().enumerate() {
        for (column, other) in chosen.iter().enumerate().skip(row + 1) {
            let correlation = fit.correlations[row][column].abs();
            let is_more = most.is_none_or(|(.., known)| correlation > known);
            if correlation > MOST_CORRELATED && is_more {
                let (kept, dropped) = if place(*one) < place(*other) {
                    (*one, *other)
                } else {
                    (*other, *one)
                };
                most = Some((kept, dropped, correlation));
            }
        }
    }
    most
}
