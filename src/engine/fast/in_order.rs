//! A step over groups of layers in which the order of the running requests decides which blocks they take, or who gives
//! way: each gives back what lies behind its windows, then takes what it lacks.

use super::continuous::FastContinuous;
use super::scheduler::Moment;
use super::seats::{Part, Seat};
use super::turns::TurnTaker;
use crate::engine::observer::Observer;
use crate::policy::cut_to_threshold;
use crate::step_time::StepShape;

impl FastContinuous {
    /// Running requests, oldest first, where the budget does for all but the youngest. Returns the budget left and
    /// whether anyone was preempted.
    pub(super) fn decide_in_order(
        &mut self,
        threshold: u32,
        shape: &mut StepShape,
        at: Moment,
        observer: &mut (impl Observer + ?Sized),
    ) -> (u32, bool) {
        let mut left = self.rules.max_num_batched_tokens - self.decoders.count();
        let (mut preempted, mut gives) = (false, 0);
        let turns = self.turns();
        for &(order, seat) in &turns {
            if self.seats[seat].order != order {
                break; // It has given way, and so have all that are younger.
            }
            let part = self.seats[seat].part;
            if matches!(part, Part::Decodes | Part::Overruns) {
                let (blocks, is_preempted) = self.schedule_token(seat, at, observer);
                gives += blocks;
                preempted |= is_preempted;
            } else if part == Part::Prefills {
                let live = &self.seats[seat].live;
                let tokens = cut_to_threshold(live.num_tokens() - live.computed, threshold).min(left);
                left -= tokens;
                while tokens > 0 && self.seats[seat].order == order && !self.schedule_chunk(seat, tokens, shape) {
                    self.preempt_youngest(at, observer);
                    preempted = true;
                }
            }
        }
        self.in_order = turns;
        let counted = self.decoders.gives_now(&self.seats);
        assert_eq!(gives, counted, "decoders give back what lies behind their windows");
        *shape = self.decoders.shape();
        self.add_chunks(shape);
        (left, preempted)
    }

    /// Adds to a step what those compute that have been scheduled one by one.
    pub(super) fn add_chunks(&self, shape: &mut StepShape) {
        for &(seat, tokens) in &self.chunks {
            let live = &self.seats[seat].live;
            shape.add(live.computed, tokens, live.num_tokens().max(live.computed + tokens));
        }
    }

    /// Those that may give back or take blocks in the next step, oldest first.
    fn turns(&mut self) -> Vec<TurnTaker> {
        let mut turns = std::mem::take(&mut self.in_order);
        turns.clear();
        if self.decoders.list_turns(&mut turns) {
            turns.extend(self.prefilling.iter().map(|&seat| (self.seats[seat].order, seat)));
            turns.sort_unstable();
            turns.dedup();
        } else {
            turns.extend_from_slice(self.running.sweep(&self.seats));
        }
        turns
    }

    /// Whether the decoders may not do in the steps after the next what their turns say, or the head of the queue may
    /// come in because it has lost what it would have found.
    pub(super) fn turns_change(&self) -> bool {
        let Some(turns) = self.decoders.turns() else {
            return false;
        };
        let head = self
            .waiting
            .front()
            .filter(|_| self.running.count() < self.rules.max_num_seqs);
        turns.has_newcomers_after(self.decoders.clock()) || head.is_some_and(|seat| self.seats[seat].live.is_preempted)
    }

    /// All decoders take their turns in those of `steps` steps that follow the next one: they find their blocks.
    pub(super) fn take_turns(&mut self, steps: u64) {
        let first = self.decoders.clock();
        for clock in first + 1..first + steps {
            let mut index = 0;
            while let Some(turns) = self.decoders.turns()
                && let Some(&(_, seat)) = turns.at(clock).get(index)
                && let Some(cache) = &mut self.group_cache
            {
                let (computed, settled) = self.decoders.computed(clock, &self.seats[seat]);
                self.pool.give_back(cache.give_back(seat, settled));
                if computed.is_multiple_of(self.tables.block_tokens) {
                    self.take(self.tables.with_tokens);
                }
                index += 1;
            }
        }
    }

    /// Gives a decoder the blocks for its next token, if need be those of younger ones. Returns how many it has given
    /// back, none if it had to give way itself, and whether anyone had to.
    fn schedule_token(&mut self, seat: Seat, at: Moment, observer: &mut (impl Observer + ?Sized)) -> (u32, bool) {
        let active = &self.seats[seat];
        let order = active.order;
        let (computed, settled) = self.decoders.computed(self.decoders.clock(), active);
        let gives = match &mut self.group_cache {
            Some(cache) => cache.give_back(seat, settled),
            None => self.tables.unseen(settled) - self.decoders.unseen_before(active),
        };
        let is_due = computed.is_multiple_of(self.tables.block_tokens);
        let takes = if is_due { self.tables.with_tokens } else { 0 };
        let mut preempted = false;
        while takes > self.pool.free() + gives {
            self.preempt_youngest(at, observer);
            preempted = true;
            if self.seats[seat].order != order {
                return (0, true);
            }
        }
        self.pool.give_back(gives);
        self.take(takes);
        (gives, preempted)
    }
}
