//! A function of a small whole number, computed at most once for each.

use std::sync::atomic::{AtomicU64, Ordering};

/// The results so far; 0 stands for a result not yet asked for.
#[derive(Debug)]
pub(super) struct Memo(Vec<AtomicU64>);

impl Memo {
    /// Remembers results for arguments below `size`.
    pub(super) fn new(size: usize) -> Self {
        Self((0..size).map(|_| AtomicU64::new(0)).collect())
    }

    /// The result for `argument`, which must be the same whenever it is computed.
    pub(super) fn get(&self, argument: u64, compute: impl FnOnce() -> u64) -> u64 {
        let Some(known) = self.0.get(argument as usize) else {
            return compute();
        };
        // Whoever races computes the same value, so no order between threads is needed.
        match known.load(Ordering::Relaxed) {
            0 => {
                let result = compute();
                known.store(result, Ordering::Relaxed);
                result
            }
            result => result,
        }
    }
}

impl Clone for Memo {
    /// The clone starts without results: they come again when they are asked for.
    fn clone(&self) -> Self {
        Self::new(self.0.len())
    }
}
