//! Attempts that wait at the router: a line for each set of pools that could serve them, so that nobody whom another
//! pool could serve waits behind one whom it could not.

use std::collections::VecDeque;

use super::pools::PoolSet;
use crate::workload::{Request, RequestId};

/// All that wait at a router.
#[derive(Default)]
pub(super) struct RouterQueue {
    lines: Vec<Line>,
    /// How many have come so far.
    came: u64,
    len: usize,
}

/// Those whom the same pools could serve, in the order in which they came.
struct Line {
    takers: PoolSet,
    waiting: VecDeque<WaitingAttempt>,
}

/// An attempt that waits.
pub(super) struct WaitingAttempt {
    /// Its place among all that have come.
    number: u64,
    /// The pools that could serve it.
    pub(super) takers: PoolSet,
    pub(super) attempt: Request,
}

impl RouterQueue {
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// An attempt comes that these pools could serve. True if nobody waits before it whom just these could serve.
    pub(super) fn push(&mut self, takers: PoolSet, attempt: Request) -> bool {
        self.came += 1;
        self.len += 1;
        let waiting = WaitingAttempt {
            number: self.came,
            takers,
            attempt,
        };
        let line = self.line(takers);
        line.push_back(waiting);
        line.len() == 1
    }

    fn line(&mut self, takers: PoolSet) -> &mut VecDeque<WaitingAttempt> {
        let found = self.lines.iter().position(|line| line.takers == takers);
        let place = found.unwrap_or_else(|| {
            self.lines.push(Line {
                takers,
                waiting: VecDeque::new(),
            });
            self.lines.len() - 1
        });
        &mut self.lines[place].waiting
    }

    /// Takes out the attempt with this id if it came last of those whom just these pools could serve. True if it was.
    pub(super) fn take_last(&mut self, takers: PoolSet, id: RequestId) -> bool {
        let is_it = |last: &mut WaitingAttempt| last.attempt.id == id;
        let was_last = self.line(takers).pop_back_if(is_it).is_some();
        self.len -= usize::from(was_last);
        was_last
    }

    /// The pools that could serve those who wait, for each set of pools that some of them wait for.
    pub(super) fn takers(&self) -> impl Iterator<Item = PoolSet> {
        let lines = self.lines.iter().filter(|line| !line.waiting.is_empty());
        lines.map(|line| line.takers)
    }

    /// Takes out who came first, but for those whom only pools of one of the sets in `full` could serve.
    pub(super) fn take_first(&mut self, full: &[PoolSet]) -> Option<WaitingAttempt> {
        let is_open = |line: &&mut Line| !full.iter().any(|full| line.takers.is_within(*full));
        let open = self.lines.iter_mut().filter(is_open);
        let with_first = open.filter_map(|line| Some((line.waiting.front()?.number, line)));
        let (_, line) = with_first.min_by_key(|(number, _)| *number)?;
        self.len -= 1;
        line.waiting.pop_front()
    }

    /// Puts somebody back who was taken out, first in line.
    pub(super) fn put_back(&mut self, waiting: WaitingAttempt) {
        self.len += 1;
        self.line(waiting.takers).push_front(waiting);
    }
}
