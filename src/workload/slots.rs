//! How many requests may be outstanding at once.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::units::Time;

/// A fixed number of places for requests that are outstanding. A request is sent when it is due and a place is free,
/// and gives its place back when it ends. All places are alike, so only when the next one is free needs to be known.
pub(super) struct Slots {
    /// How many were never taken.
    fresh: u32,
    /// When each of the others that are not taken became free.
    free: BinaryHeap<Reverse<Time>>,
}

impl Slots {
    pub fn new(count: u32) -> Self {
        Self {
            fresh: count,
            free: BinaryHeap::new(),
        }
    }

    /// When a request that is due at `due` is sent; `None` while all places are taken.
    pub fn next(&self, due: Time) -> Option<Time> {
        if self.fresh > 0 {
            return Some(due);
        }
        self.free.peek().map(|&Reverse(time)| time.max(due))
    }

    /// The request that is due at `due` is sent, when [`Slots::next`] says.
    pub fn take(&mut self, due: Time) -> Time {
        if self.fresh > 0 {
            self.fresh -= 1;
            return due;
        }
        let Reverse(time) = self.free.pop().expect("a place must be free");
        time.max(due)
    }

    /// A request has ended, with an answer or without.
    pub fn ended(&mut self, at: Time) {
        self.free.push(Reverse(at));
    }
}
