//! What a step has brought (`policy/sglang/results.rs`).

use super::launched::{Launched, PromptRow};
use super::running::SglangProgress;
use super::scheduler::FastSglang;
use crate::engine::fast::scheduler::Steps;
use crate::engine::fast::seats::Seat;
use crate::engine::observer::{Event, Finished, Observer};
use crate::kv::KvGrowth;
use crate::policy::Live;
use crate::units::Time;
use crate::workload::RequestId;

/// A token that is told: whose, and when its request got the one before.
type Told = (RequestId, Option<Time>);

impl FastSglang {
    /// A step with prompts has ended. True if somebody finished.
    pub(super) fn end_prompts(&mut self, steps: &Steps, observer: &mut (impl Observer + ?Sized)) -> bool {
        // Who finishes now runs still.
        let running = self.told - self.waiting_told.requests;
        let launched = self.in_flight.front_mut().expect("a step is in flight");
        let kv = KvGrowth::constant(launched.used_blocks, launched.empty);
        let rows = std::mem::take(&mut launched.prompts);
        let mut told = std::mem::take(&mut self.told_tokens);
        let mut finished = std::mem::take(&mut self.finished);
        for row in &rows {
            self.end_row(row, steps.end, running, &mut told, &mut finished);
        }
        let launched = self.in_flight.front().expect("it is still there");
        if launched.is_mixed {
            told.extend(self.told_of(launched));
            self.running.ended += 1;
            self.running.latest = steps.end;
            while let Some(seat) = self.running.pop_finished() {
                self.finish(seat, &mut finished);
            }
        }
        let one_step_after = |token: &&Told| token.1 == Some(steps.start);
        let streaming = told.iter().filter(one_step_after).count() as u32;
        observer.ran(&steps.told(streaming, kv));
        for (id, previous) in told.drain(..) {
            steps.tell_token(id, previous, observer);
        }
        self.told_tokens = told;
        // Its memory is used again.
        self.in_flight.front_mut().expect("it is still there").prompts = rows;
        self.in_flight.pop();
        self.tell_finished(finished, steps.end, observer)
    }

    fn end_row(&mut self, row: &PromptRow, end: Time, running: u32, told: &mut Vec<Told>, finished: &mut Vec<Live>) {
        let seat = row.seat;
        if row.is_middle || !self.members.has(seat, row.id) || self.members[seat].member.evictions != row.evictions {
            return;
        }
        let inside = &mut self.members[seat];
        inside.awaits_prompt = false;
        let member = &mut inside.member;
        member.generated += 1;
        if let Some(live) = &mut inside.live {
            if !live.request.is_prompt_only {
                told.push((row.id, live.last_token));
            }
            live.generated += 1;
            live.note_token(end, running);
        }
        if self.running.has(seat) {
            self.running.note_first(seat, end);
        }
        if member.is_aborted || member.has_stopped() || member.generated >= member.longest_output() {
            self.finish(seat, finished);
        } else {
            self.slots.insert(member, row.before + row.tokens);
        }
    }

    /// Decode steps have ended. True if somebody finished.
    pub(super) fn end_decodes(&mut self, steps: &Steps, observer: &mut (impl Observer + ?Sized)) -> bool {
        let launched = self.in_flight.front().expect("a step is in flight");
        if launched.is_listed {
            self.tell_listed(launched, steps, observer);
        } else {
            observer.ran(&steps.told(launched.streaming, launched.growth()));
        }
        if launched.steps == steps.count {
            self.in_flight.pop();
        } else {
            let launched = self.in_flight.front_mut().expect("a step is in flight");
            launched.take_off(steps.count);
        }
        self.running.ended += steps.count;
        self.running.latest = steps.end;
        let mut finished = std::mem::take(&mut self.finished);
        while let Some(seat) = self.running.pop_finished() {
            self.finish(seat, &mut finished);
        }
        self.tell_finished(finished, steps.end, observer)
    }

    /// The first step of decodes after one with prompts: some got the token before this one from that, and all others
    /// from the latest step of decodes.
    fn tell_listed(&self, launched: &Launched, steps: &Steps, observer: &mut (impl Observer + ?Sized)) {
        if launched.is_reordered {
            return self.tell_one_by_one(launched, steps, observer);
        }
        let (clock, latest) = (launched.clock, self.running.latest);
        let progress = |seat: &Seat| self.running.progress(*seat);
        let is_told = |progress: &&SglangProgress| progress.is_told_from(clock);
        let newcomers = || launched.newcomers.iter().map(progress).filter(is_told);
        let others = launched.streaming - newcomers().count() as u32;
        let mut streaming = newcomers().filter(|newcomer| newcomer.first == steps.start).count() as u32;
        if latest == steps.start {
            streaming += others;
        }
        observer.ran(&steps.told(streaming, launched.growth()));
        if latest != steps.start && others > 0 {
            let others_told = launched.listed.iter().map(progress).filter(is_told);
            let mut ids = others_told.filter(|other| other.joined < clock).map(|other| other.id);
            observer.on_tokens(steps.end, steps.end - latest, others, &mut ids);
        }
        for newcomer in newcomers() {
            steps.tell_token(newcomer.id, Some(newcomer.first), observer);
        }
    }

    /// The tokens that are told of those who decode in a step, in order.
    fn told_of<'a>(&'a self, launched: &'a Launched) -> impl Iterator<Item = Told> + 'a {
        let all = launched.listed.iter().map(|&seat| self.running.progress(seat));
        let told = all.filter(|progress| progress.is_told_from(launched.clock));
        told.map(|progress| {
            let is_first = progress.joined == launched.clock;
            let previous = if is_first { progress.first } else { self.running.latest };
            (progress.id, Some(previous))
        })
    }

    fn tell_one_by_one(&self, launched: &Launched, steps: &Steps, observer: &mut (impl Observer + ?Sized)) {
        let streaming = self
            .told_of(launched)
            .filter(|token| token.1 == Some(steps.start))
            .count() as u32;
        observer.ran(&steps.told(streaming, launched.growth()));
        for (id, previous) in self.told_of(launched) {
            steps.tell_token(id, previous, observer);
        }
    }

    /// Takes out a request that has its last token. Its history is kept, if its client is there.
    fn finish(&mut self, seat: Seat, finished: &mut Vec<Live>) {
        if self.running.has(seat) {
            self.some_finished = true;
            self.running.leave(&mut self.members, seat);
        }
        let inside = &mut self.members[seat];
        let member = &mut inside.member;
        if let Some(live) = &mut inside.live {
            live.computed = member.committed;
        }
        let known = member.committed.min(member.num_tokens());
        self.slots.insert(member, known);
        self.release(seat);
        finished.extend(self.members.remove(seat));
    }

    fn tell_finished(&mut self, mut finished: Vec<Live>, now: Time, observer: &mut (impl Observer + ?Sized)) -> bool {
        let any = !finished.is_empty();
        self.told -= finished.len() as u32;
        for live in finished.drain(..) {
            let event = Event::Finished(Finished::of(&live, now, true));
            observer.on(now, live.request.id, &event);
        }
        self.finished = finished;
        any
    }
}
