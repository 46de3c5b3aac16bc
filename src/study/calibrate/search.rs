//! Fits of given coefficients to data, and how well the data know them.

use super::coefficient::Fittable;
use super::comparison::{FittedData, LeftOut, Target};
use super::refusal::Refusal;
use crate::config::Scenario;
use crate::hardware::FeedForward;
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
    /// What it leaves of the data: the sum of the squared residuals, in units of what chance alone does to each.
    pub misfit: f64,
    /// Numbers that were fitted beyond those that are known now.
    pub freedom: usize,
}

impl Selection {
    /// Says of this one too why it keeps its default.
    pub fn leave_out(&mut self, coefficient: Fittable, reason: &str) {
        let reason = reason.to_owned();
        self.left_out.push(LeftOut { coefficient, reason });
        self.left_out.sort_by_key(|one| place(one.coefficient));
    }
}

/// Of two fits the one that leaves less than this part of what the other leaves is clearly better.
pub const CLEARLY_BETTER: f64 = 0.5;
/// And by more than noise would make it: two standard deviations.
pub const MORE_THAN_NOISE: f64 = 4.0;
/// Two coefficients whose errors go together so closely cannot be told apart.
pub const MOST_CORRELATED: f64 = 0.95;
/// A value this close to its bound is at it, as a part of the bound.
const NEARLY: f64 = 0.99;
/// A latency that is further off is not noisy but wrong, and is to be seen.
const MOST_NOISE: f64 = 0.05;
/// Fits that find out what the noise of each latency is: the first one takes all for equally noisy.
const WEIGHINGS: usize = 2;
/// Rounds of the search: each takes a simulation a coefficient, and a few.
const ROUNDS: usize = 12;

/// Simulations with other coefficients.
pub struct CoefficientSearch<'a> {
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
    pub warnings: Vec<String>,
}

impl<'a> CoefficientSearch<'a> {
    pub fn new(scenario: &'a mut Scenario, comparison: &'a dyn FittedData) -> Self {
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

    pub fn default(&self, coefficient: Fittable) -> f64 {
        self.defaults[place(coefficient)]
    }

    pub fn is_blind_to(&self, coefficient: Fittable) -> Option<String> {
        if self.is_given(coefficient) {
            return Some("the scenario gives it (server.front_end)".to_owned());
        }
        if coefficient == Fittable::ExpertScale && !self.has_experts() {
            return Some("the model has no experts".to_owned());
        }
        self.comparison.is_blind_to(coefficient)
    }

    fn has_experts(&self) -> bool {
        let layers = self.scenario.deployment.model.layers();
        layers
            .iter()
            .any(|group| matches!(group.feed_forward, FeedForward::Experts(_)))
    }

    /// Forgets what searches before have found.
    pub fn start_again(&mut self) {
        self.starts.clone_from(&self.defaults);
        self.noise = self.targets().iter().map(|it| it.noise).collect();
        self.warnings.clear();
    }

    /// What is fitted.
    pub fn targets(&self) -> &'a [Target] {
        self.comparison.targets()
    }

    /// Whether the scenario itself says what this coefficient is.
    pub const fn is_given(&self, coefficient: Fittable) -> bool {
        self.front_end_is_given && coefficient.is_of_front_end()
    }

    /// Fits exactly these; the others have their defaults.
    pub fn run(&mut self, chosen: &[Fittable]) -> Result<Fit, Refusal> {
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
    pub fn weigh(&mut self, chosen: &[Fittable]) -> Result<(), Refusal> {
        for _ in 0..WEIGHINGS {
            self.weigh_once(chosen)?;
        }
        Ok(())
    }

    fn weigh_once(&mut self, chosen: &[Fittable]) -> Result<(), Refusal> {
        let fit = self.run(chosen)?;
        let off = self.off(chosen, &fit)?;
        let targets = self.targets();
        let kind = |target: &Target| (target.latency, target.is_tail);
        let noise = targets.iter().map(|target| {
            let alike = (0..targets.len()).filter(|&place| kind(&targets[place]) == kind(target));
            let squares: Vec<f64> = alike.map(|place| off[place].powi(2)).collect();
            let left = (squares.iter().sum::<f64>() / squares.len() as f64).sqrt();
            target.noise.max(left.min(MOST_NOISE))
        });
        self.noise = noise.collect();
        Ok(())
    }

    /// How far each number is off with what a fit has found: the logarithm of simulated over measured.
    fn off(&mut self, chosen: &[Fittable], fit: &Fit) -> Result<Vec<f64>, Refusal> {
        for (coefficient, value) in chosen.iter().zip(&fit.values) {
            coefficient.set(self.scenario, *value);
        }
        let simulated = self.comparison.simulate(self.scenario)?;
        let pairs = simulated.iter().zip(self.targets());
        Ok(pairs
            .map(|(simulated, target)| (simulated / target.measured).ln())
            .collect())
    }

    /// What a fit leaves, in units of what chance alone does to each number.
    fn misfit(&mut self, chosen: &[Fittable], fit: &Fit) -> Result<f64, Refusal> {
        let off = self.off(chosen, fit)?;
        let pairs = off.iter().zip(self.targets());
        Ok(pairs.map(|(off, target)| (off / target.noise).powi(2)).sum())
    }

    /// Fits in their last form, and what they leave out; warnings go over.
    pub fn selected(
        &mut self,
        chosen: &[Fittable],
        fit: &Fit,
        mut left_out: Vec<LeftOut>,
    ) -> Result<Selection, Refusal> {
        left_out.sort_by_key(|one| place(one.coefficient));
        Ok(Selection {
            misfit: self.misfit(chosen, fit)?,
            freedom: self.freedom(fit),
            fitted: self.fitted(chosen, fit),
            left_out,
            warnings: std::mem::take(&mut self.warnings),
        })
    }

    /// The standard error of a coefficient: no less than noise alone would leave.
    pub fn standard_error(&self, fit: &Fit, at: usize) -> f64 {
        fit.unit_errors[at] * self.variance(fit).max(1.0).sqrt()
    }

    /// Of the residuals, in units of their noise; that of the noise itself if nothing else is known.
    pub fn variance(&self, fit: &Fit) -> f64 {
        match self.freedom(fit) {
            0 => 1.0,
            freedom => fit.cost / freedom as f64,
        }
    }

    pub fn freedom(&self, fit: &Fit) -> usize {
        self.noise.len().saturating_sub(fit.values.len())
    }

    /// A front end does not take so long: first tokens are late for another reason, which must not be mistaken for it.
    pub fn front_end_at_its_bound(chosen: &[Fittable], fit: &Fit) -> Option<LeftOut> {
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

    /// Whether a coefficient is known so badly that its default is worth more.
    pub fn is_unknown(&self, coefficient: Fittable, fit: &Fit, at: usize) -> bool {
        self.standard_error(fit, at) > coefficient.largest_error(fit.values[at], self.default(coefficient))
    }

    /// The values with their intervals, in the order of [`Fittable::ALL`]; the scenario has them all.
    pub fn fitted(&mut self, chosen: &[Fittable], fit: &Fit) -> Vec<Fitted> {
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

/// A value and its standard error, in words.
pub fn with_error(coefficient: Fittable, value: f64, error: f64) -> String {
    let unit = coefficient.unit();
    if !error.is_finite() {
        return "anything, as it changes nothing".to_owned();
    }
    if coefficient.is_scale() {
        return format!("{value:.3} +- {error:.3}");
    }
    format!("{value:.0} +- {error:.0} {unit}")
}

/// Where it stands among all.
pub fn place(coefficient: Fittable) -> usize {
    let all = Fittable::ALL;
    all.iter().position(|one| *one == coefficient).unwrap_or(all.len())
}

/// The pair whose errors go together most, if that is too closely: which is kept, which dropped, and how closely.
pub fn most_alike(chosen: &[Fittable], fit: &Fit) -> Option<(Fittable, Fittable, f64)> {
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
