//! Who runs, in the order of admission.

use super::slots::{Slot, Slots};

/// The running requests in the order of admission.
#[derive(Default)]
pub(super) struct Running {
    count: u32,
    admissions: u64,
    /// Entries whose order is no longer their slot's are void.
    entries: Vec<(u64, Slot)>,
}

impl Running {
    pub(super) const fn count(&self) -> u32 {
        self.count
    }

    pub(super) fn push(&mut self, slots: &mut Slots, slot: Slot) {
        self.count += 1;
        self.admissions += 1;
        slots[slot].order = self.admissions;
        if self.entries.len() > 64 + 2 * self.count as usize {
            self.sweep(slots);
        }
        self.entries.push((self.admissions, slot));
    }

    /// Takes a request out; its entry is void from now on.
    pub(super) fn remove(&mut self, slots: &mut Slots, slot: Slot) {
        self.count -= 1;
        slots[slot].order = 0;
    }

    pub(super) fn youngest(&mut self, slots: &Slots) -> Option<Slot> {
        while let Some(&(order, slot)) = self.entries.last() {
            if slots[slot].order == order {
                return Some(slot);
            }
            self.entries.pop();
        }
        None
    }

    /// All of them, oldest first.
    pub(super) fn sweep(&mut self, slots: &Slots) -> &[(u64, Slot)] {
        self.entries.retain(|&(order, slot)| slots[slot].order == order);
        &self.entries
    }
}
