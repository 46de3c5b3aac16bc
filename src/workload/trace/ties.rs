//! Arrivals with the same time stamp: how many there are, and how to spread them.

use std::collections::VecDeque;

use rand::RngExt;

use super::row::Row;
use crate::stats::streams::{Xoshiro256PlusPlus, stream};
use crate::units::Time;

/// Counts arrivals at the same time.
#[derive(Default)]
pub struct TieCounter {
    last: Option<Time>,
    arrivals: u64,
    tied: u64,
    stamps: u64,
}

impl TieCounter {
    /// A request arrives; times never go back.
    pub fn add(&mut self, arrival: Time) {
        self.arrivals += 1;
        if self.last == Some(arrival) {
            self.tied += 1;
        } else {
            self.stamps += 1;
            self.last = Some(arrival);
        }
    }

    /// The share of requests that arrive together with the one before. None do where all arrive at once: that is meant
    /// so.
    pub fn tied_share(&self) -> f64 {
        if self.stamps < 2 {
            return 0.0;
        }
        self.tied as f64 / self.arrivals as f64
    }
}

/// Spreads rows with the same arrival evenly at random up to the next arrival, in their order. The last ones, which
/// have no next, spread as far as the arrival before them lies back.
pub struct TieSpreader {
    random: Xoshiro256PlusPlus,
    /// Rows whose arrival is settled.
    settled: VecDeque<Row>,
    /// The first row after them.
    ahead: Option<Row>,
    /// The last arrival as recorded [ps].
    last: Option<i128>,
}

impl TieSpreader {
    /// Draws from the stream `jitter_ties` of `seed`.
    pub fn new(seed: u64) -> Self {
        Self {
            random: stream(seed, "jitter_ties"),
            settled: VecDeque::new(),
            ahead: None,
            last: None,
        }
    }

    /// The next row; `read` yields the rows as recorded.
    pub fn next<E>(&mut self, mut read: impl FnMut() -> Result<Option<Row>, E>) -> Result<Option<Row>, E> {
        if self.settled.is_empty() {
            let first = match self.ahead.take() {
                Some(row) => Some(row),
                None => read()?,
            };
            let Some(first) = first else {
                return Ok(None);
            };
            let stamp = first.arrival_picos;
            self.settled.push_back(first);
            loop {
                match read()? {
                    Some(row) if row.arrival_picos == stamp => self.settled.push_back(row),
                    other => {
                        self.ahead = other;
                        break;
                    }
                }
            }
            self.spread(stamp);
        }
        Ok(self.settled.pop_front())
    }

    fn spread(&mut self, stamp: i128) {
        let back = self.last.map_or(0, |last| stamp - last);
        self.last = Some(stamp);
        let ahead = self.ahead.as_ref();
        let room = ahead.map_or(back, |row| row.arrival_picos - stamp);
        if self.settled.len() < 2 || room <= 0 {
            return;
        }
        let mut later: Vec<i128> = self.settled.iter().map(|_| self.random.random_range(0..room)).collect();
        later.sort_unstable();
        for (row, later) in self.settled.iter_mut().zip(later) {
            row.arrival_picos += later;
        }
    }
}
