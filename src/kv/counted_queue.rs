//! The free queue of many tables a request as counts: the fast twin of [`super::BlockPool`] over groups of layers.
//!
//! Blocks that nobody can ask for go to the front, or wait their turn at the back; all others go to the back. So a
//! block that was put at the back is known by how many were put there before it, its *place*: it is there as long as no
//! more have been taken from that end. Blocks at the front are alike.

use std::collections::BTreeMap;
use std::ops::Range;

/// Free blocks, next to be taken first: those at the front, then the others by their places.
#[derive(Debug)]
pub struct CountedQueue {
    /// Blocks before all others, which nobody can ask for.
    front: u64,
    /// The place of the next block that is taken when there are none at the front.
    next: u64,
    /// The place of the next block that is put at the back.
    end: u64,
    /// Places at or after `next` whose blocks somebody has asked for, by the first of a range; none begins at `next`.
    gaps: BTreeMap<u64, u64>,
    /// How many these are.
    missing: u64,
}

impl CountedQueue {
    /// So many blocks, of which nobody can ask for any.
    pub fn new(blocks: u32) -> Self {
        Self {
            front: blocks.into(),
            next: 0,
            end: 0,
            gaps: BTreeMap::new(),
            missing: 0,
        }
    }

    /// Blocks in the queue.
    pub const fn len(&self) -> u64 {
        self.front + (self.end - self.next) - self.missing
    }

    /// Whether no block is in the queue.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The place before which no block is left.
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// Puts blocks before all others.
    pub fn push_front(&mut self, blocks: u32) {
        self.front += u64::from(blocks);
    }

    /// Puts blocks behind all others, and returns the place of the first of them.
    pub fn push_back(&mut self, blocks: u32) -> u64 {
        let first = self.end;
        self.end += u64::from(blocks);
        first
    }

    /// Takes the next blocks, of which there are as many.
    pub fn take(&mut self, blocks: u32) {
        let at_front = self.front.min(blocks.into());
        self.front -= at_front;
        let mut left = u64::from(blocks) - at_front;
        while left > 0 {
            let until = self.gaps.first_key_value().map_or(self.end, |(&first, _)| first);
            let taken = left.min(until - self.next);
            assert!(taken > 0, "a block is free");
            left -= taken;
            self.next += taken;
            self.pass_gap();
        }
    }

    /// Takes out the blocks at these places, which are all there.
    pub fn take_out(&mut self, places: Range<u64>) {
        assert!(
            places.start >= self.next && places.end <= self.end,
            "nobody has taken them"
        );
        if places.is_empty() {
            return;
        }
        self.missing += places.end - places.start;
        self.gaps.insert(places.start, places.end);
        self.pass_gap();
    }

    /// The next block to be taken lies behind the gaps that begin here.
    fn pass_gap(&mut self) {
        while let Some(gap) = self.gaps.first_entry()
            && *gap.key() == self.next
        {
            let end = gap.remove();
            self.missing -= end - self.next;
            self.next = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_at_the_front_goes_first_then_what_was_put_back_first() {
        let mut queue = CountedQueue::new(5);
        queue.take(3);
        assert_eq!(queue.push_back(2), 0);
        queue.push_front(1);
        assert_eq!((queue.len(), queue.push_back(3)), (5, 2));
        queue.take(4); // Three at the front, then the first that was put back.
        assert_eq!((queue.len(), queue.next()), (4, 1));
        queue.push_front(1);
        queue.take(2);
        assert_eq!((queue.len(), queue.next()), (3, 2));
    }

    #[test]
    fn what_was_asked_for_is_passed_over() {
        let mut queue = CountedQueue::new(0);
        assert!(queue.is_empty());
        queue.push_back(10);
        queue.take_out(3..5);
        queue.take_out(5..6);
        queue.take_out(8..10);
        assert_eq!(queue.len(), 5);
        queue.take(3);
        assert_eq!((queue.len(), queue.next()), (2, 6));
        queue.take(2);
        assert_eq!((queue.len(), queue.next()), (0, 10));
        assert_eq!(queue.push_back(1), 10);
        queue.take_out(10..11);
        assert_eq!((queue.len(), queue.next()), (0, 11));
    }
}
