//! A function of a small whole number, computed at most once for each.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// The results so far; 0 stands for a result not yet asked for. It takes no memory before anything was asked for.
#[derive(Debug)]
pub(super) struct Memo {
    size: usize,
    results: OnceLock<Vec<AtomicU64>>,
}

impl Memo {
    /// Remembers results for arguments below `size`.
    pub(super) const fn new(size: usize) -> Self {
        Self {
            size,
            results: OnceLock::new(),
        }
    }

    /// The result for `argument`, which must be the same whenever it is computed.
    #[inline]
    pub(super) fn get(&self, argument: u64, compute: impl FnOnce() -> u64) -> u64 {
        let results = self.results.get_or_init(|| zeros(self.size));
        let Some(known) = results.get(argument as usize) else {
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

fn zeros(size: usize) -> Vec<AtomicU64> {
    (0..size).map(|_| AtomicU64::new(0)).collect()
}
