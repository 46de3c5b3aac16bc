//! The fit itself.

use tailcast::stats::{Coefficient, Fit, least_squares};
use tailcast::study::Compared;

use super::coefficients::{SERVED, set_all};
use super::errors::{Case, METRICS, compare_all};

/// How much each of [`METRICS`] counts: means say the most, and tails hang on chance.
const WEIGHTS: [f64; METRICS.len()] = [1.0, 0.3, 0.2, 0.5, 0.2, 0.15, 0.0];
/// Recorded arrivals leave nothing to chance, so these runs count for more.
const RECORDED_WEIGHT: f64 = 5.0;
/// Relative errors well above this count by their size instead of its square (the "soft L1" loss).
const OUTLIER: f64 = 0.02;
/// How much straying from what is known beforehand counts.
const PRIOR_WEIGHT: f64 = 1.0;
const ROUNDS: usize = 12;
/// Seeds of each run that was not recorded.
const SEEDS: u64 = 2;

/// Fits all coefficients to the cases that are used for it.
pub fn fit(cases: &mut [Case]) -> Fit {
    let mut cases: Vec<&mut Case> = cases.iter_mut().filter(|case| case.experiment.is_fitted()).collect();
    let coefficients = SERVED.map(|one| Coefficient {
        start: one.start,
        step: 0.3 * one.spread,
        least: 0.0,
        most: f64::INFINITY,
    });
    least_squares(&coefficients, ROUNDS, |values| residuals(&mut cases, values))
}

fn residuals(cases: &mut [&mut Case], values: &[f64]) -> Vec<f64> {
    for case in cases.iter_mut() {
        set_all(&mut case.scenario, values);
    }
    let shared: Vec<&Case> = cases.iter().map(|case| &**case).collect();
    let comparisons = compare_all(&shared, SEEDS);
    let mut all = Vec::new();
    for (case, comparison) in shared.iter().zip(&comparisons) {
        for (name, weight) in METRICS.iter().zip(WEIGHTS) {
            let Some(error) = comparison.of(name).and_then(Compared::error) else {
                continue;
            };
            if case.experiment.weighs(name) && weight > 0.0 {
                let recorded = if case.experiment.is_recorded() {
                    RECORDED_WEIGHT
                } else {
                    1.0
                };
                all.push((weight * recorded).sqrt() * soft((1.0 + error).ln()));
            }
        }
    }
    let strays = SERVED
        .iter()
        .zip(values)
        .map(|(one, value)| PRIOR_WEIGHT * (value - one.start) / one.spread);
    all.extend(strays);
    all
}

/// A residual whose square is the soft L1 loss of an error.
fn soft(error: f64) -> f64 {
    let scaled = error / OUTLIER;
    let loss = 2.0 * ((1.0 + scaled * scaled).sqrt() - 1.0);
    loss.sqrt().copysign(scaled)
}
