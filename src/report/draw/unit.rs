//! Numbers as figures write them: short, with the unit.

use crate::report::draw::chart::Unit;

/// What numbers are counted in: from which size on, how much one of them is, and what it is called.
type Rung = (f64, f64, &'static str);

const PLAIN: [Rung; 6] = [
    (1e15, 1.0, ""),
    (1e12, 1e12, "T"),
    (1e9, 1e9, "G"),
    (1e6, 1e6, "M"),
    (1e3, 1e3, "k"),
    (0.0, 1.0, ""),
];

const SECONDS: [Rung; 7] = [
    (3.0 * 86_400.0, 86_400.0, " d"),
    (3.0 * 3600.0, 3600.0, " h"),
    (120.0, 60.0, " min"),
    (1.0, 1.0, " s"),
    (1e-3, 1e-3, " ms"),
    (1e-6, 1e-6, " µs"),
    (0.0, 1e-9, " ns"),
];

const SHARE: [Rung; 1] = [(0.0, 0.01, " %")];

/// Of more digits than this before the point, or zeros behind it, nobody sees how many there are.
const MOST_DIGITS: i32 = 5;

impl Unit {
    const fn rungs(self) -> &'static [Rung] {
        match self {
            Self::Plain => &PLAIN,
            Self::Seconds => &SECONDS,
            Self::Share => &SHARE,
        }
    }

    /// What numbers up to `largest` are counted in: how much one of them is, and what it is called.
    fn rung(self, largest: f64) -> (f64, &'static str) {
        let rungs = self.rungs();
        // A hair less than a thousand is written as a thousand.
        let size = largest.abs() * 1.000_001;
        let found = rungs.iter().find(|(from, ..)| size >= *from);
        let (_, one, name) = found.unwrap_or(&rungs[rungs.len() - 1]);
        (*one, name)
    }

    /// A number by itself, with three digits: 1500 as "1.5k".
    pub fn write(self, value: f64) -> String {
        if value.is_nan() {
            return "-".to_owned();
        }
        if value.is_infinite() {
            return if value < 0.0 { "-∞" } else { "∞" }.to_owned();
        }
        let (one, name) = self.rung(rounded(value, 3));
        let count = rounded(value / one, 3);
        let decimals = 2 - magnitude(count);
        format!("{}{name}", fixed(count, decimals))
    }

    /// Numbers beside an axis, `step` apart, all counted in the same, with no more digits than they need.
    pub fn write_all(self, values: &[f64], step: f64) -> Vec<String> {
        let largest = values.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
        // Thousands are shorter than "0.8k" and "1.2k".
        let is_short = self == Self::Plain && (1e3..1e4).contains(&largest);
        let (one, name) = if is_short { (1.0, "") } else { self.rung(largest) };
        let decimals = magnitude(step / one * 1.000_001).saturating_neg();
        let written = |value: &f64| {
            if value.abs() < step * 1e-6 {
                return "0".to_owned();
            }
            format!("{}{name}", fixed(value / one, decimals))
        };
        values.iter().map(written).collect()
    }
}

/// The power of ten of a number's first digit.
fn magnitude(value: f64) -> i32 {
    if value == 0.0 {
        return 0;
    }
    value.abs().log10().floor() as i32
}

/// With so many digits and zeros behind.
fn rounded(value: f64, digits: i32) -> f64 {
    if value.is_infinite() {
        return value;
    }
    let unit = 10_f64.powi(magnitude(value) + 1 - digits);
    // Powers of ten beyond what a number can hold.
    if unit == 0.0 || unit.is_infinite() {
        return value;
    }
    let rounded = (value / unit).round() * unit;
    if rounded.is_finite() { rounded } else { value }
}

/// With at most so many digits behind the point, and none that are zeros at the end.
fn fixed(value: f64, decimals: i32) -> String {
    if value.is_infinite() {
        return if value < 0.0 { "-∞" } else { "∞" }.to_owned();
    }
    let size = magnitude(value);
    if value != 0.0 && !(-MOST_DIGITS..=MOST_DIGITS).contains(&size) {
        let digits = size.saturating_add(decimals).clamp(0, 15) as usize;
        let text = format!("{value:.digits$e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        return format!("{}e{exponent}", without_zeros(mantissa));
    }
    let decimals = decimals.clamp(0, 15) as usize;
    let text = format!("{value:.decimals$}");
    match without_zeros(&text) {
        "-0" => "0".to_owned(),
        text => text.to_owned(),
    }
}

fn without_zeros(text: &str) -> &str {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_say_their_unit() {
        let cases = [
            (Unit::Plain, 0.0, "0"),
            (Unit::Plain, 1500.0, "1.5k"),
            (Unit::Plain, 999.96, "1k"),
            (Unit::Plain, -0.25, "-0.25"),
            (Unit::Plain, 12.345, "12.3"),
            (Unit::Plain, 2e6, "2M"),
            (Unit::Plain, 1e21, "1e21"),
            (Unit::Plain, 1.5e-7, "1.5e-7"),
            (Unit::Seconds, 0.02, "20 ms"),
            (Unit::Seconds, 0.000_15, "150 µs"),
            (Unit::Seconds, 1.0, "1 s"),
            (Unit::Seconds, 90.0, "90 s"),
            (Unit::Seconds, 150.0, "2.5 min"),
            (Unit::Seconds, 86_400.0, "24 h"),
            (Unit::Share, 0.25, "25 %"),
            (Unit::Share, 0.999, "99.9 %"),
            (Unit::Plain, f64::NAN, "-"),
            (Unit::Plain, f64::NEG_INFINITY, "-∞"),
        ];
        for (unit, value, text) in cases {
            assert_eq!(unit.write(value), text, "{value}");
        }
    }

    #[test]
    fn numbers_beside_an_axis_are_counted_in_the_same() {
        let written = |unit: Unit, values: &[f64], step| unit.write_all(values, step).join(" | ");
        assert_eq!(
            written(Unit::Seconds, &[0.0, 0.5, 1.0, 1.5], 0.5),
            "0 | 0.5 s | 1 s | 1.5 s"
        );
        assert_eq!(
            written(Unit::Share, &[0.0, 0.2, 0.1 + 0.2, 1.0], 0.1),
            "0 | 20 % | 30 % | 100 %"
        );
        assert_eq!(
            written(Unit::Plain, &[-500.0, 0.0, 500.0, 1000.0], 500.0),
            "-500 | 0 | 500 | 1000"
        );
        assert_eq!(written(Unit::Plain, &[0.0, 5000.0, 10_000.0], 5000.0), "0 | 5k | 10k");
    }

    #[test]
    fn any_number_can_be_written() {
        for value in [f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324, -5e-324, 1e300, 0.1 + 0.2] {
            for unit in [Unit::Plain, Unit::Seconds, Unit::Share] {
                assert!(unit.write(value).len() < 24, "{}", unit.write(value));
                for step in [5e-324, 1.0, 1e300] {
                    assert!(!unit.write_all(&[value], step).is_empty());
                }
            }
        }
    }
}
