//! Named random streams: every purpose draws from its own generator, all of them made from one seed.
//!
//! Two scenarios with the same seed therefore share what they have in common (common random numbers): another
//! distribution of output lengths leaves the arrivals as they were. Xoshiro256++ is fixed here by name because the
//! generators that `rand` calls standard may change between its versions.

pub use rand_xoshiro::Xoshiro256PlusPlus;

use rand_xoshiro::rand_core::SeedableRng;

/// The random stream for `purpose` (say, `"arrivals"`) of the run with this `seed`.
pub fn stream(seed: u64, purpose: &str) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(mix(mix(seed) ^ hash_bytes(purpose.as_bytes())))
}

/// A bijection of 64-bit numbers in which every output bit depends on every input bit.
///
/// The finalizer of `SplitMix64` (Steele, Lea, Flood 2014, doi:10.1145/2660193.2660195) with its increment.
pub const fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A 64-bit hash that is the same on every machine and in every version; different texts of up to 8 bytes and equal
/// length never collide.
pub const fn hash_bytes(bytes: &[u8]) -> u64 {
    let mut hash = mix(bytes.len() as u64);
    let mut rest = bytes;
    while !rest.is_empty() {
        let mut word = [0; 8];
        let (chunk, after) = rest.split_at(if rest.len() < 8 { rest.len() } else { 8 });
        word.split_at_mut(chunk.len()).0.copy_from_slice(chunk);
        hash = mix(hash ^ u64::from_le_bytes(word));
        rest = after;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;
    use std::collections::BTreeSet;

    #[test]
    fn streams_differ_by_seed_and_by_purpose() {
        let mut first_draws = BTreeSet::new();
        for seed in [0, 1, 2, u64::MAX] {
            for purpose in ["", "arrivals", "prompt", "output", "a longer purpose"] {
                first_draws.insert(stream(seed, purpose).random::<u64>());
            }
        }
        assert_eq!(first_draws.len(), 20);
    }

    #[test]
    fn the_same_stream_draws_the_same() {
        let draw = || {
            let mut stream = stream(7, "arrivals");
            [stream.random::<u64>(), stream.random()]
        };
        assert_eq!(draw(), draw());
    }

    #[test]
    fn hashes_tell_texts_apart() {
        let texts: [&[u8]; 6] = [b"", b"\0", b"\0\0", b"12345678", b"123456789", b"12345678\0"];
        let hashes: BTreeSet<u64> = texts.into_iter().map(hash_bytes).collect();
        assert_eq!(hashes.len(), texts.len());
    }
}
