//! When requests will finish, soonest first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::seats::Seat;

/// A finish: the decoders' clock, the request's order of admission, its seat. They come in this order.
pub(super) type Finish = (u64, u64, Seat);

/// A priority queue; requests that leave early are not taken out, and their entries come like others. The soonest
/// finishes, which are all of them on most servers, are a sorted list, where to enter and to leave takes few branches
/// that a processor cannot foresee; all others wait in a heap.
#[derive(Default)]
pub(super) struct Finishes {
    /// The last one is the soonest; none is later than any in `later`.
    soonest: Vec<Finish>,
    later: BinaryHeap<Reverse<Finish>>,
}

const MOST_SORTED: usize = 128;

impl Finishes {
    #[inline]
    pub(super) fn push(&mut self, finish: Finish) {
        // The heap is empty unless the list is not.
        if !self.later.is_empty() && self.soonest[0] < finish {
            return self.later.push(Reverse(finish));
        }
        let place = self.soonest.partition_point(|other| *other > finish);
        self.soonest.insert(place, finish);
        if self.soonest.len() > MOST_SORTED {
            self.put_off();
        }
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<&Finish> {
        self.soonest.last()
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<Finish> {
        let soonest = self.soonest.pop();
        if self.soonest.is_empty() && !self.later.is_empty() {
            self.draw_near();
        }
        soonest
    }

    /// All of them, in any order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Finish> {
        let later = self.later.iter().map(|Reverse(finish)| finish);
        self.soonest.iter().chain(later)
    }

    pub(super) fn clear(&mut self) {
        self.soonest.clear();
        self.later.clear();
    }

    /// The later half of the list goes to the heap.
    #[cold]
    fn put_off(&mut self) {
        let later = self.soonest.drain(..MOST_SORTED / 2);
        self.later.extend(later.map(Reverse));
    }

    /// The soonest of the heap become the list.
    #[cold]
    fn draw_near(&mut self) {
        let drawn = std::iter::from_fn(|| self.later.pop());
        self.soonest
            .extend(drawn.take(MOST_SORTED / 2).map(|Reverse(finish)| finish));
        self.soonest.reverse();
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::stats::streams::stream;

    #[test]
    fn they_come_as_from_a_heap() {
        let mut random = stream(1, "finishes");
        for most in [3, 60, 70, 1_000] {
            let (mut finishes, mut heap) = (Finishes::default(), BinaryHeap::new());
            for _ in 0..20_000 {
                if heap.len() < most && random.random_bool(0.52) {
                    let finish = (random.random_range(0..50), random.random_range(0..9), 0);
                    finishes.push(finish);
                    heap.push(Reverse(finish));
                } else {
                    assert_eq!(finishes.pop(), heap.pop().map(|Reverse(finish)| finish));
                }
                assert_eq!(finishes.peek(), heap.peek().map(|Reverse(finish)| finish));
            }
            finishes.clear();
            assert_eq!(finishes.pop(), None);
        }
    }
}
