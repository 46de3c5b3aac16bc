//! How much comes in a second, with its unit: `2 GB/s`, `25 Gbit/s`.

use std::fmt;

use super::quantity::{Units, cut};

/// How to write a bandwidth.
pub const BANDWIDTH_HELP: &str = "write a number and its unit in quotes, such as \"2 GB/s\"; units: MB/s, GB/s, TB/s, \
                                  MiB/s, GiB/s, Mbit/s, Gbit/s";

/// Units and what they are [bytes/s].
pub const BANDWIDTHS: Units = Units {
    of: "bandwidth",
    what: "a bandwidth",
    likely: ("gigabytes a second", " GB/s"),
    all: &[
        ("MB/s", 1e6),
        ("GB/s", 1e9),
        ("TB/s", 1e12),
        ("MiB/s", 1_048_576.0),
        ("GiB/s", 1_073_741_824.0),
        ("Mbit/s", 1e6 / 8.0),
        ("Gbit/s", 1e9 / 8.0),
    ],
};
/// Slower than this is a slip of the pen [bytes/s].
const LEAST_BYTES_PER_S: f64 = 1e6;
/// Faster than this is no disk and no network [bytes/s].
const MOST_BYTES_PER_S: f64 = 1e15;

/// A bandwidth above 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bandwidth {
    /// [bytes/s].
    pub bytes_per_s: f64,
}

impl fmt::Display for Bandwidth {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} GB/s", self.bytes_per_s / 1e9)
    }
}

/// The bandwidth that `text` describes; otherwise what is wrong with it.
pub fn bandwidth(text: &str) -> Result<Bandwidth, String> {
    let bytes_per_s = BANDWIDTHS.read(text)?;
    if !(LEAST_BYTES_PER_S..=MOST_BYTES_PER_S).contains(&bytes_per_s) {
        return Err(format!("{:?} is not between 1 MB/s and 1000 TB/s", cut(text.trim())));
    }
    Ok(Bandwidth { bytes_per_s })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_what_they_say() {
        for (text, bytes_per_s) in [
            ("2 GB/s", 2e9),
            ("500MB/s", 5e8),
            (" 1.5e1 TB/s ", 1.5e13),
            ("1 GiB/s", 1_073_741_824.0),
            ("100 Gbit/s", 12.5e9),
        ] {
            assert_eq!(bandwidth(text), Ok(Bandwidth { bytes_per_s }), "{text}");
        }
    }

    #[test]
    fn what_is_no_bandwidth_is_refused() {
        for text in [
            "",
            "2",
            "GB/s",
            "2 GB",
            "2 gb/s",
            "-2 GB/s",
            "0 GB/s",
            "nan GB/s",
            "1e30 GB/s",
            "1 MB/sec",
        ] {
            assert!(bandwidth(text).is_err(), "{text}");
        }
    }
}
