//! Prices that cannot overflow: no step takes longer than [`LONGEST_STEP`], and no ramp is longer than
//! [`LONGEST_RAMP`].

use super::Ramp;
use crate::units::{PICOS_PER_SECOND, Span};

/// The price of any step that would take longer: six hours, far beyond every real step and well under a day.
pub const LONGEST_STEP: Span = Span::from_picos(6 * 3600 * PICOS_PER_SECOND);

/// The length of a ramp that has no end of its own: 2^31 steps, within which sums of contexts stay in 64 bits.
pub const LONGEST_RAMP: u64 = 1 << 31;

/// The time `picos`, or the longest there is. Whoever adds up prices does so with saturating operations: 64 bits hold
/// 850 of the longest steps.
#[inline]
pub(super) fn step(picos: u64) -> Span {
    Span::from_picos(picos.min(LONGEST_STEP.picos()))
}

/// Steps of `first + j * growth` for at most `len` steps, ending where they would pass the longest; once there, a price
/// that never falls stays there.
pub(super) fn ramp(first: u64, growth: u64, len: u64) -> Ramp {
    let (growth, len) = match LONGEST_STEP.picos().checked_sub(first) {
        None => (0, LONGEST_RAMP),
        Some(left) => {
            let last = left.checked_div(growth).unwrap_or(u64::MAX);
            (growth, len.min(last.saturating_add(1)))
        }
    };
    Ramp {
        first: step(first),
        growth: step(growth),
        len: len.clamp(1, LONGEST_RAMP),
    }
}
