//! Prices that cannot overflow: no step takes longer than [`LONGEST_STEP`], and no ramp is longer than
//! [`LONGEST_RAMP`].

use super::Ramp;
use crate::units::{PICOS_PER_SECOND, Span};

/// The price of any step that would take longer: six hours, far beyond every real step and well under a day.
pub const LONGEST_STEP: Span = Span::from_picos(6 * 3600 * PICOS_PER_SECOND);

/// The length of a ramp that has no end of its own: 2^31 steps, within which sums of contexts stay in 64 bits.
pub const LONGEST_RAMP: u64 = 1 << 31;

/// The time `picos`, or the longest there is.
pub(super) fn step(picos: u128) -> Span {
    let longest = u128::from(LONGEST_STEP.picos());
    Span::from_picos(picos.min(longest) as u64)
}

/// Steps of `first + j * growth` for at most `len` steps, ending where they would pass the longest; once there, a price
/// that never falls stays there.
pub(super) fn ramp(first: u128, growth: u128, len: u64) -> Ramp {
    let longest = u128::from(LONGEST_STEP.picos());
    let (growth, len) = match longest.checked_sub(first) {
        None => (0, LONGEST_RAMP),
        Some(left) => {
            let last = left.checked_div(growth).unwrap_or(u128::MAX);
            let below = last.saturating_add(1).min(u128::from(LONGEST_RAMP));
            (growth, len.min(below as u64))
        }
    };
    Ramp {
        first: step(first),
        growth: step(growth),
        len: len.clamp(1, LONGEST_RAMP),
    }
}
