//! Steps of decodes, and who makes room for them (`policy/sglang/decode.rs`).

use std::cmp::Reverse;

use super::launched::Launched;
use super::scheduler::{FastSglang, NewTokenRatio};
use crate::engine::fast::seats::Seat;
use crate::engine::observer::{Event, Observer};
use crate::policy::sglang::RETRACT_DECODE_STEPS;
use crate::step_time::StepShape;
use crate::units::Time;

impl FastSglang {
    /// How many steps of decodes there are if nobody comes, of which the first is decided now; none if nobody runs.
    pub(super) fn decode(
        &mut self,
        now: Time,
        shape: &mut StepShape,
        observer: &mut (impl Observer + ?Sized),
    ) -> Option<u64> {
        if self.running.all.is_empty() {
            return None;
        }
        let some_end = self.running.drop_ending(&self.members);
        if some_end {
            self.running.is_full = false;
        }
        if self.running.all.is_empty() {
            return None;
        }
        if !self.has_room_for_next() {
            if some_end {
                return None; // Those who end leave room.
            }
            self.make_room(now, observer);
        }
        let steps = self.steps_alike();
        let (used, page) = (self.slots.used(), u64::from(self.settings.page_size));
        let running = &self.running;
        let launched = self.in_flight.next();
        launched.clock = running.clock();
        launched.streaming = running.told - running.overrunning();
        if !self.follows_decode {
            launched.is_listed = true;
            launched.is_reordered = self.has_retracted;
            launched.listed.extend(running.all.iter().map(|&(_, seat)| seat));
            launched.newcomers.extend_from_slice(&running.newcomers);
        }
        self.running.newcomers.clear();
        let running = &self.running;
        let used = used + page * u64::from(running.cycle.due_now());
        let filled = self.slots.filled() + u64::from(running.cycle.count);
        let block_tokens = u64::from(self.memory.block_tokens);
        launched.used_blocks = used.div_ceil(block_tokens) as u32;
        launched.empty = u64::from(launched.used_blocks) * block_tokens - filled;
        *shape = running.cycle.shape();
        Some(steps)
    }

    /// Whether slots for the next tokens of all that run can be had. Where they cannot, all that can go for them is
    /// forgotten.
    pub(super) fn has_room_for_next(&mut self) -> bool {
        let needed = u64::from(self.settings.page_size) * u64::from(self.running.cycle.due_now());
        if needed <= self.slots.available() {
            return true;
        }
        self.slots.evict_until_free(needed);
        false
    }

    /// How many steps there are of the same members, if nobody comes, at the end of the last of which somebody may
    /// leave, and not before.
    fn steps_alike(&mut self) -> u64 {
        let is_full = self.running.is_full && self.settings.preempts().is_none();
        let asks_nobody = self.chunked.is_none() && (self.waiting.is_empty() || is_full);
        let (block_tokens, page) = (self.memory.block_tokens, self.settings.page_size);
        let is_regular = block_tokens.is_multiple_of(page);
        if !self.follows_decode || !asks_nobody || !is_regular || self.has_retracted || self.running.is_any_ending() {
            return 1;
        }
        let most = self.running.steps_to_finish();
        let pages = self.slots.available() / u64::from(page) - u64::from(self.running.cycle.due_now());
        self.running
            .cycle
            .steps_before_shortage(u32::try_from(pages).unwrap_or(u32::MAX), most)
    }

    /// Retracts those with the fewest outputs, among equals those with the longest prompts, until the rest find slots.
    fn make_room(&mut self, now: Time, observer: &mut (impl Observer + ?Sized)) {
        let mut seats: Vec<Seat> = self.running.all.iter().map(|&(_, seat)| seat).collect();
        seats.sort_by_cached_key(|&seat| {
            let member = &self.members[seat].member;
            (Reverse(self.running.generated(seat, member)), member.prompt())
        });
        let mut retracted = Vec::new();
        while seats.len() > 1 && (retracted.is_empty() || !self.has_room_for_next()) {
            let victim = seats.pop().expect("there are two at least");
            self.drive_out(victim);
            self.running.is_full = false;
            retracted.push(victim);
        }
        // Where a prompt under way waits for memory, which a real server does not survive.
        if !self.has_room_for_next()
            && let Some(seat) = self.chunked.take()
        {
            self.retract(seat, seats.len());
            retracted.push(seat);
        }
        self.ratio = NewTokenRatio::new(self.ratio_after_retraction(&seats));
        self.has_retracted = true;
        self.running.reorder(&seats);
        self.take_back(retracted, now, observer);
    }

    /// A running request has to go.
    pub(super) fn drive_out(&mut self, seat: Seat) {
        self.forget_tokens_in_flight(seat);
        self.running.leave(&mut self.members, seat);
        self.retract(seat, self.running.all.len());
    }

    /// Those who had to go join the queue again.
    pub(super) fn take_back(&mut self, retracted: Vec<Seat>, now: Time, observer: &mut (impl Observer + ?Sized)) {
        for seat in retracted {
            if let Some(live) = &mut self.members[seat].live {
                live.preemptions += 1;
                live.is_preempted = true;
                observer.on(now, live.request.id, &Event::Preempted);
            }
            self.enqueue(seat);
        }
    }

    /// Takes everything from a request, and makes room for the next steps of the `left` others.
    fn retract(&mut self, seat: Seat, left: usize) {
        self.release(seat);
        self.slots.evict_until_free(RETRACT_DECODE_STEPS * left as u64);
    }

    /// What these have produced and will in the next steps, as a fraction of all that is allowed.
    fn ratio_after_retraction(&self, seats: &[Seat]) -> f64 {
        let (mut produced, mut allowed) = (0, 0);
        for &seat in seats {
            let member = &self.members[seat].member;
            produced += u64::from(self.running.generated(seat, member)) + RETRACT_DECODE_STEPS;
            allowed += u64::from(member.max_new);
        }
        (produced as f64 / (allowed + 1) as f64).min(1.0)
    }

    /// A running request gets nothing that is told from steps in flight.
    pub(super) fn forget_tokens_in_flight(&mut self, seat: Seat) {
        if !self.running.has(seat) {
            return;
        }
        let progress = self.running.progress(seat);
        let forget = |launched: &mut Launched| {
            if launched.prompts.is_empty() && progress.is_told_from(launched.clock) {
                launched.streaming -= 1;
            }
        };
        self.in_flight.front_mut().map(forget);
        if self.in_flight.count() > 1 {
            self.in_flight.back_mut().map(forget);
        }
    }
}
