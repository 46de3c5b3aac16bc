//! Prices in whole picoseconds.

use crate::step_time::saturation;

/// Whole picoseconds, at most the longest step.
pub(super) fn picos(micros: f64) -> u64 {
    // The conversion saturates: NaN cannot occur, and infinity becomes the largest integer.
    ((micros * 1e6).round() as u64).min(saturation::LONGEST_STEP.picos())
}
