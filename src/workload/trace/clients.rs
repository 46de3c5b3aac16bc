//! Clients who send the rows of a trace one after the other, each when its last answer has ended.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::units::Time;

/// A fixed number of clients who do not think. All are alike, so only when the next one is free needs to be known.
pub struct Clients {
    /// How many have not sent anything yet: they do at time 0.
    fresh: u32,
    /// When each of the others who do not wait for an answer became free.
    free: BinaryHeap<Reverse<Time>>,
}

impl Clients {
    pub fn new(concurrency: u32) -> Self {
        Self {
            fresh: concurrency,
            free: BinaryHeap::new(),
        }
    }

    /// When the next row is sent; `None` while all wait for their answers.
    pub fn next(&self) -> Option<Time> {
        if self.fresh > 0 {
            return Some(Time::ZERO);
        }
        self.free.peek().map(|&Reverse(time)| time)
    }

    /// The next row is sent, now.
    pub fn send(&mut self) -> Time {
        if self.fresh > 0 {
            self.fresh -= 1;
            return Time::ZERO;
        }
        let Reverse(time) = self.free.pop().expect("a client must be free");
        time
    }

    /// A request has ended, with an answer or without.
    pub fn ended(&mut self, at: Time) {
        self.free.push(Reverse(at));
    }
}
