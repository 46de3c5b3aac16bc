//! The requests that decode, seen as one: in every step each of them computes one token, so that sums, blocks and
//! finishes need a look at the whole only, whatever their number.
//!
//! A clock counts the steps. A request that joins at clock `c` with `t` tokens computed has computed `t + (clock - c)`
//! later. Hence it takes a new block whenever `t + (clock - c)` is a multiple of the block size, that is in the steps
//! whose clock is `c - t` modulo the block size, and finishes at a clock that is known when it joins.

use super::behind_windows::BehindWindows;
use super::decode_cycle::DecodeCycle;
use super::finishes::Finishes;
use super::plain::PlainDecoders;
use super::seats::{Active, Seat, Seats};
use super::tables::Tables;
use super::turns::{TurnTaker, Turns};
use crate::kv::KvGrowth;
use crate::step_time::StepShape;

/// A leap over more steps is cut where it is not sure that blocks do for all of them.
const MOST_STEPS_WALKED: u64 = 4_096;

/// Requests of which each computes one token in every step.
pub(super) struct Decoders {
    cycle: DecodeCycle,
    /// Blocks that each of them takes then: one in every group of layers that keeps tokens.
    each: u32,
    /// What they give back, where groups of layers do not keep every token.
    behind: Option<Box<BehindWindows>>,
    /// In which steps it is whose turn to give back or take blocks, where the order among them matters.
    turns: Option<Box<Turns>>,
    /// Entries whose order is no longer their seat's are void.
    finishes: Finishes,
}

impl Decoders {
    pub(super) fn new(block_tokens: u32) -> Self {
        Self {
            each: 1,
            behind: None,
            turns: None,
            cycle: DecodeCycle::new(block_tokens),
            finishes: Finishes::default(),
        }
    }

    /// Decoders whose blocks are divided between groups of layers; `asynchronous` if a step is in flight when the next
    /// is decided. If they are `in_order` it is known whose turn it is in which step.
    pub(super) fn with_tables(tables: &Tables, asynchronous: bool, in_order: bool) -> Self {
        let behind = |groups| Box::new(BehindWindows::new(groups, tables.block_tokens, asynchronous));
        let turns = |groups| Box::new(Turns::new(groups, tables.block_tokens, asynchronous));
        Self {
            turns: tables.groups().filter(|_| in_order).map(turns),
            each: tables.with_tokens,
            behind: tables.groups().map(behind),
            ..Self::new(tables.block_tokens)
        }
    }

    /// Goes on with those of the plain path.
    pub(super) fn resumed(plain: PlainDecoders) -> Self {
        Self {
            each: 1,
            behind: None,
            turns: None,
            cycle: plain.cycle,
            finishes: plain.finishes,
        }
    }

    const fn block_tokens(&self) -> u32 {
        self.cycle.due.len() as u32
    }

    pub(super) const fn count(&self) -> u32 {
        self.cycle.count
    }

    /// How many steps there have been.
    pub(super) const fn clock(&self) -> u64 {
        self.cycle.clock
    }

    /// Takes in a request with all tokens but its newest computed.
    pub(super) fn join(&mut self, seats: &mut Seats, seat: Seat) {
        let active = &seats[seat];
        let missing = active.live.request.output_tokens - active.live.generated;
        let finishes = self.cycle.clock + u64::from(missing);
        self.finishes.push((finishes, active.order, seat));
        self.join_beyond_end(seats, seat);
        let active = &mut seats[seat];
        active.finishes = finishes;
        if let Some(behind) = &mut self.behind {
            active.joined = self.cycle.clock;
            active.joined_with = active.live.computed;
            behind.join(seat, active);
        }
        if let Some(turns) = &mut self.turns {
            turns.join(seat, active);
        }
    }

    /// Takes in a request that has all its tokens and is not to be found by [`Decoders::pop_finished`] again.
    pub(super) fn join_beyond_end(&mut self, seats: &mut Seats, seat: Seat) {
        let active = &mut seats[seat];
        active.finishes = self.cycle.clock;
        self.cycle.enter(active.live.computed);
    }

    /// Lets a request go, and writes down how far it has come; of its blocks, how many entries its tables have and, in
    /// `given`, how many of these it has given back.
    pub(super) fn leave(&mut self, seats: &mut Seats, seat: Seat) {
        let active = &mut seats[seat];
        if let Some(behind) = &mut self.behind {
            active.given = behind.leave(self.cycle.clock, active);
        }
        if let Some(turns) = &mut self.turns {
            turns.leave(seat, active);
        }
        let missing = active.finishes.saturating_sub(self.cycle.clock) as u32;
        let beyond = self.cycle.clock.saturating_sub(active.finishes) as u32;
        let live = &mut active.live;
        live.generated = live.request.output_tokens - missing;
        live.computed = live.num_tokens() - 1 + beyond;
        live.blocks = live.computed.div_ceil(self.block_tokens()) * self.each;
        self.cycle.leave(live.computed);
    }

    /// The step in which all of them decode.
    pub(super) const fn shape(&self) -> StepShape {
        self.cycle.shape()
    }

    /// Blocks that the next step needs.
    pub(super) fn due_now(&self) -> u32 {
        self.cycle.due_now() * self.each
    }

    /// How many of a decoder's tokens are computed before the step at `clock`, and how many of them are settled.
    pub(super) fn computed(&self, clock: u64, active: &Active) -> (u32, u32) {
        let behind = self.behind.as_ref().expect("blocks are divided between groups");
        let computed = active.joined_with + (clock - active.joined) as u32;
        (computed, behind.settled(active, clock))
    }

    /// Whose turn it is in which step, where that is known.
    pub(super) fn turns(&self) -> Option<&Turns> {
        self.turns.as_deref()
    }

    /// Appends those whose turn it is in the next step. False if that is not known.
    pub(super) fn list_turns(&mut self, listed: &mut Vec<TurnTaker>) -> bool {
        let Some(turns) = &mut self.turns else {
            return false;
        };
        listed.extend(turns.newcomers(self.cycle.clock));
        listed.extend_from_slice(turns.at(self.cycle.clock));
        true
    }

    /// Entries that a decoder had given back when the step before the next one was decided.
    pub(super) fn unseen_before(&self, active: &Active) -> u32 {
        let behind = self.behind.as_ref().expect("blocks are divided between groups");
        behind.unseen_before(self.cycle.clock, active)
    }

    /// Blocks that the next step, which is decided now, gives back.
    pub(super) fn gives_now(&mut self, seats: &Seats) -> u32 {
        let behind = self.behind.as_mut();
        behind.map_or(0, |behind| behind.due_now(self.cycle.clock, seats))
    }

    /// Blocks that the `steps` steps after the next one give back.
    pub(super) fn gives_after_next(&self, steps: u64) -> u32 {
        self.growth(self.cycle.clock, 0, 0).freed_until(steps) as u32
    }

    /// Blocks that the `steps` steps after the next one need.
    pub(super) fn due_after_next(&self, steps: u64) -> u32 {
        self.growth(self.cycle.clock, 0, 0).taken_until(steps) as u32
    }

    /// How blocks grow from the step at `clock` on, in which `used` are in use with `empty` slots without a token,
    /// while the decoders are as they are now.
    pub(super) fn growth(&self, clock: u64, used: u32, empty: u64) -> KvGrowth<'_> {
        KvGrowth {
            used,
            empty,
            fills: self.cycle.count * self.each,
            due: &self.cycle.due,
            each: self.each,
            freed: self.behind.as_ref().map_or(&[], |behind| behind.freed()),
            phase: (clock % u64::from(self.block_tokens())) as usize,
        }
    }

    /// How many steps until the next finish, at most `most`. At least one request decodes.
    pub(super) fn steps_to_finish(&mut self, seats: &Seats) -> u64 {
        while let Some(&(clock, order, seat)) = self.finishes.peek() {
            if seats[seat].order == order {
                return clock - self.cycle.clock;
            }
            self.finishes.pop();
        }
        panic!("a request that decodes will finish");
    }

    /// How many steps, the next one included, before the first that lacks a block, if `free` are left once the next
    /// step has its own.
    pub(super) fn steps_before_shortage(&self, free: u32, most: u64) -> u64 {
        if let Some(behind) = &self.behind {
            let regular = most.min(behind.regular_steps(self.cycle.clock));
            return self.steps_with_blocks(free, regular);
        }
        self.cycle.steps_before_shortage(free, most)
    }

    /// How many of `most` steps, the next one included, find their blocks free before any of them gives one back.
    fn steps_with_blocks(&self, free: u32, most: u64) -> u64 {
        let each = u64::from(self.cycle.count) * u64::from(self.each);
        if each * most.div_ceil(self.block_tokens().into()) <= u64::from(free) {
            return most;
        }
        let growth = self.growth(self.cycle.clock, 0, 0);
        let mut free = u64::from(free);
        // The rest can be decided then.
        for step in 1..most.min(MOST_STEPS_WALKED) {
            let taken = u64::from(growth.taken_at(step));
            if taken > free {
                return step;
            }
            free = free - taken + u64::from(growth.freed_at(step));
        }
        most.min(MOST_STEPS_WALKED)
    }

    /// How many of `most` steps, the next one included, until one after which more blocks are free than after the next.
    pub(super) fn steps_before_gain(&self, most: u64) -> u64 {
        if self.behind.is_none() {
            return most;
        }
        let most = most.min(MOST_STEPS_WALKED);
        let used_now = u64::from(u32::MAX); // So many that it cannot fall to nothing.
        let growth = self.growth(self.cycle.clock, u32::MAX, u64::MAX >> 1);
        let gain = growth.each_step(most).position(|(used, _)| used < used_now);
        gain.map_or(most, |step| step as u64)
    }

    /// All of them have computed `steps` tokens.
    pub(super) fn advance(&mut self, steps: u64) {
        if let Some(behind) = &mut self.behind {
            behind.advance();
        }
        self.cycle.advance(steps);
    }

    /// The next request that has all its tokens, if any, each once; in the order of admission. It still has to leave.
    pub(super) fn pop_finished(&mut self, seats: &Seats) -> Option<Seat> {
        while let Some(&(clock, order, seat)) = self.finishes.peek() {
            if clock > self.cycle.clock {
                return None;
            }
            self.finishes.pop();
            if seats[seat].order == order {
                return Some(seat);
            }
        }
        None
    }

    /// Forgets all requests that decode; the clock goes on.
    pub(super) fn clear(&mut self) {
        self.cycle.clear();
        self.finishes.clear();
        if let Some(behind) = &mut self.behind {
            behind.clear();
        }
        if let Some(turns) = &mut self.turns {
            turns.clear();
        }
    }
}
