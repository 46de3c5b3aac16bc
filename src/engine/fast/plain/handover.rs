//! How the general scheduler takes over where the plain one is, and back on an empty server.

use super::PlainContinuous;
use super::slots::Slot;
use crate::engine::fast::FastServer;
use crate::engine::fast::continuous::FastContinuous;
use crate::engine::fast::decided::DecidedSteps;
use crate::engine::fast::decoders::Decoders;
use crate::engine::fast::holding::Holding;
use crate::engine::fast::seats::{Active, Part, Seats};
use crate::policy::Live;
use crate::workload::{Prompt, Request};

impl FastServer<PlainContinuous> {
    /// The same server with the general scheduler, which goes on with whatever this one has decided.
    pub(in crate::engine) fn into_general(self) -> FastServer<FastContinuous> {
        self.with_scheduler(general_of)
    }
}

impl FastServer<FastContinuous> {
    /// The same server with the plain scheduler: an empty one, in whose prefix cache nobody will look for anything.
    pub(in crate::engine) fn into_plain(self) -> FastServer<PlainContinuous> {
        self.with_scheduler(|general| {
            assert_eq!(general.seats.in_use(), 0, "the server is empty");
            PlainContinuous::new(general.rules, general.memory)
        })
    }
}

fn general_of(plain: PlainContinuous) -> FastContinuous {
    let mut general = FastContinuous::new(plain.rules.clone(), plain.memory.clone());
    let mut seats: Vec<Active> = plain.slots.iter().map(active).collect();
    let decided = [plain.decided.front(), plain.decided.back()];
    for decided in decided.into_iter().flatten() {
        for &seat in &decided.ending {
            seats[seat as usize].end_at(decided.clock + decided.steps);
        }
    }
    for &(clock, _, seat) in plain.decoders.finishes.iter() {
        seats[seat as usize].decode_until(clock);
    }
    let in_flight = |decided: Option<&DecidedSteps>| decided.map_or(0, |decided| decided.steps);
    let steps_in_flight = match plain.decided.count() {
        2 => in_flight(plain.decided.front()) + in_flight(plain.decided.back()),
        _ => in_flight(plain.decided.front()),
    };
    general.completed = plain.decoders.cycle.clock - steps_in_flight;
    general.running.resume(&seats, plain.admissions);
    general.seats = Seats::resumed(seats, plain.vacant);
    for seat in plain.waiting {
        general.waiting.push_back(&general.seats, seat);
    }
    general.prefilling = plain.prefilling;
    general.decided = plain.decided;
    general.decoders = Decoders::resumed(plain.decoders);
    general.pool.take(plain.memory.usable_blocks - plain.free_blocks);
    general.empty = plain.empty;
    general
}

/// A request that waits, or computes its prompt.
fn active(slot: &Slot) -> Active {
    let prompt = Prompt::unique(slot.input);
    let mut request = Request::new(slot.id, slot.arrival, prompt, slot.output, slot.output);
    request.priority = slot.priority;
    let mut active = Active::waiting(Live::new(request), Holding::default());
    if slot.order == 0 {
        return active;
    }
    active.order = slot.order;
    active.part = Part::Prefills;
    active.known = slot.computed.min(slot.input);
    let live = &mut active.live;
    live.computed = slot.computed;
    live.blocks = slot.blocks;
    live.scheduled = Some(slot.scheduled);
    if slot.running_at_first_token > 0 {
        live.first_token = Some(slot.first_token);
        live.last_token = Some(slot.first_token);
        live.running_at_first_token = slot.running_at_first_token;
    }
    active
}

impl Active {
    /// It has its prompt, and is one of the decoders until this clock.
    fn decode_until(&mut self, clock: u64) {
        self.part = Part::Decodes;
        self.live.generated = 1;
        self.finishes = clock;
        self.sampled = clock - u64::from(self.live.request.output_tokens - 1);
    }

    /// Its last token comes with a step in flight, which is over at this clock.
    fn end_at(&mut self, clock: u64) {
        let output = self.live.request.output_tokens;
        self.part = Part::Ends;
        self.live.generated = output;
        self.finishes = clock;
        self.sampled = clock;
    }
}
