//! Who waits for admission.

use std::collections::VecDeque;

use super::seats::{Seat, Seats};
use crate::policy::Waiting;

/// The waiting requests, next first. Routers ask how long their prompts are, so that is kept and not counted.
#[derive(Default)]
pub(super) struct WaitingQueue {
    seats: VecDeque<Seat>,
    prompt_tokens: u64,
}

impl WaitingQueue {
    pub(super) fn len(&self) -> usize {
        self.seats.len()
    }

    /// All of them, taken together.
    pub(super) fn together(&self) -> Waiting {
        Waiting {
            requests: self.seats.len() as u32,
            prompt_tokens: self.prompt_tokens,
        }
    }

    /// Next first.
    pub(super) fn iter(&self) -> impl Iterator<Item = Seat> {
        self.seats.iter().copied()
    }

    pub(super) fn front(&self) -> Option<Seat> {
        self.seats.front().copied()
    }

    /// The place of the first of which `is_it` says so.
    pub(super) fn position(&self, is_it: impl Fn(Seat) -> bool) -> Option<usize> {
        self.seats.iter().position(|&seat| is_it(seat))
    }

    pub(super) fn push_back(&mut self, seats: &Seats, seat: Seat) {
        self.prompt_tokens += prompt_tokens(seats, seat);
        self.seats.push_back(seat);
    }

    pub(super) fn push_front(&mut self, seats: &Seats, seat: Seat) {
        self.prompt_tokens += prompt_tokens(seats, seat);
        self.seats.push_front(seat);
    }

    /// Puts a request where it belongs by [`Request::rank`].
    pub(super) fn insert_by_rank(&mut self, seats: &Seats, seat: Seat) {
        let rank = |seat: Seat| seats[seat].live.request.rank();
        let place = self.seats.partition_point(|&other| rank(other) < rank(seat));
        self.prompt_tokens += prompt_tokens(seats, seat);
        self.seats.insert(place, seat);
    }

    /// Takes out the one at a place; most often the first.
    pub(super) fn remove(&mut self, seats: &Seats, place: usize) -> Option<Seat> {
        let seat = self.seats.remove(place)?;
        self.prompt_tokens -= prompt_tokens(seats, seat);
        Some(seat)
    }
}

fn prompt_tokens(seats: &Seats, seat: Seat) -> u64 {
    u64::from(seats[seat].live.request.prompt.tokens())
}
