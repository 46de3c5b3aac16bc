//! The times in logs: stamps in any of the usual spellings, or numbers with a unit that something tells.

use std::borrow::Cow;

use super::hints::TimeUnit;
use super::number::{self, Complaint};
use super::stamp::Stamps;

/// Reads the times of one field.
#[derive(Default)]
pub struct LogClock {
    /// The unit of numbers; of the first of them, if nothing else tells it.
    unit: Option<TimeUnit>,
    stamps: Stamps,
}

/// Numbers that are times since 1970 between 2001 and 2286, by their unit. Whatever else a file may count from its
/// start, no trace lasts that long.
const EPOCHS: [(f64, TimeUnit); 4] = [
    (1e9, TimeUnit::Seconds),
    (1e12, TimeUnit::Milliseconds),
    (1e15, TimeUnit::Microseconds),
    (1e18, TimeUnit::Nanoseconds),
];

impl LogClock {
    /// Numbers have this unit; if it is `None`, the first one tells it.
    pub fn new(unit: Option<TimeUnit>) -> Self {
        let stamps = Stamps::default();
        Self { unit, stamps }
    }

    /// The instant that a text names [ps].
    pub fn read(&mut self, text: &[u8]) -> Result<i128, Complaint> {
        let is_number = text.iter().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(byte));
        let number = is_number
            .then(|| std::str::from_utf8(text).ok()?.parse::<f64>().ok())
            .flatten();
        let Some(number) = number else {
            return self.stamps.read(&usual(text)).map_err(|_| NO_TIME);
        };
        let unit = match self.unit {
            Some(unit) => unit,
            None => since_1970(number).ok_or(NO_UNIT)?,
        };
        self.unit = Some(unit);
        number::units(text, unit.picos())
    }
}

const NO_TIME: Complaint = "is not a time; write e.g. 2025-10-07T05:00:07.250Z, or a number and its unit as \
                            trace.time_unit = \"ms\" (--time-unit ms)";
const NO_UNIT: Complaint =
    "is a time in an unknown unit; write trace.time_unit = \"s\" (--time-unit s), or ms, us or ns";

fn since_1970(number: f64) -> Option<TimeUnit> {
    let found = EPOCHS
        .iter()
        .find(|(least, _)| (*least..10.0 * least).contains(&number));
    found.map(|(_, unit)| *unit)
}

/// The stamp as [`Stamps`] reads it: `UTC`, a space before the zone and zones such as `+00` and `+0000` are usual too,
/// as are slashes in dates that start with the year.
fn usual(text: &[u8]) -> Cow<'_, [u8]> {
    const DATE_AND_TIME: usize = 19;
    let Some((fixed, rest)) = text.split_at_checked(DATE_AND_TIME) else {
        return Cow::Borrowed(text);
    };
    let zone_at = rest.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'.');
    let (fraction, zone) = rest.split_at(zone_at.unwrap_or(rest.len()));
    let zone = zone.trim_ascii();
    let has_slashes = fixed[4] == b'/' && fixed[7] == b'/';
    let zone: Vec<u8> = match *zone {
        [b'U', b'T', b'C'] | [b'z'] => b"Z".to_vec(),
        [sign @ (b'+' | b'-'), h1, h2] => vec![sign, h1, h2, b':', b'0', b'0'],
        [sign @ (b'+' | b'-'), h1, h2, m1, m2] if m1 != b':' => vec![sign, h1, h2, b':', m1, m2],
        _ if zone.len() == rest.len() - fraction.len() && !has_slashes => return Cow::Borrowed(text),
        _ => zone.to_vec(),
    };
    let mut stamp = fixed.to_vec();
    if has_slashes {
        (stamp[4], stamp[7]) = (b'-', b'-');
    }
    stamp.extend_from_slice(fraction);
    stamp.extend(zone);
    Cow::Owned(stamp)
}

/// The name of a column without the unit that it ends with, and that unit.
pub fn split_unit(name: &str) -> (&str, Option<TimeUnit>) {
    const ENDS: [(&str, TimeUnit); 17] = [
        ("_ns", TimeUnit::Nanoseconds),
        ("(ns)", TimeUnit::Nanoseconds),
        ("_us", TimeUnit::Microseconds),
        ("(us)", TimeUnit::Microseconds),
        ("_ms", TimeUnit::Milliseconds),
        ("(ms)", TimeUnit::Milliseconds),
        ("Ms", TimeUnit::Milliseconds),
        ("_s", TimeUnit::Seconds),
        ("(s)", TimeUnit::Seconds),
        ("_sec", TimeUnit::Seconds),
        ("_secs", TimeUnit::Seconds),
        ("_seconds", TimeUnit::Seconds),
        ("_millis", TimeUnit::Milliseconds),
        ("Millis", TimeUnit::Milliseconds),
        ("_micros", TimeUnit::Microseconds),
        ("_nanos", TimeUnit::Nanoseconds),
        ("UnixNano", TimeUnit::Nanoseconds),
    ];
    let found = ENDS
        .iter()
        .find_map(|(end, unit)| Some((name.strip_suffix(end)?, Some(*unit))));
    found.map_or((name, None), |(rest, unit)| (rest.trim_end(), unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::PICOS_PER_SECOND;

    fn seconds(unit: Option<TimeUnit>, text: &str) -> Result<f64, Complaint> {
        let picos = LogClock::new(unit).read(text.as_bytes())?;
        Ok(picos as f64 / PICOS_PER_SECOND as f64)
    }

    #[test]
    fn stamps_are_read_in_the_usual_spellings() {
        for text in [
            "2025-10-07T05:00:07Z",
            "2025-10-07 05:00:07",
            "2025-10-07 05:00:07 UTC",
            "2025-10-07 05:00:07.000 +00:00",
            "2025-10-07 05:00:07.000+00",
            "2025-10-07T07:00:07+0200",
            "2025/10/07 05:00:07",
            "1759813207",
            "1759813207.0",
            "1759813207000",
            "1759813207000000",
            "1759813207000000000",
        ] {
            assert_eq!(seconds(None, text), Ok(1_759_813_207.0), "{text}");
        }
        let picos = LogClock::default().read(b"1759813207532900363").unwrap();
        assert_eq!(picos, 1_759_813_207_532_900_363_000);
    }

    #[test]
    fn a_number_that_may_be_anything_asks_for_its_unit() {
        assert_eq!(seconds(None, "12.5"), Err(NO_UNIT));
        assert_eq!(seconds(Some(TimeUnit::Milliseconds), "12.5"), Ok(0.0125));
        assert_eq!(seconds(None, "yesterday"), Err(NO_TIME));
        let mut clock = LogClock::default();
        clock.read(b"1759813207").unwrap();
        assert_eq!(clock.read(b"1"), Ok(i128::from(PICOS_PER_SECOND)));
    }

    #[test]
    fn units_in_names_are_split_off() {
        assert_eq!(
            split_unit("start_time_ms"),
            ("start_time", Some(TimeUnit::Milliseconds))
        );
        assert_eq!(split_unit("Timestamp (s)"), ("Timestamp", Some(TimeUnit::Seconds)));
        assert_eq!(split_unit("timestamp"), ("timestamp", None));
        assert_eq!(split_unit("status"), ("status", None));
    }
}
