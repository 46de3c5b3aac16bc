//! Numbers as people read them.

/// From here on digits say less than an exponent.
const HUGE: f64 = 1e15;

/// About three significant digits, whole numbers from 100 on, no needless zeros, exponents for what is huge.
pub fn rounded(value: f64) -> String {
    if value.is_finite() && value.abs() >= HUGE {
        return format!("{value:.2e}");
    }
    let decimals = match value.abs() {
        size if size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        size if size >= 0.9995 => 2,
        size if size >= 0.01 => 3,
        _ => 6,
    };
    let text = format!("{value:.decimals$}");
    if decimals == 0 {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// So many of what has this name: `1 server`, `3 servers`.
pub fn counted(count: impl Into<u64>, noun: &str) -> String {
    let count = count.into();
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// All digits, but exponents for what would have dozens of zeros; TOML and JSON read the same number from it.
pub fn unrounded(value: f64) -> String {
    if value.is_finite() && value != 0.0 && !(1e-9..HUGE).contains(&value.abs()) {
        format!("{value:e}")
    } else {
        value.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_takes_hundreds_of_digits() {
        assert_eq!(
            (rounded(1e300).as_str(), rounded(-2.5e20).as_str()),
            ("1.00e300", "-2.50e20")
        );
        for (value, text) in [
            (0.0, "0"),
            (1e300, "1e300"),
            (-1e-300, "-1e-300"),
            (0.1, "0.1"),
            (1e14, "100000000000000"),
        ] {
            assert_eq!(unrounded(value), text);
        }
        for exponent in -308..=308 {
            let value = 7.0 * 10_f64.powi(exponent) / 3.0;
            assert!(rounded(value).len() <= 16 && unrounded(value).len() <= 27, "{exponent}");
            let read: f64 = unrounded(value).parse().unwrap();
            assert_eq!(read.to_bits(), value.to_bits());
        }
    }

    #[test]
    fn three_digits_are_shown_and_whole_numbers_are_whole() {
        for (value, text) in [
            (0.0, "0"),
            (0.012_345, "0.012"),
            (1.0, "1"),
            (9.999, "10"),
            (12.34, "12.3"),
            (123_456.7, "123457"),
            (-2.5, "-2.5"),
        ] {
            assert_eq!(rounded(value), text);
        }
    }
}
