//! Rows that wait for several others, for the start or the end of each.

use rustc_hash::FxHashMap;

use super::row::Row;
use super::wait::{Wait, WaitUntil};
use crate::units::{Span, Time};
use crate::workload::RequestId;

/// Rows that wait. No map is iterated over.
#[derive(Default)]
pub struct Dependents {
    /// By their own number.
    waiting: FxHashMap<u64, Waiting>,
    /// What waits for a row, by its number, in the order of the file.
    behind: FxHashMap<u64, Vec<(u64, WaitUntil, Span)>>,
    /// The numbers of rows that others wait for, by the request that the row became.
    awaited: FxHashMap<RequestId, u64>,
}

struct Waiting {
    row: Row,
    /// How many of those that it waits for have not come so far.
    missing: usize,
    /// When it may come as far as the others are concerned.
    ready: Time,
}

impl Dependents {
    /// Takes a row that waits for `waits`.
    pub fn add(&mut self, row: Row, waits: &[Wait]) {
        for wait in waits {
            let behind = self.behind.entry(wait.row).or_default();
            behind.push((row.number, wait.until, wait.after));
        }
        let (missing, ready) = (waits.len(), Time::ZERO);
        self.waiting.insert(row.number, Waiting { row, missing, ready });
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Leaves out those that wait for the row `number`; tells which.
    pub fn leave_out(&mut self, number: u64) -> Vec<u64> {
        let mut behind = self.behind.remove(&number).unwrap_or_default();
        behind.retain(|(row, ..)| self.waiting.remove(row).is_some());
        behind.into_iter().map(|(row, ..)| row).collect()
    }

    /// The row `number` was sent as request `id`; returns the rows that waited for that alone, and when they may come.
    pub fn sent(&mut self, number: u64, id: RequestId, at: Time) -> Vec<(Row, Time)> {
        if !self.behind.contains_key(&number) {
            return Vec::new();
        }
        self.awaited.insert(id, number);
        self.came(number, WaitUntil::Sent, at)
    }

    /// Request `id` has produced its last token; returns the rows that waited for that alone, and when they may come.
    pub fn finished(&mut self, id: RequestId, at: Time) -> Vec<(Row, Time)> {
        let Some(number) = self.awaited.remove(&id) else {
            return Vec::new();
        };
        let ready = self.came(number, WaitUntil::Finished, at);
        self.behind.remove(&number);
        ready
    }

    /// Request `id` gets no answer, so nobody comes who waits for its end.
    pub fn rejected(&mut self, id: RequestId) {
        self.awaited.remove(&id);
    }

    fn came(&mut self, number: u64, moment: WaitUntil, at: Time) -> Vec<(Row, Time)> {
        let mut ready = Vec::new();
        for &(row, until, after) in self.behind.get(&number).into_iter().flatten() {
            let Some(waiting) = self.waiting.get_mut(&row).filter(|_| until == moment) else {
                continue;
            };
            // Both lie below 200 days, but their sum may not fit 64 bits.
            let may_come = Time::from_picos(at.picos().saturating_add(after.picos()));
            waiting.ready = waiting.ready.max(may_come);
            waiting.missing -= 1;
            if waiting.missing == 0
                && let Some(waiting) = self.waiting.remove(&row)
            {
                ready.push((waiting.row, waiting.ready));
            }
        }
        ready
    }
}
