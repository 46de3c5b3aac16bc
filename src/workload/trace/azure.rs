//! The Azure LLM inference traces of 2023 and 2024 (github.com/Azure/AzurePublicDataset): `TIMESTAMP,ContextTokens,GeneratedTokens`.
//!
//! Stamps look like `2023-11-16 18:15:46.6805900` or `2024-05-10 00:00:00.009930+00:00`, with any number of fractional digits.

use super::error::TraceError;
use super::number::{self, Complaint};
use super::row::{Row, Rows};
use super::table::Table;
use super::{FirstLine, Format, Lines};
use crate::units::PICOS_PER_SECOND;

/// The format.
pub struct Azure;

const ARRIVAL: &str = "TIMESTAMP";
const INPUT: &str = "ContextTokens";
const OUTPUT: &str = "GeneratedTokens";

impl Format for Azure {
    fn name(&self) -> &'static str {
        "azure"
    }

    fn looks_like(&self) -> &'static str {
        "CSV with the columns TIMESTAMP, ContextTokens and GeneratedTokens"
    }

    fn recognises(&self, first: &FirstLine) -> bool {
        first.has_columns(&[&[ARRIVAL], &[INPUT], &[OUTPUT]])
    }

    fn rows(&self, lines: Lines) -> Result<Box<dyn Rows>, TraceError> {
        let table = Table::new(lines)?;
        if let Some(column) = table.optional("NumImages", &[])? {
            let message = "the trace has images, which are not simulated; remove the column to replay its text alone";
            return Err(table.error(column, message).fatal());
        }
        Ok(Box::new(AzureRows {
            arrival: table.required(ARRIVAL, &[])?,
            input: table.required(INPUT, &[])?,
            output: table.required(OUTPUT, &[])?,
            table,
        }))
    }
}

struct AzureRows {
    table: Table,
    arrival: usize,
    input: usize,
    output: usize,
}

impl Rows for AzureRows {
    fn next_row(&mut self, row: &mut Row) -> Result<bool, TraceError> {
        if !self.table.next()? {
            return Ok(false);
        }
        let table = &self.table;
        *row = Row {
            number: table.record_number(),
            line: table.line(),
            arrival_picos: table.parsed(self.arrival, stamp)?,
            arrival_column: self.arrival as u32 + 1,
            input_tokens: table.parsed(self.input, number::tokens)?,
            output_tokens: table.parsed(self.output, number::tokens)?,
            ..Row::default()
        };
        Ok(true)
    }

    fn arrival_field(&self) -> &'static str {
        ARRIVAL
    }
}

/// Reads `2023-11-16 18:15:46[.fraction][zone]` as picoseconds since 1970; a `T` may stand for the space.
fn stamp(text: &[u8]) -> Result<i128, Complaint> {
    const COMPLAINT: Complaint = "is not a time; write e.g. 2023-11-16 18:15:46.6805900";
    parse_stamp(text.trim_ascii()).ok_or(COMPLAINT)
}

fn parse_stamp(text: &[u8]) -> Option<i128> {
    const PATTERN: &[u8; 19] = b"dddd-dd-dd dd:dd:dd";
    let (fixed, rest) = text.split_at_checked(PATTERN.len())?;
    let fits = fixed
        .iter()
        .zip(PATTERN)
        .all(|(byte, pattern)| match pattern {
            b'd' => byte.is_ascii_digit(),
            b' ' => matches!(byte, b' ' | b'T'),
            _ => byte == pattern,
        });
    if !fits {
        return None;
    }
    let [year, month, day, hour, minute, second] = [0..4, 5..7, 8..10, 11..13, 14..16, 17..19]
        .map(|digits| two_or_four_digits(&fixed[digits]));
    let in_range = (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !in_range {
        return None;
    }
    let (fraction_picos, zone) = split_fraction(rest)?;
    let seconds = (days_since_1970(year, month, day) * 24 + hour) * 3600 + minute * 60 + second;
    let seconds = seconds - zone_seconds(zone)?;
    Some(i128::from(seconds) * i128::from(PICOS_PER_SECOND) + i128::from(fraction_picos))
}

fn two_or_four_digits(digits: &[u8]) -> i64 {
    digits
        .iter()
        .fold(0, |number, digit| number * 10 + i64::from(digit - b'0'))
}

/// Splits off `.fraction`, if it is there.
fn split_fraction(text: &[u8]) -> Option<(u64, &[u8])> {
    let Some(digits) = text.strip_prefix(b".") else {
        return Some((0, text));
    };
    let len = digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let (digits, zone) = digits.split_at(len);
    (len > 0).then_some((number::fraction_picos(digits)?, zone))
}

/// Seconds east of UTC; no zone means UTC.
fn zone_seconds(zone: &[u8]) -> Option<i64> {
    match *zone {
        [] | [b'Z'] => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2]
            if [h1, h2, m1, m2].iter().all(u8::is_ascii_digit) =>
        {
            let seconds = two_or_four_digits(&[h1, h2]) * 3600 + two_or_four_digits(&[m1, m2]) * 60;
            Some(if sign == b'-' { -seconds } else { seconds })
        }
        _ => None,
    }
}

const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

const fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days of the proleptic Gregorian calendar, with years that start in March so that the leap day comes last
/// (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`).
const fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Option<f64> {
        parse_stamp(text.as_bytes()).map(|picos| picos as f64 / PICOS_PER_SECOND as f64)
    }

    #[test]
    fn stamps_are_times_since_1970() {
        assert_eq!(seconds("1970-01-01 00:00:00"), Some(0.0));
        assert_eq!(seconds("2000-03-01 00:00:00"), Some(951_868_800.0));
        assert_eq!(seconds("2024-02-29T23:59:59Z"), Some(1_709_251_199.0));
        assert_eq!(
            seconds("2024-05-10 00:00:00.5+00:00"),
            Some(1_715_299_200.5)
        );
        assert_eq!(seconds("2024-05-10 02:00:00+02:00"), Some(1_715_299_200.0));
        assert_eq!(seconds("1969-12-31 23:59:59"), Some(-1.0));
        let hundred_nanos = parse_stamp(b"1970-01-01 00:00:00.0000001");
        assert_eq!(hundred_nanos, Some(100_000));
    }

    #[test]
    fn impossible_stamps_are_refused() {
        for text in [
            "",
            "2023-11-16",
            "2023-02-29 00:00:00",
            "1900-02-29 00:00:00",
            "2023-13-01 00:00:00",
            "2023-00-01 00:00:00",
            "2023-11-31 00:00:00",
            "2023-11-16 24:00:00",
            "2023-11-16 18:60:00",
            "2023-11-16 18:15:60",
            "2023-11-16 18:15:46.",
            "2023-11-16 18:15:46.1234567890123",
            "2023-11-16 18:15:46+1",
            "2023-11-16 18:15:46 UTC",
            "2023/11/16 18:15:46",
            "1700000000",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
