//! What was decided and has not ended.

/// A queue of at most two decisions, the most that an engine has in flight. Places are used again, with whatever memory
/// they own.
#[derive(Default)]
pub(super) struct InFlight<T> {
    /// The place of the decision that has been in flight longest, or of the next one if there is none.
    first: u8,
    count: u8,
    places: [T; 2],
}

impl<T> InFlight<T> {
    #[inline]
    pub(super) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    #[inline]
    pub(super) const fn count(&self) -> u8 {
        self.count
    }

    /// The place of a decision, by how many have been in flight longer.
    #[inline]
    const fn place(&self, earlier: u8) -> usize {
        ((self.first + earlier) & 1) as usize
    }

    /// The decision that has been in flight longest.
    #[inline]
    pub(super) const fn front(&self) -> Option<&T> {
        if self.is_empty() {
            return None;
        }
        Some(&self.places[self.place(0)])
    }

    #[inline]
    pub(super) const fn front_mut(&mut self) -> Option<&mut T> {
        if self.is_empty() {
            return None;
        }
        Some(&mut self.places[self.place(0)])
    }

    /// The latest decision.
    #[inline]
    pub(super) const fn back(&self) -> Option<&T> {
        if self.is_empty() {
            return None;
        }
        Some(&self.places[self.place(self.count - 1)])
    }

    #[inline]
    pub(super) const fn back_mut(&mut self) -> Option<&mut T> {
        if self.is_empty() {
            return None;
        }
        Some(&mut self.places[self.place(self.count - 1)])
    }

    /// The place of the next decision, which holds what an earlier one has left there.
    #[inline]
    pub(super) const fn next(&mut self) -> &mut T {
        assert!(self.count < 2, "at most two decisions are in flight");
        &mut self.places[self.place(self.count)]
    }

    /// The next decision has been taken.
    #[inline]
    pub(super) const fn push(&mut self) {
        assert!(self.count < 2, "at most two decisions are in flight");
        self.count += 1;
    }

    /// The decision that has been in flight longest has ended.
    #[inline]
    pub(super) const fn pop(&mut self) {
        assert!(!self.is_empty(), "a decision is in flight");
        self.count -= 1;
        self.first = (self.first + 1) & 1;
    }

    /// The decision that has ended last, until the next place is asked for.
    #[inline]
    pub(super) const fn ended(&self) -> &T {
        &self.places[self.place(1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_end_in_their_order_and_leave_their_memory() {
        let mut in_flight = InFlight::<Vec<u32>>::default();
        assert!(in_flight.is_empty() && in_flight.front().is_none() && in_flight.back().is_none());
        for round in 0..5 {
            let place = in_flight.next();
            place.clear();
            place.push(round);
            in_flight.push();
            assert_eq!(in_flight.back(), Some(&vec![round]));
            if round > 0 {
                assert_eq!(in_flight.front(), Some(&vec![round - 1]));
                in_flight.pop();
                assert_eq!(in_flight.ended(), &vec![round - 1]);
            }
        }
        assert!(in_flight.next().capacity() > 0);
    }
}
