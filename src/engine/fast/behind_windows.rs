//! What decoders give back: the blocks behind their windows, and chunks that they have left.
//!
//! A decoder's window moves on by a token a step. So it gives a block of each such group back once in every
//! `block_tokens` steps: in those whose clock is its own number modulo the block size, as it takes one. What is not so
//! regular are its first steps, as its last chunk was long, or its window is not full yet, and chunks of the context.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::seats::{Active, Part, Seat, Seats};
use crate::hardware::{KvGroup, KvGroupKind};
use crate::kv::KvGroups;

/// The blocks that decoders give back, by the decoders' clock.
pub(super) struct BehindWindows {
    block_tokens: u32,
    /// How many of a decoder's tokens are in flight when a step is decided: 1 with a step in flight, else 0.
    lag: u64,
    /// Groups with a window or chunks, and how many of each there are.
    groups: Vec<(KvGroup, u32)>,
    /// `freed[c]`: blocks given back in a step whose clock is `c` modulo the block size.
    freed: Vec<u32>,
    /// What the next step, and the one after it, give back besides; what `freed` has too much is taken off.
    besides: [i64; 2],
    /// What is still to come: clock, order of admission, seat, place in `groups`.
    to_come: BinaryHeap<Reverse<(u64, u64, Seat, usize)>>,
}

impl BehindWindows {
    pub(super) fn new(groups: &KvGroups, block_tokens: u32, asynchronous: bool) -> Self {
        let mut alike: Vec<(KvGroup, u32)> = Vec::new();
        for &group in groups.iter() {
            if matches!(group.kind, KvGroupKind::Full | KvGroupKind::State(_)) {
                continue;
            }
            match alike.iter_mut().find(|(other, _)| *other == group) {
                Some((_, count)) => *count += 1,
                None => alike.push((group, 1)),
            }
        }
        Self {
            block_tokens,
            lag: u64::from(asynchronous),
            groups: alike,
            freed: vec![0; block_tokens as usize],
            besides: [0; 2],
            to_come: BinaryHeap::new(),
        }
    }

    pub(super) fn freed(&self) -> &[u32] {
        &self.freed
    }

    /// What a decoder gives back that has just joined.
    pub(super) fn join(&mut self, seat: Seat, active: &Active) {
        let gives = self.first_gives(active);
        self.besides[0] += gives[0];
        self.besides[1] += gives[1];
        let (joined, settled) = (active.joined, active.joined_with);
        for place in 0..self.groups.len() {
            let (group, count) = self.groups[place];
            match group.kind {
                KvGroupKind::Sliding(window) if settled >= window => {
                    let due = self.place(window, active);
                    self.freed[due] += count;
                    // What its first steps give back is counted above.
                    for step in 0..=self.lag {
                        self.besides[step as usize] -= self.too_much(due, count, joined + step);
                    }
                }
                KvGroupKind::Sliding(window) => self.wait(self.window_begins(window, active), seat, active, place),
                KvGroupKind::Chunked(chunk) => {
                    let left = u64::from(chunk - settled % chunk);
                    self.wait(joined + self.lag + left, seat, active, place);
                }
                KvGroupKind::Full | KvGroupKind::State(_) => {}
            }
        }
    }

    /// A decoder leaves before the step at `clock` is decided. Returns how many entries it has given back.
    pub(super) fn leave(&mut self, clock: u64, active: &Active) -> u32 {
        let steps = (clock - active.joined) as usize;
        for (step, gives) in self.first_gives(active).into_iter().enumerate().skip(steps) {
            self.besides[step - steps] -= gives;
        }
        for place in 0..self.groups.len() {
            let (group, count) = self.groups[place];
            let KvGroupKind::Sliding(window) = group.kind else {
                continue;
            };
            let due = self.place(window, active);
            if active.joined_with >= window {
                for step in steps..=self.lag as usize {
                    self.besides[step - steps] += self.too_much(due, count, active.joined + step as u64);
                }
                self.freed[due] -= count;
            } else if self.window_begins(window, active) < clock {
                self.freed[due] -= count;
            }
        }
        self.unseen_before(clock, active)
    }

    /// How many entries a decoder had given back before the step at `clock`.
    pub(super) fn unseen_before(&self, clock: u64, active: &Active) -> u32 {
        if clock == active.joined {
            return active.given;
        }
        self.unseen(self.settled(active, clock - 1))
    }

    /// What the step at `clock`, which is decided now, gives back.
    pub(super) fn due_now(&mut self, clock: u64, seats: &Seats) -> u32 {
        let mut chunks = 0;
        while let Some(&Reverse((at, order, seat, place))) = self.to_come.peek()
            && at <= clock
        {
            self.to_come.pop();
            let active = &seats[seat];
            let decodes = matches!(active.part, Part::Decodes | Part::Overruns);
            if active.order != order || !decodes {
                continue;
            }
            let (group, count) = self.groups[place];
            if let KvGroupKind::Chunked(chunk) = group.kind {
                let settled = self.settled(active, clock);
                let left = group.unseen_entries(settled) - group.unseen_entries(settled - chunk);
                chunks += i64::from(left * count);
                self.wait(clock + u64::from(chunk), seat, active, place);
            } else if let KvGroupKind::Sliding(window) = group.kind {
                let due = self.place(window, active);
                self.freed[due] += count;
            }
        }
        let regular = i64::from(self.freed[(clock % self.cycle()) as usize]);
        let besides = std::mem::take(&mut self.besides[0]);
        u32::try_from(regular + besides + chunks).expect("blocks are given back once")
    }

    /// How many steps from the one at `clock` on, which is decided, give back what is regular.
    pub(super) fn regular_steps(&self, clock: u64) -> u64 {
        if self.besides[1] != 0 {
            return 1;
        }
        let next = self.to_come.peek();
        next.map_or(u64::MAX, |Reverse((at, ..))| at - clock)
    }

    /// Forgets what is still to come; nobody decodes.
    pub(super) fn clear(&mut self) {
        self.freed.fill(0);
        self.besides = [0; 2];
        self.to_come.clear();
    }

    /// A step has been decided, or several of which only the first was irregular.
    pub(super) const fn advance(&mut self) {
        self.besides = [self.besides[1], 0];
    }

    /// Besides what is regular: what a decoder's first two steps give back.
    fn first_gives(&self, active: &Active) -> [i64; 2] {
        let first = self.unseen(active.settled_at_join);
        let second = self.unseen(active.joined_with);
        [first - active.given, second - first].map(i64::from)
    }

    /// How many of a decoder's tokens are settled when the step at `clock` is decided.
    pub(super) const fn settled(&self, active: &Active, clock: u64) -> u32 {
        let steps = clock - active.joined;
        if steps < self.lag {
            active.settled_at_join
        } else {
            active.joined_with + (steps - self.lag) as u32
        }
    }

    fn unseen(&self, settled: u32) -> u32 {
        let groups = self.groups.iter();
        groups.map(|(group, count)| group.unseen_entries(settled) * count).sum()
    }

    const fn cycle(&self) -> u64 {
        self.block_tokens as u64
    }

    /// The steps, by their clock modulo the block size, in which a decoder gives back a block of each group with this
    /// window: those in which its settled tokens are one fewer than the window, modulo the block size.
    fn place(&self, window: u32, active: &Active) -> usize {
        let cycle = self.cycle();
        let ahead = u64::from(window - 1) % cycle + cycle - u64::from(active.joined_with) % cycle;
        ((active.joined + self.lag + ahead) % cycle) as usize
    }

    /// What `freed` counts for a step if these blocks are due at that place.
    const fn too_much(&self, due: usize, count: u32, clock: u64) -> i64 {
        if due as u64 == clock % self.cycle() {
            count as i64
        } else {
            0
        }
    }

    /// The first step in which a window that was not full when its decoder joined has more tokens than it holds.
    fn window_begins(&self, window: u32, active: &Active) -> u64 {
        active.joined + self.lag + u64::from(window - active.joined_with)
    }

    /// Notes what a decoder begins at a later step.
    fn wait(&mut self, at: u64, seat: Seat, active: &Active, place: usize) {
        // Its last step is at its finish, if that is not known when it is decided.
        if at <= active.finishes {
            self.to_come.push(Reverse((at, active.order, seat, place)));
        }
    }
}
