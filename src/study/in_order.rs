//! Work on several threads whose results come in the order of its numbers, whatever the threads do.

use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::channel;
use std::sync::{Condvar, Mutex, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};

/// Results that may wait for an earlier one, a thread: each can hold megabytes.
const AHEAD: usize = 32;

/// Threads that wait for work.
pub struct Workers(ThreadPool);

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// With the next piece of work.
    GoOn,
    /// With none but those that are under way.
    Stop,
}

impl Workers {
    /// So many threads; `None` for one a processor.
    pub fn new(threads: Option<u32>) -> io::Result<Self> {
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads.unwrap_or(0) as usize)
            .build();
        pool.map(Self).map_err(io::Error::other)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.current_num_threads()
    }

    /// Does pieces `0..count` of a work, one a thread at a time, and hands over what came of each in their order. The
    /// first error, by that order, ends it and comes with its number; so does the word of `take` to stop, after those
    /// that are under way, which is a matter of chance: an error of theirs is none.
    pub fn in_order<T: Send, E: Send>(
        &self,
        count: usize,
        work: impl Fn(usize) -> Result<T, E> + Sync,
        mut take: impl FnMut(usize, T) -> Next,
    ) -> Result<(), (usize, E)> {
        let gate = Gate::new(count, AHEAD * self.count());
        let (sender, receiver) = channel();
        self.0.in_place_scope(|scope| {
            for _ in 0..self.count().min(count) {
                let (sender, gate, work) = (sender.clone(), &gate, &work);
                scope.spawn(move |_| {
                    let _closing = CloseIfPanicking(gate);
                    while let Some(number) = gate.next() {
                        if sender.send((number, work(number))).is_err() {
                            break;
                        }
                    }
                });
            }
            drop(sender);
            let _closing = CloseIfPanicking(&gate);
            let mut early = BTreeMap::new();
            let (mut due, mut is_stopped) = (0, false);
            for (number, done) in receiver {
                early.insert(number, done);
                while let Some(done) = early.remove(&due) {
                    match done {
                        Ok(done) => {
                            if take(due, done) == Next::Stop {
                                is_stopped = true;
                                gate.close();
                            }
                        }
                        Err(_) if is_stopped => return Ok(()),
                        Err(error) => {
                            gate.close();
                            return Err((due, error));
                        }
                    }
                    due += 1;
                    gate.taken(due);
                }
            }
            Ok(())
        })
    }
}

/// Lets nobody run too far ahead.
struct Gate {
    state: Mutex<State>,
    moved: Condvar,
    ahead: usize,
}

struct State {
    next: usize,
    taken: usize,
    end: usize,
}

/// Whoever panics leaves a piece of work that never comes in; the others would wait for it for ever.
struct CloseIfPanicking<'a>(&'a Gate);

impl Drop for CloseIfPanicking<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.close();
        }
    }
}

impl Gate {
    fn new(end: usize, ahead: usize) -> Self {
        Self {
            state: Mutex::new(State { next: 0, taken: 0, end }),
            moved: Condvar::new(),
            ahead,
        }
    }

    /// The next piece of work; `None` if there is none any more.
    fn next(&self) -> Option<usize> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let must_wait = |state: &mut State| state.next < state.end && state.next >= state.taken + self.ahead;
        let waited = self.moved.wait_while(state, must_wait);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        let number = state.next;
        state.next += 1;
        (number < state.end).then_some(number)
    }

    fn taken(&self, taken: usize) {
        self.change(|state| state.taken = taken);
    }

    fn close(&self) {
        self.change(|state| state.end = 0);
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.moved.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;
    use std::time::Duration;

    use super::*;

    /// Takes a time that puts pieces out of order.
    fn uneven(number: usize) -> usize {
        sleep(Duration::from_micros((number as u64 * 7_919) % 300));
        number * number
    }

    #[test]
    fn results_come_in_order_from_any_number_of_threads() {
        for threads in [1, 2, 8] {
            let workers = Workers::new(Some(threads)).unwrap();
            let mut taken = Vec::new();
            let done = workers.in_order(
                400,
                |number| Ok::<_, ()>(uneven(number)),
                |number, result| {
                    taken.push((number, result));
                    Next::GoOn
                },
            );
            assert_eq!(done, Ok(()));
            let expected: Vec<_> = (0..400).map(|number| (number, number * number)).collect();
            assert_eq!(taken, expected, "{threads} threads");
        }
    }

    #[test]
    fn the_first_error_by_number_is_the_one_that_is_told() {
        let workers = Workers::new(Some(4)).unwrap();
        let mut taken = 0;
        let done = workers.in_order(
            1_000,
            |number| {
                uneven(number);
                if number % 50 == 49 { Err(number) } else { Ok(()) }
            },
            |_, ()| {
                taken += 1;
                Next::GoOn
            },
        );
        assert_eq!((done, taken), (Err((49, 49)), 49));
    }

    #[test]
    fn a_panic_is_passed_on_and_leaves_nobody_waiting() {
        let ran = |fails_at_work: bool| {
            std::panic::catch_unwind(|| {
                let workers = Workers::new(Some(3)).unwrap();
                workers.in_order(
                    10_000,
                    |number| {
                        assert!(!fails_at_work || number != 7, "work fails");
                        Ok::<_, ()>(())
                    },
                    |number, ()| {
                        assert!(fails_at_work || number != 7, "taking fails");
                        Next::GoOn
                    },
                )
            })
        };
        assert!(ran(true).is_err() && ran(false).is_err());
    }

    #[test]
    fn a_stop_lets_those_under_way_come_in_and_begins_no_more() {
        let workers = Workers::new(Some(2)).unwrap();
        let mut taken = Vec::new();
        let done = workers.in_order(
            100_000,
            |number| if number == 6 { Err(()) } else { Ok(uneven(number)) },
            |number, _| {
                taken.push(number);
                if number == 5 { Next::Stop } else { Next::GoOn }
            },
        );
        assert_eq!(done, Ok(()));
        assert!(taken.len() < 1_000, "{}", taken.len());
        assert!(taken.iter().copied().eq(0..taken.len()));
    }
}
