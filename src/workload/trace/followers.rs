//! Rows that wait for the row before them in their session, or for several others.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rustc_hash::FxHashMap;

use super::dependents::Dependents;
use super::row::{Row, SessionName};
use crate::units::Time;
use crate::workload::RequestId;

/// Rows that wait, most of them each for one other. No map is iterated over.
#[derive(Default)]
pub struct Followers {
    /// By the number of the row they wait for.
    waiting: FxHashMap<u64, Row>,
    /// The numbers of rows that others wait for, by the request that the row became.
    awaited: FxHashMap<RequestId, u64>,
    /// Those that wait for several.
    dependents: Dependents,
    /// Those whose predecessors have come so far, by their own number.
    thinking: FxHashMap<u64, Row>,
    /// When these arrive. Those due at the same time go in the order of the file.
    due: BinaryHeap<Reverse<(Time, u64)>>,
}

impl Followers {
    /// Takes the rows that follow others out of `rows`, which are in the order of the file.
    pub fn take_from(rows: &mut Vec<Row>) -> Self {
        let mut followers = Self::default();
        // The last row of each session, and its turn.
        let mut last: FxHashMap<SessionName, (u64, u16)> = FxHashMap::default();
        let has_waits = rows.iter().any(|row| row.waits.is_some());
        // The turn of each row, where rows wait for any others.
        let mut turns: FxHashMap<u64, u16> = FxHashMap::default();
        for mut row in std::mem::take(rows) {
            if has_waits {
                let before = row.waits.iter().flatten().filter_map(|wait| turns.get(&wait.row));
                row.turn = before.max().map_or(1, |turn| turn.saturating_add(1));
                turns.insert(row.number, row.turn);
            }
            if let Some(waits) = row.waits.take() {
                if let Some(session) = row.session {
                    last.insert(session, (row.number, row.turn));
                }
                followers.dependents.add(row, &waits);
                continue;
            }
            let session = row
                .session
                .map(|session| last.entry(session).or_insert((row.number, 1)));
            if row.after.is_some() {
                let (before, turn) = session.expect("readers make sure that a row follows another");
                row.turn = turn.saturating_add(1);
                let before = std::mem::replace(before, row.number);
                *turn = row.turn;
                if has_waits {
                    turns.insert(row.number, row.turn);
                }
                followers.waiting.insert(before, row);
            } else {
                if let Some(last) = session {
                    *last = (row.number, 1);
                }
                rows.push(row);
            }
        }
        followers
    }

    /// Whether nobody follows anybody.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.dependents.is_empty()
    }

    /// Leaves out those that follow the row `number`, and those that follow them; tells how many.
    pub fn leave_out(&mut self, number: u64) -> u64 {
        let (mut gone, mut left_out) = (vec![number], 0);
        while let Some(number) = gone.pop() {
            let before = gone.len();
            gone.extend(self.waiting.remove(&number).map(|row| row.number));
            gone.extend(self.dependents.leave_out(number));
            left_out += gone.len() - before;
        }
        left_out as u64
    }

    /// The row `number` was sent as request `id`. Of those that wait for several `not_before` tells when a row may come
    /// at the earliest, by its `arrival_picos`.
    pub fn sent(&mut self, number: u64, (id, at): (RequestId, Time), not_before: impl Fn(i128) -> Time) {
        for (row, ready) in self.dependents.sent(number, id, at) {
            let due = ready.max(not_before(row.arrival_picos));
            self.come(row, due);
        }
        if self.waiting.contains_key(&number) {
            self.awaited.insert(id, number);
        }
    }

    /// Request `id` has produced its last token; `not_before` as of [`Followers::sent`].
    pub fn finished(&mut self, id: RequestId, at: Time, not_before: impl Fn(i128) -> Time) {
        for (row, ready) in self.dependents.finished(id, at) {
            let due = ready.max(not_before(row.arrival_picos));
            self.come(row, due);
        }
        let follower = self.awaited.remove(&id);
        let Some(row) = follower.and_then(|number| self.waiting.remove(&number)) else {
            return;
        };
        let after = row.after.expect("it waits");
        // Both lie below 200 days, but their sum may not fit 64 bits; what lies beyond the limit is refused when it is
        // due.
        let due = Time::from_picos(at.picos().saturating_add(after.picos()));
        self.come(row, due);
    }

    fn come(&mut self, row: Row, due: Time) {
        self.due.push(Reverse((due, row.number)));
        self.thinking.insert(row.number, row);
    }

    /// Request `id` gets no answer, so nobody follows.
    pub fn rejected(&mut self, id: RequestId) {
        self.dependents.rejected(id);
        self.awaited.remove(&id);
    }

    /// When the next follower arrives, as far as is known now.
    pub fn next(&self) -> Option<Time> {
        self.due.peek().map(|&Reverse((time, _))| time)
    }

    /// The follower that [`Followers::next`] announced.
    pub fn take(&mut self) -> (Row, Time) {
        let Reverse((time, number)) = self.due.pop().expect("a follower must be due");
        let row = self.thinking.remove(&number);
        (row.expect("who is due thinks"), time)
    }
}
