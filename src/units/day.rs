//! A day of the calendar: recordings, prices and the files of a run have dates.

use std::fmt;

/// A day of the Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day {
    since_1970: i64,
}

/// Days of 400 years, after which the calendar repeats itself.
const DAYS_OF_ERA: i64 = 146_097;
/// Days from 1 March of the year 0 to 1 January 1970.
const DAYS_TO_1970: i64 = 719_468;

impl Day {
    /// The day that is so many days after 1 January 1970.
    pub const fn from_days_since_1970(days: i64) -> Self {
        Self { since_1970: days }
    }

    /// A day as it is written: `2026-11-29`; `None` if there is no such day.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let mut number = |digits: usize| {
            let part = parts.next().filter(|part| part.len() == digits)?;
            part.parse::<u32>().ok().map(i64::from)
        };
        let (year, month, day) = (number(4)?, number(2)?, number(2)?);
        let found = Self::of(year, month, day);
        // 2026-02-30 would be 2 March.
        (found.to_string() == text).then_some(found)
    }

    /// How many days it comes after 1 January 1970; negative if it comes before it.
    pub const fn days_since_1970(self) -> i64 {
        self.since_1970
    }

    /// How many days it comes after another; negative if it comes before it.
    pub const fn days_after(self, other: Self) -> i64 {
        self.since_1970 - other.since_1970
    }

    /// The day of a month, both counted from 1, in the proleptic Gregorian calendar; a day that the month lacks is one
    /// of the next month. By `days_from_civil` (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms"): years
    /// begin in March, so that the day that is not always there is the last.
    pub const fn of(year: i64, month: i64, day: i64) -> Self {
        let year = if month <= 2 { year - 1 } else { year };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Self {
            since_1970: era * DAYS_OF_ERA + day_of_era - DAYS_TO_1970,
        }
    }
}

impl fmt::Display for Day {
    /// `civil_from_days` of the same source.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.since_1970 + DAYS_TO_1970;
        let (era, day_of_era) = (days.div_euclid(DAYS_OF_ERA), days.rem_euclid(DAYS_OF_ERA));
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 {
            month_from_march + 3
        } else {
            month_from_march - 9
        };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        write!(formatter, "{year:04}-{month:02}-{day:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_as_the_calendar_has_them() {
        for (text, days) in [
            ("1970-01-01", 0),
            ("2000-02-29", 11_016),
            ("2026-11-29", 20_786),
            ("2027-02-27", 20_876),
        ] {
            let day = Day::parse(text).unwrap();
            assert_eq!((day.since_1970, day.to_string().as_str()), (days, text));
        }
        for wrong in [
            "2026-02-30",
            "2026-13-01",
            "26-01-01",
            "2026-1-1",
            "2026-01-01x",
            "today",
            "",
            "+202-01-01",
        ] {
            assert_eq!(Day::parse(wrong), None, "{wrong}");
        }
    }
}
