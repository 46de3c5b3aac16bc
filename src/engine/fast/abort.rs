//! Requests that leave continuous batching without an answer, because their clients have given up.

use super::continuous::FastContinuous;
use super::scheduler::Moment;
use super::seats::{Part, Seat};
use crate::engine::observer::{Event, Observer};
use crate::workload::RequestId;

impl FastContinuous {
    /// Takes a request out before a step is decided; nothing happens if it has left.
    pub(super) fn take_out(&mut self, id: RequestId, at: Moment, observer: &mut (impl Observer + ?Sized)) {
        let is_it = |seat: Seat| self.seats[seat].live.request.id == id;
        let waiting = self.waiting.position(is_it);
        let seat = if let Some(place) = waiting {
            self.waiting.remove(&self.seats, place)
        } else {
            let running = self.running.sweep(&self.seats).iter();
            let mut seats = running.map(|&(_, seat)| seat);
            seats.find(|&seat| self.seats[seat].live.request.id == id)
        };
        let Some(seat) = seat else {
            return;
        };
        match self.seats[seat].part {
            Part::Prefills => self.prefilling.retain(|&other| other != seat),
            Part::Decodes => self.leave_decoders(seat, at.decided_until),
            Part::Waits | Part::Listed => {}
            Part::Overruns | Part::Ends => {
                unreachable!("who ends with a step in flight has left when the next is decided")
            }
        }
        let known = self.known_tokens(seat);
        self.drop_token_in_flight(seat);
        if waiting.is_none() {
            self.running.remove(&mut self.seats, seat);
            self.release(seat, known, false);
        }
        let waiting = waiting.is_some();
        observer.on(at.now, id, &Event::Aborted { waiting });
        self.forget(seat);
    }

    /// Nobody gets the token that a step in flight samples for the request.
    fn drop_token_in_flight(&mut self, seat: Seat) {
        if self.placeholders(seat) == 0 {
            return;
        }
        let latest = self.decided.back_mut().expect("a step is in flight");
        latest.ending.retain(|&other| other != seat);
        let before = latest.sampling.len();
        latest.sampling.retain(|&other| other != seat);
        if latest.sampling.len() == before {
            latest.decoding -= 1;
        }
    }
}
