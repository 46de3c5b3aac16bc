//! Numbers in traces: whole tokens and exact decimal seconds.

use crate::units::PICOS_PER_SECOND;
use crate::workload::MOST_TOKENS;

/// Why a text is not a number; completes the sentence that starts with the value.
pub type Complaint = &'static str;

/// A positive number of tokens of a prompt, or of anything but an output.
pub fn tokens(text: &[u8]) -> Result<u32, Complaint> {
    checked_tokens(any_tokens(text)?)
}

/// A positive number of tokens of an output.
pub fn output_tokens(text: &[u8]) -> Result<u32, Complaint> {
    checked_output_tokens(any_tokens(text)?)
}

/// A number of tokens, of which there may be none.
pub fn any_tokens(text: &[u8]) -> Result<u64, Complaint> {
    whole(text).map_err(|complaint| match complaint {
        Whole::Empty => "is empty; write a number of tokens, e.g. 512",
        Whole::Negative => "is negative; write a number of tokens, e.g. 512",
        Whole::NotDigits => "is not a whole number; write e.g. 512",
        Whole::TooLarge => "is too large; write at most 1000000000 tokens",
    })
}

/// A number of tokens of a prompt that has been read, if a request may have so many.
pub fn checked_tokens(number: u64) -> Result<u32, Complaint> {
    const NONE: Complaint = "is 0, but a prompt has at least one token, so nobody knows what was asked; leave such \
                             rows out with --skip-bad-rows (trace.skip_bad_rows = true), which says how many they are";
    checked(number, NONE)
}

/// A number of tokens of an output that has been read, if a request may have so many.
pub fn checked_output_tokens(number: u64) -> Result<u32, Complaint> {
    const NONE: Complaint = "is 0: the request got no token, mostly because it failed; leave such rows out with \
                             --skip-bad-rows (trace.skip_bad_rows = true), which says how many they are, or write 1 \
                             and trace.prompts_only = true where requests ask for embeddings or scores";
    checked(number, NONE)
}

fn checked(number: u64, none: Complaint) -> Result<u32, Complaint> {
    match u32::try_from(number) {
        Ok(0) => Err(none),
        Ok(tokens) if tokens <= MOST_TOKENS => Ok(tokens),
        _ => Err("is too large; write at most 1000000000 tokens"),
    }
}

/// Why a text is not a whole number.
#[derive(Debug)]
pub enum Whole {
    Empty,
    Negative,
    NotDigits,
    TooLarge,
}

/// A whole number, spaces around it ignored.
pub fn whole(text: &[u8]) -> Result<u64, Whole> {
    let digits = text.trim_ascii();
    if digits.is_empty() {
        return Err(Whole::Empty);
    }
    if digits[0] == b'-' && digits.len() > 1 && digits[1..].iter().all(u8::is_ascii_digit) {
        return Err(Whole::Negative);
    }
    let mut number = 0_u64;
    for &digit in digits {
        if !digit.is_ascii_digit() {
            return Err(Whole::NotDigits);
        }
        number = number
            .checked_mul(10)
            .and_then(|tens| tens.checked_add(u64::from(digit - b'0')))
            .ok_or(Whole::TooLarge)?;
    }
    Ok(number)
}

/// Later timestamps are typing errors; below, picoseconds since any epoch fit 128 bits with ease.
pub const MOST_SECONDS: u64 = 1_000_000_000_000_000;
pub const FRACTION_DIGITS: usize = 12;

/// Seconds, as picoseconds: exact for decimals of up to 12 places, otherwise rounded.
pub fn seconds(text: &[u8]) -> Result<i128, Complaint> {
    const NOT_A_NUMBER: Complaint = "is not a number of seconds; write e.g. 12.5";
    let text = text.trim_ascii();
    let (digits, fraction) = match text.iter().position(|&byte| byte == b'.') {
        Some(point) => (&text[..point], &text[point + 1..]),
        None => (text, &[][..]),
    };
    match (whole(digits), fraction_picos(fraction)) {
        _ if text.is_empty() => Err("is empty; write seconds, e.g. 12.5"),
        (Ok(seconds), Some(picos)) if seconds <= MOST_SECONDS => {
            Ok(i128::from(seconds) * i128::from(PICOS_PER_SECOND) + i128::from(picos))
        }
        // Exponents, signs and whatever else needs a closer look.
        _ => {
            let number = std::str::from_utf8(text).ok().and_then(|text| text.parse::<f64>().ok());
            picos_of(
                number.filter(|number| number.is_finite()).ok_or(NOT_A_NUMBER)?,
                PICOS_PER_SECOND,
            )
        }
    }
}

/// A decimal number of units of `unit_picos` each, a divisor of a second, as picoseconds: exact for up to 12 places.
pub fn units(text: &[u8], unit_picos: u64) -> Result<i128, Complaint> {
    let text = text.trim_ascii();
    let (digits, fraction) = match text.iter().position(|&byte| byte == b'.') {
        Some(point) => (&text[..point], &text[point + 1..]),
        None => (text, &[][..]),
    };
    if let (Ok(whole), Some(picos)) = (whole(digits), fraction_picos(fraction)) {
        let unit = i128::from(unit_picos);
        let second = i128::from(PICOS_PER_SECOND);
        let total = i128::from(whole) * unit + (i128::from(picos) * unit + second / 2) / second;
        if total <= i128::from(MOST_SECONDS) * second {
            return Ok(total);
        }
        return Err("is too large; check the unit of time");
    }
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse::<f64>().ok());
    let number = number.filter(|number| number.is_finite());
    picos_of(number.ok_or("is not a number; write e.g. 12.5")?, unit_picos)
}

/// A number of units of `unit_picos` each, as picoseconds.
pub fn picos_of(number: f64, unit_picos: u64) -> Result<i128, Complaint> {
    let picos = (number * unit_picos as f64).round();
    if picos < 0.0 {
        Err("is negative; times count from the start of the trace or from an epoch")
    } else if picos <= MOST_SECONDS as f64 * PICOS_PER_SECOND as f64 {
        Ok(picos as i128)
    } else {
        Err("is too large; check the unit of time")
    }
}

/// The picoseconds of the digits after the point; `None` if they are no digits, are none at all, or are more than
/// picoseconds hold.
pub fn fraction_picos(digits: &[u8]) -> Option<u64> {
    if digits.len() > FRACTION_DIGITS {
        return None;
    }
    let mut picos = 0;
    for place in 0..FRACTION_DIGITS {
        let digit = digits.get(place).copied().unwrap_or(b'0');
        if !digit.is_ascii_digit() {
            return None;
        }
        picos = picos * 10 + u64::from(digit - b'0');
    }
    Some(picos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_exact_to_the_picosecond() {
        let second = i128::from(PICOS_PER_SECOND);
        for (text, picos) in [
            ("0", 0),
            ("0.1", second / 10),
            (" 12.5 ", 25 * second / 2),
            ("1700000000.000000000001", 1_700_000_000 * second + 1),
            ("3.", 3 * second),
            (".5", second / 2),
            ("1e-3", second / 1000),
            ("2.5E2", 250 * second),
            ("0.00000000000049", 0),
            ("-0.0", 0),
        ] {
            assert_eq!(seconds(text.as_bytes()), Ok(picos), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for (text, word) in [
            ("", "empty"),
            ("NaN", "not a number"),
            ("inf", "not a number"),
            ("1e999", "not a number"),
            ("-1", "negative"),
            ("1e30", "too large"),
            ("99999999999999999999", "too large"),
            ("12x", "not a number"),
            (".", "not a number"),
            ("1.2.3", "not a number"),
            ("1 2", "not a number"),
        ] {
            let complaint = seconds(text.as_bytes()).expect_err(text);
            assert!(complaint.contains(word), "{text}: {complaint}");
        }
    }

    #[test]
    fn tokens_are_positive_whole_numbers() {
        assert_eq!(tokens(b" 512 "), Ok(512));
        assert_eq!(tokens(b"1000000000"), Ok(MOST_TOKENS));
        for (text, word) in [
            ("", "empty"),
            ("0", "is 0"),
            ("-5", "negative"),
            ("5.0", "whole number"),
            ("+5", "whole number"),
            ("1000000001", "too large"),
            ("99999999999999999999999", "too large"),
        ] {
            let complaint = tokens(text.as_bytes()).expect_err(text);
            assert!(complaint.contains(word), "{text}: {complaint}");
        }
    }
}
