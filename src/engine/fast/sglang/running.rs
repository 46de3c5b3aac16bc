//! The requests that go on from token to token, counted: in each decode step all of them compute one.
//!
//! Two clocks count these steps, one those that were decided and one those that have ended. A request that joins at
//! clock `c` has had a slot for `decided - c` tokens since, and has got `ended - c` of them. Nobody joins while one is
//! in flight, as a step with prompts comes before, unless that is one of decodes too: then it ends before any that the
//! newcomers take part in.

use super::members::Members;
use crate::engine::fast::decode_cycle::DecodeCycle;
use crate::engine::fast::finishes::{Finish, Finishes};
use crate::engine::fast::seats::Seat;
use crate::policy::sglang::{CLIP_MAX_NEW_TOKENS, SglangMember};
use crate::units::Time;
use crate::workload::RequestId;

/// How far a running request has come.
#[derive(Clone, Copy)]
pub(super) struct SglangProgress {
    pub id: RequestId,
    /// Its place among those that run, as in [`SglangRunning::all`]; 0 if it does not.
    pub order: u64,
    /// The clock when it joined.
    pub joined: u64,
    /// The clock after whose step it has its last token.
    pub finishes: u64,
    /// From this clock on a step in flight is known to bring the last token.
    ends: u64,
    /// What it may still produce when it joins, and the clock then.
    unproduced: u64,
    /// When it got the token of its prompt.
    pub first: Time,
    ignores_eos: bool,
    /// Whether its client is there.
    pub is_told: bool,
    /// Whether it is not in [`SglangRunning::all`] any more, as a step in flight brings its last token.
    has_left: bool,
}

impl SglangProgress {
    const NONE: Self = Self {
        id: RequestId(0),
        order: 0,
        joined: 0,
        finishes: 0,
        ends: 0,
        unproduced: 0,
        first: Time::ZERO,
        ignores_eos: false,
        is_told: false,
        has_left: false,
    };

    /// Whether a step that was decided at this clock, and has not ended, brings it a token that is told.
    pub(super) const fn is_told_from(&self, clock: u64) -> bool {
        self.is_told && self.order > 0 && self.joined <= clock && self.finishes > clock
    }
}

/// The order of the first request that ever joins.
const MIDDLE_ORDER: u64 = 1 << 62;

/// The requests that go on from token to token.
pub(super) struct SglangRunning {
    /// In their order, which is that of the rows of a step.
    pub all: Vec<(u64, Seat)>,
    /// A request did not fit beside them, and none of them has left since.
    pub is_full: bool,
    /// Of how many the client is there.
    pub told: u32,
    /// Their contexts, and in which steps they take new pages; counts the decided steps.
    pub cycle: DecodeCycle,
    /// The steps that have ended.
    pub ended: u64,
    /// When the latest of them has.
    pub latest: Time,
    /// Those that have joined since the latest decode step was decided.
    pub newcomers: Vec<Seat>,
    progress: Vec<SglangProgress>,
    /// The orders that were given to the first and to the last of them, up to now.
    first_order: u64,
    last_order: u64,
    /// Entries are void whose order or clock is no longer their request's.
    finishes: Finishes,
    /// Those that finish with steps in flight, soonest first; entries are void as above.
    ending: Vec<Finish>,
}

impl SglangRunning {
    pub(super) fn new(page_tokens: u32) -> Self {
        Self {
            all: Vec::new(),
            is_full: false,
            told: 0,
            cycle: DecodeCycle::new(page_tokens),
            ended: 0,
            latest: Time::ZERO,
            newcomers: Vec::new(),
            progress: Vec::new(),
            first_order: MIDDLE_ORDER,
            last_order: MIDDLE_ORDER - 1,
            finishes: Finishes::default(),
            ending: Vec::new(),
        }
    }

    pub(super) const fn clock(&self) -> u64 {
        self.cycle.clock
    }

    pub(super) fn progress(&self, seat: Seat) -> &SglangProgress {
        &self.progress[seat as usize]
    }

    /// Whether a request is one of them, or was until a step that is in flight.
    pub(super) fn has(&self, seat: Seat) -> bool {
        let progress = self.progress.get(seat as usize);
        progress.is_some_and(|progress| progress.order > 0)
    }

    /// Takes in requests whose prompts are computed, or are being: behind all others, or before them.
    pub(super) fn join(&mut self, members: &Members, seats: impl ExactSizeIterator<Item = Seat>, behind: bool) {
        let (count, before) = (seats.len(), self.all.len());
        let first = if behind {
            self.last_order += count as u64;
            self.last_order - count as u64 + 1
        } else {
            self.first_order -= count as u64;
            self.first_order
        };
        for (order, seat) in (first..).zip(seats) {
            self.take_in(members, seat, order);
        }
        if !behind {
            self.all.rotate_left(before);
        }
    }

    fn take_in(&mut self, members: &Members, seat: Seat, order: u64) {
        let inside = &members[seat];
        let member = &inside.member;
        let produced = member.generated + u32::from(inside.awaits_prompt);
        let clock = self.cycle.clock;
        let last = member.longest_output().min(member.request.output_tokens).max(1);
        let missing = match last.saturating_sub(produced) {
            missing if member.is_aborted && !inside.awaits_prompt => missing.min(1),
            missing => missing,
        };
        let progress = SglangProgress {
            id: member.id(),
            order,
            joined: clock,
            finishes: clock + u64::from(missing),
            ends: clock + u64::from(member.longest_output().saturating_sub(produced)),
            unproduced: u64::from(member.max_new.saturating_sub(member.generated)) + clock,
            first: inside
                .live
                .as_ref()
                .and_then(|live| live.last_token)
                .unwrap_or(Time::ZERO),
            ignores_eos: member.request.ignore_eos,
            is_told: inside.live.is_some(),
            has_left: false,
        };
        if self.progress.len() <= seat as usize {
            self.progress.resize(seat as usize + 1, SglangProgress::NONE);
        }
        self.progress[seat as usize] = progress;
        self.all.push((progress.order, seat));
        self.newcomers.push(seat);
        self.told += u32::from(progress.is_told);
        self.cycle.enter(member.committed);
        self.foresee((progress.finishes, progress.order, seat));
    }

    /// Notes when a request will finish.
    fn foresee(&mut self, finish: Finish) {
        if finish.0 > self.cycle.clock {
            return self.finishes.push(finish);
        }
        let place = self.ending.partition_point(|other| *other < finish);
        self.ending.insert(place, finish);
    }

    /// One that has joined gets the token of its prompt.
    pub(super) fn note_first(&mut self, seat: Seat, at: Time) {
        let progress = &mut self.progress[seat as usize];
        progress.first = at;
        progress.unproduced = progress.unproduced.saturating_sub(1);
    }

    /// What they are expected to produce yet, if of each a part is (`SglangMember::offset`), added in their order.
    pub(super) fn expected(&self, ratio: f64) -> f64 {
        self.all.iter().map(|&(_, seat)| self.offset(seat, ratio)).sum()
    }

    /// What one of them is.
    pub(super) fn offset(&self, seat: Seat, ratio: f64) -> f64 {
        let progress = &self.progress[seat as usize];
        let left = progress
            .unproduced
            .saturating_sub(self.ended.max(progress.joined))
            .min(CLIP_MAX_NEW_TOKENS.into());
        left as f64 * if progress.ignores_eos { 1.0 } else { ratio }
    }

    /// Of a running request, how many tokens have a slot and how many it has got since it joined.
    fn since_joined(&self, seat: Seat) -> (u32, u32) {
        let progress = &self.progress[seat as usize];
        let decided = self
            .cycle
            .clock
            .min(if progress.has_left { progress.ends } else { u64::MAX });
        let joined = progress.joined;
        ((decided - joined) as u32, self.ended.saturating_sub(joined) as u32)
    }

    /// Tokens that a running request has got in all.
    pub(super) fn generated(&self, seat: Seat, member: &SglangMember) -> u32 {
        member.generated + self.since_joined(seat).1
    }

    /// Takes out those of whom a step in flight is known to bring the last token; true if there are any.
    pub(super) fn drop_ending(&mut self, members: &Members) -> bool {
        let mut any = false;
        for place in 0..self.ending.len() {
            let finish = self.ending[place];
            let progress = &self.progress[finish.2 as usize];
            if self.is_valid(finish) && !progress.has_left && progress.ends <= self.cycle.clock {
                self.take_out(members, finish.2);
                self.progress[finish.2 as usize].has_left = true;
                any = true;
            }
        }
        any
    }

    fn take_out(&mut self, members: &Members, seat: Seat) {
        let (order, is_told) = (self.progress(seat).order, self.progress(seat).is_told);
        let place = self.all.binary_search_by_key(&order, |&(order, _)| order);
        self.all.remove(place.expect("it runs"));
        self.told -= u32::from(is_told);
        self.cycle
            .leave(members[seat].member.committed + self.since_joined(seat).0);
    }

    /// Lets a request go, and writes down how far it has come.
    pub(super) fn leave(&mut self, members: &mut Members, seat: Seat) {
        if !self.progress(seat).has_left {
            self.take_out(members, seat);
        }
        let (committed, generated) = self.since_joined(seat);
        let inside = &mut members[seat];
        inside.member.committed += committed;
        inside.member.generated += generated;
        if let Some(live) = &mut inside.live {
            live.computed = inside.member.committed;
            live.generated = inside.member.generated;
            if generated > 0 {
                live.last_token = Some(self.latest);
            }
        }
        self.progress[seat as usize].order = 0;
        self.newcomers.retain(|&newcomer| newcomer != seat);
    }

    /// Puts them into this order, in which they are all.
    pub(super) fn reorder(&mut self, seats: &[Seat]) {
        self.finishes.clear();
        self.all.clear();
        // Those whose last token is in flight keep their places in that step.
        let ending: Vec<bool> = self.ending.iter().map(|&finish| self.is_valid(finish)).collect();
        for &seat in seats {
            self.last_order += 1;
            let progress = &mut self.progress[seat as usize];
            progress.order = self.last_order;
            self.all.push((progress.order, seat));
            if progress.finishes > self.cycle.clock {
                self.finishes.push((progress.finishes, progress.order, seat));
            }
        }
        for (finish, _) in self.ending.iter_mut().zip(ending).filter(|(_, is_valid)| *is_valid) {
            finish.1 = self.progress[finish.2 as usize].order;
        }
    }

    /// The client of a running request has left: it goes with its next token, which is its first if its prompt is still
    /// in the making.
    pub(super) fn abandon(&mut self, seat: Seat, is_in_making: bool) {
        let next = self.ended + 1;
        let progress = &mut self.progress[seat as usize];
        progress.is_told = false;
        self.told -= u32::from(!progress.has_left);
        if is_in_making || progress.finishes <= next {
            return; // It ends with its prompt's token, or with the next one anyway.
        }
        progress.finishes = next;
        let finish = (next, progress.order, seat);
        self.foresee(finish);
    }

    fn is_valid(&self, finish: Finish) -> bool {
        let progress = &self.progress[finish.2 as usize];
        progress.order == finish.1 && progress.finishes == finish.0
    }

    /// How many steps until the next finish that no step in flight brings.
    pub(super) fn steps_to_finish(&mut self) -> u64 {
        while let Some(&finish) = self.finishes.peek() {
            if self.is_valid(finish) {
                return finish.0 - self.cycle.clock;
            }
            self.finishes.pop();
        }
        u64::MAX
    }

    /// Of how many that run a step in flight brings the last token, though that cannot be known. As few are ending, all
    /// are counted.
    pub(super) fn overrunning(&self) -> u32 {
        let overruns = |finish: &&Finish| {
            let progress = self.progress(finish.2);
            self.is_valid(**finish) && !progress.has_left && progress.is_told
        };
        self.ending.iter().filter(overruns).count() as u32
    }

    /// Whether steps in flight may bring somebody's last token.
    pub(super) fn is_any_ending(&self) -> bool {
        self.ending.iter().any(|&finish| self.is_valid(finish))
    }

    /// So many steps have been decided.
    pub(super) fn advance(&mut self, steps: u64) {
        self.cycle.advance(steps);
        while let Some(&finish) = self.finishes.peek()
            && finish.0 <= self.cycle.clock
        {
            self.finishes.pop();
            if self.is_valid(finish) {
                self.foresee(finish);
            }
        }
    }

    /// The next of those who have their last token, in the order of the steps and of their rows. It still has to leave.
    pub(super) fn pop_finished(&mut self) -> Option<Seat> {
        let ended = self.ending.iter().take_while(|finish| finish.0 <= self.ended).count();
        for place in 0..ended {
            let finish = self.ending[place];
            if self.is_valid(finish) {
                self.ending.drain(..=place);
                return Some(finish.2);
            }
        }
        self.ending.drain(..ended);
        None
    }
}
