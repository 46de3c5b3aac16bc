//! Quantities with units: simulated time in integer picoseconds, and days of the calendar.
//!
//! Integers make simulated time exact: sums do not depend on their order, a leap over many steps ends at the
//! very picosecond at which the steps taken one by one would have ended, and equal times compare equal.

mod day;

pub use day::Day;

use std::fmt;
use std::ops::{Add, AddAssign, Sub};

/// Picoseconds in a second.
pub const PICOS_PER_SECOND: u64 = 1_000_000_000_000;

/// An instant of simulated time: picoseconds since the start of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

/// A length of simulated time in picoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(u64);

impl Time {
    /// The start of the run.
    pub const ZERO: Self = Self(0);
    /// The end of what a run may simulate: 200 days. 64 bits of picoseconds end after 213.
    pub const LIMIT: Self = Self(200 * 86_400 * PICOS_PER_SECOND);

    /// The instant `picos` picoseconds after the start.
    pub const fn from_picos(picos: u64) -> Self {
        Self(picos)
    }

    /// Picoseconds since the start.
    pub const fn picos(self) -> u64 {
        self.0
    }

    /// Seconds since the start.
    pub fn seconds(self) -> f64 {
        Span(self.0).seconds()
    }

    /// The time that has passed since `earlier`, which must not be later than `self`.
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0.checked_sub(earlier.0).expect("simulated time must not go back"))
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// The longest span that 64 bits of picoseconds hold, about 213 days.
    pub const MAX: Self = Self(u64::MAX);

    /// A span of `picos` picoseconds.
    pub const fn from_picos(picos: u64) -> Self {
        Self(picos)
    }

    /// A span of `micros` microseconds.
    pub const fn from_micros(micros: u64) -> Self {
        Self(
            micros
                .checked_mul(PICOS_PER_SECOND / 1_000_000)
                .expect("a span is at most 213 days"),
        )
    }

    /// A span of `seconds`, rounded to the nearest picosecond; `None` if it is negative, not finite or longer than 200
    /// days.
    pub fn from_seconds(seconds: f64) -> Option<Self> {
        let picos = (seconds * PICOS_PER_SECOND as f64).round();
        (picos >= 0.0 && picos <= Time::LIMIT.0 as f64).then_some(Self(picos as u64))
    }

    /// The length of the span [ps].
    pub const fn picos(self) -> u64 {
        self.0
    }

    /// The length of the span [s].
    pub fn seconds(self) -> f64 {
        self.0 as f64 / PICOS_PER_SECOND as f64
    }
}

impl Add<Span> for Time {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(
            self.0
                .checked_add(span.0)
                .expect("simulated time must stay below 213 days"),
        )
    }
}

impl AddAssign<Span> for Time {
    fn add_assign(&mut self, span: Span) {
        *self = *self + span;
    }
}

impl Sub for Time {
    type Output = Span;
    fn sub(self, earlier: Self) -> Span {
        self.since(earlier)
    }
}

impl Add for Span {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.checked_add(other.0).expect("a span is at most 213 days"))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} s", self.seconds())
    }
}

impl fmt::Display for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} s", self.seconds())
    }
}
