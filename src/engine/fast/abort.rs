//! Requests that leave continuous batching without an answer, because their clients have given up.

use super::Moment;
use super::continuous::ContinuousBatching;
use super::slots::{Part, Slot};
use crate::engine::{Event, Observer};
use crate::workload::RequestId;

impl ContinuousBatching {
    /// Takes a request out before a step is decided; nothing happens if it has left.
    pub(super) fn take_out(&mut self, id: RequestId, at: Moment, observer: &mut (impl Observer + ?Sized)) {
        let is_it = |slot: Slot| self.slots[slot].live.request.id == id;
        let waiting = self.waiting.iter().position(|&slot| is_it(slot));
        let slot = if let Some(place) = waiting {
            self.waiting.remove(place)
        } else {
            let running = self.running.sweep(&self.slots).iter();
            let mut slots = running.map(|&(_, slot)| slot);
            slots.find(|&slot| self.slots[slot].live.request.id == id)
        };
        let Some(slot) = slot else {
            return;
        };
        match self.slots[slot].part {
            Part::Prefills => self.prefilling.retain(|&other| other != slot),
            Part::Decodes => self.leave_decoders(slot, at.decided_until),
            Part::Waits | Part::Listed => {}
            Part::Overruns | Part::Ends => {
                unreachable!("who ends with a step in flight has left when the next is decided")
            }
        }
        let known = self.known_tokens(slot);
        self.drop_token_in_flight(slot);
        if waiting.is_none() {
            self.running.remove(&mut self.slots, slot);
            self.release(slot, known, false);
        }
        let waiting = waiting.is_some();
        observer.on(at.now, id, &Event::Aborted { waiting });
        self.forget(slot);
    }

    /// Nobody gets the token that a step in flight samples for the request.
    fn drop_token_in_flight(&mut self, slot: Slot) {
        if self.placeholders(slot) == 0 {
            return;
        }
        let latest = self.decided.back_mut().expect("a step is in flight");
        latest.ending.retain(|&other| other != slot);
        let before = latest.sampling.len();
        latest.sampling.retain(|&other| other != slot);
        if latest.sampling.len() == before {
            latest.decoding -= 1;
        }
    }
}
