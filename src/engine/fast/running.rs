//! Who runs, in the order of admission.

use super::seats::{Active, Seat, Seats};

/// The running requests in the order of admission.
#[derive(Default)]
pub(super) struct Running {
    count: u32,
    admissions: u64,
    /// Entries whose order is no longer their seat's are void.
    entries: Vec<(u64, Seat)>,
}

impl Running {
    pub(super) const fn count(&self) -> u32 {
        self.count
    }

    pub(super) fn push(&mut self, seats: &mut Seats, seat: Seat) {
        self.count += 1;
        self.admissions += 1;
        seats[seat].order = self.admissions;
        if self.entries.len() > 64 + 2 * self.count as usize {
            self.sweep(seats);
        }
        self.entries.push((self.admissions, seat));
    }

    /// Goes on with those in `seats` that have an order, after so many admissions.
    pub(super) fn resume(&mut self, seats: &[Active], admissions: u64) {
        let ordered = (0..).zip(seats).filter(|(_, active)| active.order > 0);
        self.entries = ordered.map(|(seat, active)| (active.order, seat)).collect();
        self.entries.sort_unstable();
        self.count = self.entries.len() as u32;
        self.admissions = admissions;
    }

    /// Takes a request out; its entry is void from now on.
    pub(super) fn remove(&mut self, seats: &mut Seats, seat: Seat) {
        self.count -= 1;
        seats[seat].order = 0;
    }

    pub(super) fn youngest(&mut self, seats: &Seats) -> Option<Seat> {
        while let Some(&(order, seat)) = self.entries.last() {
            if seats[seat].order == order {
                return Some(seat);
            }
            self.entries.pop();
        }
        None
    }

    /// Whether nobody was admitted after a running request.
    pub(super) fn is_youngest(&self, seats: &Seats, seat: Seat) -> bool {
        let mut latest = self.entries.iter().rev();
        latest
            .find(|&&(order, other)| seats[other].order == order)
            .is_some_and(|&(_, other)| other == seat)
    }

    /// All of them, oldest first.
    pub(super) fn sweep(&mut self, seats: &Seats) -> &[(u64, Seat)] {
        self.entries.retain(|&(order, seat)| seats[seat].order == order);
        &self.entries
    }
}
