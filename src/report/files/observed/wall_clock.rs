//! Simulated times as dates: the tools that read files of a run know no others.

use crate::units::{Day, PICOS_PER_SECOND, Time};

/// A clock that says when a run started. It never looks at the time of day, so that the same run gives the same files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WallClock {
    /// Since 1970 [s].
    start_s: u64,
}

const PICOS_PER_NANO: u64 = 1_000;
const SECONDS_PER_DAY: u64 = 86_400;

impl Default for WallClock {
    /// A run starts with the year 2026, at midnight UTC.
    fn default() -> Self {
        Self { start_s: 1_767_225_600 }
    }
}

impl WallClock {
    /// A run starts so long after 1970, in UTC, by whole seconds; `None` if that is before, or so late that nanoseconds
    /// since 1970 do not fit 64 bits.
    pub fn starting(picos_since_1970: i128) -> Option<Self> {
        let start_s = u64::try_from(picos_since_1970 / i128::from(PICOS_PER_SECOND)).ok()?;
        // A run is shorter than 213 days.
        let latest = u64::MAX / 1_000_000_000 - 300 * SECONDS_PER_DAY;
        (picos_since_1970 >= 0 && start_s <= latest).then_some(Self { start_s })
    }

    /// Nanoseconds since 1970, rounded down.
    pub(super) const fn nanos(self, at: Time) -> u64 {
        self.start_s * 1_000_000_000 + at.picos() / PICOS_PER_NANO
    }

    /// Seconds since 1970 with three decimals, rounded down: a Prometheus keeps milliseconds.
    pub(super) fn seconds(self, at: Time) -> String {
        let nanos = self.nanos(at);
        format!("{}.{:03}", nanos / 1_000_000_000, nanos / 1_000_000 % 1_000)
    }

    /// The date and the time in UTC as RFC 3339 has them, with nine decimals.
    pub(in crate::report) fn date(self, at: Time) -> String {
        let nanos = self.nanos(at);
        let (seconds, nanos) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
        let day = Day::from_days_since_1970((seconds / SECONDS_PER_DAY).cast_signed());
        let of_day = seconds % SECONDS_PER_DAY;
        let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
        format!("{day}T{hour:02}:{minute:02}:{second:02}.{nanos:09}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let clock = WallClock::default();
        assert_eq!(clock.date(Time::ZERO), "2026-01-01T00:00:00.000000000Z");
        assert_eq!(
            clock.date(Time::from_picos(1_234_567_890_123)),
            "2026-01-01T00:00:01.234567890Z"
        );
        assert_eq!(clock.seconds(Time::from_picos(1_234_567_890_123)), "1767225601.234");
        for (seconds, date) in [
            (0, "1970-01-01T00:00:00"),
            (951_782_400, "2000-02-29T00:00:00"),
            (951_868_799, "2000-02-29T23:59:59"),
            (4_107_542_399, "2100-02-28T23:59:59"),
            (4_107_542_400, "2100-03-01T00:00:00"),
        ] {
            let clock = WallClock::starting(seconds * i128::from(PICOS_PER_SECOND)).unwrap();
            assert_eq!(clock.date(Time::ZERO), format!("{date}.000000000Z"));
        }
    }

    #[test]
    fn what_does_not_fit_is_no_start() {
        assert_eq!(WallClock::starting(-1), None);
        assert_eq!(WallClock::starting(i128::from(u64::MAX) * 1_000_000), None);
    }
}
