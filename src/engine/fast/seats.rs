//! Requests inside a server, each in a seat that is used again when it has left.

use super::holding::Holding;
use crate::policy::Live;
use crate::workload::Request;

/// The number of a seat.
pub(super) type Seat = u32;

/// A request in its seat.
pub(super) struct Active {
    pub live: Live,
    /// What it has in the prefix cache; `live.blocks` counts all its blocks.
    pub holding: Holding,
    /// The number of its latest admission: the place in the order of the running requests. 0 while it waits.
    pub order: u64,
    /// The step of the decoders, by their clock, after which it has all its tokens. Only while it decodes.
    pub finishes: u64,
    /// How it takes part in the steps that are decided.
    pub part: Part,
    /// The step, by the decoders' clock, in which it last sampled a token by itself, or joined the decoders.
    pub sampled: u64,
    /// Of its first `known` tokens it was known which they are when blocks were last taken for them: their blocks are
    /// named.
    pub known: u32,
    /// Entries of its tables that it has given back, when it was last scheduled by itself.
    pub given: u32,
    /// The tokens that it last computed by itself, and the step, by the decoders' clock.
    pub chunk: (u32, u64),
    /// The decoders' clock when it joined them, the tokens it had computed then, and how many of these were settled
    /// when its first step was decided.
    pub joined: u64,
    pub joined_with: u32,
    pub settled_at_join: u32,
}

/// How a request takes part in the steps that are decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The request waits for admission and takes part in no step.
    Waits,
    /// It computes its prompt, and what it lost.
    Prefills,
    /// It is one of the decoders.
    Decodes,
    /// It is still one of the decoders although a step in flight will bring its stop token, which nobody can know.
    Overruns,
    /// No more: a step in flight is known to bring its last token.
    Ends,
    /// One by one with all others.
    Listed,
}

impl Active {
    /// A request that waits.
    pub(super) const fn waiting(live: Live, holding: Holding) -> Self {
        Self {
            live,
            holding,
            order: 0,
            finishes: 0,
            part: Part::Waits,
            sampled: 0,
            known: 0,
            given: 0,
            chunk: (0, 0),
            joined: 0,
            joined_with: 0,
            settled_at_join: 0,
        }
    }
}

/// All requests inside a server.
#[derive(Default)]
pub(super) struct Seats {
    seats: Vec<Active>,
    free: Vec<Seat>,
}

impl Seats {
    /// These seats, of which those in `free` hold nobody, the next to be taken last.
    pub(super) const fn resumed(seats: Vec<Active>, free: Vec<Seat>) -> Self {
        Self { seats, free }
    }

    #[inline]
    pub(super) fn insert(&mut self, request: Request, holding: Holding) -> Seat {
        self.take_in(Live::new(request), holding)
    }

    #[inline]
    pub(super) fn take_in(&mut self, live: Live, holding: Holding) -> Seat {
        if let Some(seat) = self.free.pop() {
            let active = &mut self.seats[seat as usize];
            active.live = live;
            active.holding = holding;
            active.part = Part::Waits;
            active.sampled = 0;
            active.given = 0;
            active.chunk = (0, 0);
            return seat;
        }
        self.seats.push(Active::waiting(live, holding));
        self.seats.len() as Seat - 1
    }

    /// How many hold a request.
    pub(super) const fn in_use(&self) -> usize {
        self.seats.len() - self.free.len()
    }

    /// Gives the seat to another; its content may still be read until then.
    pub(super) fn release(&mut self, seat: Seat) {
        self.seats[seat as usize].order = 0;
        self.free.push(seat);
    }
}

impl std::ops::Index<Seat> for Seats {
    type Output = Active;
    fn index(&self, seat: Seat) -> &Active {
        &self.seats[seat as usize]
    }
}

impl std::ops::IndexMut<Seat> for Seats {
    fn index_mut(&mut self, seat: Seat) -> &mut Active {
        &mut self.seats[seat as usize]
    }
}
