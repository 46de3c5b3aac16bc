//! Which of several things a request picks, when some are more popular than others.

use rand_distr::{Distribution, Zipf};

use super::invalid::{Invalid, check_range};
use super::portable::Portable;
use crate::stats::streams::Xoshiro256PlusPlus;

/// The most things that can be picked from: the length of each is kept in memory.
pub(super) const MOST_PICKS: u32 = 1_000_000;

/// Checks the number of things under `key`.
pub(super) fn check_count(key: &str, count: u32) -> Result<(), Invalid> {
    let example = format!("e.g. {key} = 100");
    check_range(key, f64::from(count), 1.0, f64::from(MOST_PICKS), &example)
}

/// Checks the exponent of a popularity.
pub(super) fn check_exponent(exponent: f64) -> Result<(), Invalid> {
    let example = "e.g. popularity = 1.0 (0 makes all equally popular)";
    check_range("popularity", exponent, 0.0, 100.0, example)
}

/// Picks number `k` with a probability proportional to `(k + 1)^-exponent`.
pub(super) struct Popularity {
    ranks: Zipf<Portable>,
    random: Xoshiro256PlusPlus,
}

impl Popularity {
    /// Picks from `count` things; both numbers are valid.
    pub fn new(count: u32, exponent: f64, random: Xoshiro256PlusPlus) -> Self {
        let ranks = Zipf::new(Portable(f64::from(count)), Portable(exponent)).expect("popularities are validated");
        Self { ranks, random }
    }

    /// A number below the count.
    pub fn pick(&mut self) -> u32 {
        self.ranks.sample(&mut self.random).0 as u32 - 1
    }
}
