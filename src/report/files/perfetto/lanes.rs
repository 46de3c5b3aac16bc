//! Lanes for things that overlap: each takes the lowest free one, so that there are as many as things at once.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Which lanes are free.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    free: BinaryHeap<Reverse<u64>>,
    /// Lanes that have been used, free or not.
    used: u64,
}

impl Lanes {
    /// The lowest free lane, from 0.
    pub(super) fn take(&mut self) -> u64 {
        if let Some(Reverse(lane)) = self.free.pop() {
            return lane;
        }
        self.used += 1;
        self.used - 1
    }

    /// It is free again.
    pub(super) fn give_back(&mut self, lane: u64) {
        self.free.push(Reverse(lane));
    }
}
