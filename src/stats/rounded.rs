//! Numbers as people read them.

/// About three significant digits, whole numbers from 100 on, no needless zeros.
pub fn rounded(value: f64) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

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
