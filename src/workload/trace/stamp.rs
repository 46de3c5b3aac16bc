//! Stamps such as `2023-11-16 18:15:46.6805900` or `2024-05-10 00:00:00.009930+00:00`, with any number of fractional
//! digits.

use super::cursor::Cursor;
use super::fast_path;
use super::number::{self, Complaint};
use crate::units::{Day, PICOS_PER_SECOND};

/// Reads `2023-11-16 18:15:46[.fraction][zone]` as picoseconds since 1970; a `T` may stand for the space.
pub struct Stamps {
    /// The date last read.
    date: [u8; DATE_LEN],
    /// When that day began [s since 1970].
    midnight: i64,
}

const DATE_LEN: usize = 10;

impl Default for Stamps {
    fn default() -> Self {
        Self {
            date: *b"1970-01-01",
            midnight: 0,
        }
    }
}

impl Stamps {
    /// The instant that a stamp names [ps].
    pub fn read(&mut self, text: &[u8]) -> Result<i128, Complaint> {
        const COMPLAINT: Complaint = "is not a time; write e.g. 2023-11-16 18:15:46.6805900";
        let text = text.trim_ascii();
        let picos = parse_stamp(text).ok_or(COMPLAINT)?;
        // The next stamp is most likely of the same day.
        if let Some(date) = text.first_chunk()
            && let Some(midnight) = midnight(date)
        {
            (self.date, self.midnight) = (*date, midnight);
        }
        Ok(picos)
    }

    /// The instant of a stamp in UTC whose date is the one last read, and passes it; `None` if it is another stamp.
    #[inline]
    pub fn read_fast(&self, cursor: &mut Cursor<'_>) -> Option<i128> {
        let is_same_day = *cursor.bytes()? == self.date;
        let [separator] = *cursor.bytes()?;
        if !is_same_day || !matches!(separator, b' ' | b'T') {
            return None;
        }
        let seconds = self.midnight + seconds_of_day(*cursor.bytes()?)?;
        let fraction_picos = fast_path::fraction_picos(cursor)?;
        cursor.pass(b"+00:00");
        Some(i128::from(seconds) * i128::from(PICOS_PER_SECOND) + i128::from(fraction_picos))
    }
}

/// The instant that a stamp names [ps since 1970]; `None` if it is none.
pub fn picos_since_1970(stamp: &str) -> Option<i128> {
    parse_stamp(stamp.trim().as_bytes())
}

/// Seconds from midnight to a time such as `18:15:46`, all its bytes at once.
#[inline]
fn seconds_of_day(time: [u8; 8]) -> Option<i64> {
    const ZERO: u64 = u64::from_le_bytes(*b"00:00:00");
    /// What takes a byte above 9, or any but 0 for a colon, to its top bit.
    const HEADROOM: u64 = u64::from_le_bytes([118, 118, 127, 118, 118, 127, 118, 118]);
    const TOP_BITS: u64 = u64::from_le_bytes([128; 8]);
    let digits = u64::from_le_bytes(time) ^ ZERO;
    if (digits.wrapping_add(HEADROOM) | digits) & TOP_BITS != 0 {
        return None;
    }
    let pairs = digits * 10 + (digits >> 8);
    let [hour, _, _, minute, _, _, second, _] = pairs.to_le_bytes().map(i64::from);
    (hour < 24 && minute < 60 && second < 60).then_some((hour * 60 + minute) * 60 + second)
}

/// Reads a stamp of any day, in any zone.
fn parse_stamp(text: &[u8]) -> Option<i128> {
    const PATTERN: &[u8; 19] = b"dddd-dd-dd dd:dd:dd";
    let (fixed, rest) = text.split_at_checked(PATTERN.len())?;
    let fits = fixed.iter().zip(PATTERN).all(|(byte, pattern)| match pattern {
        b'd' => byte.is_ascii_digit(),
        b' ' => matches!(byte, b' ' | b'T'),
        _ => byte == pattern,
    });
    if !fits {
        return None;
    }
    let (date, time) = fixed.split_first_chunk()?;
    let [hour, minute, second] = [1..3, 4..6, 7..9].map(|digits| two_or_four_digits(&time[digits]));
    if hour >= 24 || minute >= 60 || second >= 60 {
        return None;
    }
    let (fraction_picos, zone) = split_fraction(rest)?;
    let seconds = midnight(date)? + (hour * 60 + minute) * 60 + second;
    let seconds = seconds - zone_seconds(zone)?;
    Some(i128::from(seconds) * i128::from(PICOS_PER_SECOND) + i128::from(fraction_picos))
}

/// When the day began whose date consists of the digits and dashes that it should [s since 1970]; `None` if there is no
/// such day.
fn midnight(date: &[u8; DATE_LEN]) -> Option<i64> {
    let [year, month, day] = [0..4, 5..7, 8..10].map(|digits| two_or_four_digits(&date[digits]));
    let is_day = (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
    is_day.then(|| Day::of(year, month, day).days_since_1970() * 86_400)
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
    let len = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, zone) = digits.split_at(len);
    (len > 0).then_some((number::fraction_picos(digits)?, zone))
}

/// Seconds east of UTC; no zone means UTC.
fn zone_seconds(zone: &[u8]) -> Option<i64> {
    match *zone {
        [] | [b'Z'] => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] if [h1, h2, m1, m2].iter().all(u8::is_ascii_digit) => {
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
        assert_eq!(seconds("2024-05-10 00:00:00.5+00:00"), Some(1_715_299_200.5));
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

    #[test]
    fn times_with_any_byte_anywhere_are_read_as_by_the_reader_of_all_stamps() {
        for time in [*b"00:00:00", *b"19:39:49", *b"23:59:59"] {
            for place in 0..time.len() {
                for byte in 0..=255 {
                    let mut time = time;
                    time[place] = byte;
                    let stamp = [b"1970-01-01 ", &time[..]].concat();
                    let picos = parse_stamp(&stamp);
                    let seconds = picos.map(|picos| (picos / i128::from(PICOS_PER_SECOND)) as i64);
                    assert_eq!(seconds_of_day(time), seconds, "{}", stamp.escape_ascii());
                }
            }
        }
    }
}
