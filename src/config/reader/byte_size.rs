//! An amount of memory or storage, with its unit: `80GB`, `1.5 TiB`.

use std::fmt;

use super::quantity::{Units, cut};

/// How to write an amount.
pub const BYTES_HELP: &str =
    "write a number and its unit in quotes, such as \"80GB\"; units: B, kB, KB, MB, GB, TB, PB, KiB, MiB, GiB, TiB";

/// Units and what they are [bytes].
pub const BYTE_SIZES: Units = Units {
    of: "memory",
    what: "an amount of memory",
    likely: ("gigabytes", "GB"),
    all: &[
        ("B", 1.0),
        ("kB", 1e3),
        ("KB", 1e3),
        ("MB", 1e6),
        ("GB", 1e9),
        ("TB", 1e12),
        ("PB", 1e15),
        ("KiB", 1_024.0),
        ("MiB", 1_048_576.0),
        ("GiB", 1_073_741_824.0),
        ("TiB", 1_099_511_627_776.0),
    ],
};
/// More than anybody stores [bytes].
const MOST_BYTES: f64 = 1e18;

/// An amount of memory or storage: at least a byte.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct ByteSize {
    /// [bytes].
    pub bytes: f64,
}

impl fmt::Display for ByteSize {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let larger = [("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)];
        let (unit, one) = larger
            .into_iter()
            .find(|(_, one)| self.bytes >= *one)
            .unwrap_or(("B", 1.0));
        write!(formatter, "{}{unit}", self.bytes / one)
    }
}

/// The amount that `text` describes; otherwise what is wrong with it.
pub fn byte_size(text: &str) -> Result<ByteSize, String> {
    let bytes = BYTE_SIZES.read(text)?;
    if !(1.0..=MOST_BYTES).contains(&bytes) {
        return Err(format!("{:?} is not between one byte and 1000 PB", cut(text.trim())));
    }
    Ok(ByteSize { bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_what_they_say_and_are_shown_as_they_are_read() {
        for (text, bytes, shown) in [
            ("80GB", 8e10, "80GB"),
            ("200 MB", 2e8, "200MB"),
            ("1GiB", 1_073_741_824.0, "1.073741824GB"),
            ("50KB", 5e4, "50kB"),
            ("5 TB", 5e12, "5TB"),
            ("7B", 7.0, "7B"),
        ] {
            let read = byte_size(text);
            assert_eq!(read, Ok(ByteSize { bytes }), "{text}");
            assert_eq!(read.map(|it| it.to_string()), Ok(shown.to_owned()));
            assert_eq!(byte_size(shown), Ok(ByteSize { bytes }));
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in [
            "", "80", "GB", "80 gb", "80Gb", "-1GB", "0GB", "nan GB", "inf GB", "1e12 GB", "0.1B",
        ] {
            assert!(byte_size(text).is_err(), "{text}");
        }
    }
}
