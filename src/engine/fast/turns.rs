//! Whose turn it is: which decoders may give back or take blocks in a step, where it matters in which order they do.
//!
//! A decoder takes blocks once in every `block_tokens` steps, and gives back a block behind each window as often. So
//! those whose turn it is are lists by the clock modulo the block size, each in the order of admission. In their first
//! steps decoders have more to give back, as their last chunks were long.

use super::seats::{Active, Seat};
use crate::hardware::KvGroupKind;
use crate::kv::KvGroups;

/// A decoder: its order of admission, and its seat.
pub(super) type TurnTaker = (u64, Seat);

/// The turns of all decoders.
pub(super) struct Turns {
    /// How many of a decoder's tokens are in flight when a step is decided: 1 with a step in flight, else 0.
    lag: u64,
    /// Steps from one in which a decoder takes blocks to those in which it has a turn, modulo the block size.
    offsets: Vec<u64>,
    /// `takers[c]`: those whose turn it is in a step whose clock is `c` modulo the block size.
    takers: Vec<Vec<TurnTaker>>,
    /// Those that joined lately, and the clock then.
    newcomers: Vec<(TurnTaker, u64)>,
}

impl Turns {
    /// Nobody's. Chunks of groups are made of whole blocks.
    pub(super) fn new(groups: &KvGroups, block_tokens: u32, asynchronous: bool) -> Self {
        let lag = u64::from(asynchronous);
        let gives = groups.iter().filter_map(|group| match group.kind {
            KvGroupKind::Sliding(window) => Some(lag + u64::from(window - 1)),
            KvGroupKind::Chunked(_) => Some(lag),
            KvGroupKind::Full | KvGroupKind::State(_) => None,
        });
        let mut offsets: Vec<u64> = gives.chain([0]).map(|steps| steps % u64::from(block_tokens)).collect();
        offsets.sort_unstable();
        offsets.dedup();
        Self {
            lag,
            offsets,
            takers: vec![Vec::new(); block_tokens as usize],
            newcomers: Vec::new(),
        }
    }

    /// A decoder joins with these tokens computed, at this clock.
    pub(super) fn join(&mut self, seat: Seat, active: &Active) {
        let turn = (active.order, seat);
        let (first, cycle) = (self.first_place(active), self.takers.len() as u64);
        for &offset in &self.offsets {
            let turns = &mut self.takers[((first + offset) % cycle) as usize];
            let place = turns.partition_point(|other| *other < turn);
            turns.insert(place, turn);
        }
        self.newcomers.push((turn, active.joined));
    }

    pub(super) fn leave(&mut self, seat: Seat, active: &Active) {
        let turn = (active.order, seat);
        let (first, cycle) = (self.first_place(active), self.takers.len() as u64);
        for &offset in &self.offsets {
            let turns = &mut self.takers[((first + offset) % cycle) as usize];
            let place = turns.binary_search(&turn).expect("a decoder has its turns");
            turns.remove(place);
        }
        self.newcomers.retain(|(other, _)| *other != turn);
    }

    /// Those whose turn it is in the step at `clock`, newcomers not counted.
    pub(super) fn at(&self, clock: u64) -> &[TurnTaker] {
        &self.takers[(clock % self.takers.len() as u64) as usize]
    }

    /// Those that joined so lately that it is their turn in the step at `clock`.
    pub(super) fn newcomers(&mut self, clock: u64) -> impl Iterator<Item = TurnTaker> {
        let lag = self.lag;
        self.newcomers.retain(|&(_, joined)| clock <= joined + lag);
        self.newcomers.iter().map(|&(turn, _)| turn)
    }

    /// Whether it is a newcomer's turn in the step after the one at `clock`.
    pub(super) fn has_newcomers_after(&self, clock: u64) -> bool {
        self.newcomers.iter().any(|&(_, joined)| clock < joined + self.lag)
    }

    pub(super) fn clear(&mut self) {
        self.takers.iter_mut().for_each(Vec::clear);
        self.newcomers.clear();
    }

    /// The steps in which a decoder takes blocks.
    const fn first_place(&self, active: &Active) -> u64 {
        let cycle = self.takers.len() as u64;
        (active.joined % cycle + cycle - active.joined_with as u64 % cycle) % cycle
    }
}
