//! A number that names a content: 64-bit FNV-1a, the same on every machine and in every version.
//!
//! Offset basis and prime: <http://www.isthe.com/chongo/tech/comp/fnv/>.

use std::fmt;
use std::io::{self, Read};

/// A running fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// The fingerprint of an empty content.
    pub const EMPTY: Self = Self(0xcbf2_9ce4_8422_2325);

    /// Goes on with `bytes`.
    pub fn add(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    /// Goes on with all that `content` yields.
    pub fn add_all_of(&mut self, mut content: impl Read) -> io::Result<()> {
        let mut buffer = vec![0; 1 << 16];
        loop {
            match content.read(&mut buffer)? {
                0 => return Ok(()),
                read => self.add(&buffer[..read]),
            }
        }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_test_vectors_hold() {
        for (text, expected) in [
            ("", "cbf29ce484222325"),
            ("a", "af63dc4c8601ec8c"),
            ("foobar", "85944171f73967e8"),
        ] {
            let mut fingerprint = Fingerprint::EMPTY;
            fingerprint.add(text.as_bytes());
            assert_eq!(fingerprint.to_string(), expected);
        }
    }
}
