//! Draws of the exponential distribution.

use rand_distr::{Distribution, Exp1};

use crate::stats::streams::Xoshiro256PlusPlus;

/// A draw from the exponential distribution with mean 1.
pub fn draw_exponential(random: &mut Xoshiro256PlusPlus) -> f64 {
    Exp1.sample(random)
}
