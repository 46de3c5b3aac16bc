//! Requests inside a server under SGLang's batching, each in a seat that is used again when it has left.

use crate::engine::fast::seats::Seat;
use crate::policy::Live;
use crate::policy::sglang::SglangMember;
use crate::workload::RequestId;

/// A request in its seat.
pub(super) struct Inside {
    /// What the scheduler knows of it; of a running one as it was when it joined them.
    pub member: SglangMember,
    /// Its history; none once its client has left, and in a free seat.
    pub live: Option<Live>,
    /// Whether a step in flight computes the end of its prompt.
    pub awaits_prompt: bool,
    is_here: bool,
}

/// All requests inside a server.
#[derive(Default)]
pub(super) struct Members {
    seats: Vec<Inside>,
    free: Vec<Seat>,
}

impl Members {
    /// How many there are.
    pub(super) const fn len(&self) -> usize {
        self.seats.len() - self.free.len()
    }

    pub(super) fn insert(&mut self, member: SglangMember) -> Seat {
        let inside = Inside {
            live: Some(Live::new(member.request.clone())),
            member,
            awaits_prompt: false,
            is_here: true,
        };
        if let Some(seat) = self.free.pop() {
            self.seats[seat as usize] = inside;
            return seat;
        }
        self.seats.push(inside);
        self.seats.len() as Seat - 1
    }

    /// Gives the seat to another, and its history to whoever tells it.
    pub(super) fn remove(&mut self, seat: Seat) -> Option<Live> {
        self.free.push(seat);
        let inside = &mut self.seats[seat as usize];
        inside.is_here = false;
        inside.live.take()
    }

    /// Whether this request is still in its seat.
    pub(super) fn has(&self, seat: Seat, id: RequestId) -> bool {
        let inside = &self.seats[seat as usize];
        inside.is_here && inside.member.id() == id
    }

    /// Whether the request in a seat is this one, and its client is still there.
    pub(super) fn is_told(&self, seat: Seat, id: RequestId) -> bool {
        let live = &self.seats[seat as usize].live;
        live.as_ref().is_some_and(|live| live.request.id == id)
    }

    /// The seat of a request whose client is still there.
    pub(super) fn find(&self, id: RequestId) -> Option<Seat> {
        let mut seats = 0..self.seats.len() as Seat;
        seats.find(|&seat| self.is_told(seat, id))
    }
}

impl std::ops::Index<Seat> for Members {
    type Output = Inside;
    fn index(&self, seat: Seat) -> &Inside {
        &self.seats[seat as usize]
    }
}

impl std::ops::IndexMut<Seat> for Members {
    fn index_mut(&mut self, seat: Seat) -> &mut Inside {
        &mut self.seats[seat as usize]
    }
}
