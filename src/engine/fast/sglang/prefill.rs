//! A step with prompts, if there can be one (`policy/sglang/prefill.rs`).

use std::cmp::Reverse;

use super::launched::PromptRow;
use super::scheduler::FastSglang;
use crate::engine::fast::seats::Seat;
use crate::engine::observer::{Event, Observer};
use crate::policy::sglang::{AddVerdict, Course, Courses, PrefillBudget, PromptPart, RowKind, part_by_completion};
use crate::step_time::StepShape;
use crate::units::Time;

/// A step with prompts in the making.
struct PromptStep {
    budget: PrefillBudget,
    rows: Vec<PromptRow>,
    /// Of the rows' requests, how many hold a row of the table of slots already.
    holding: u32,
    /// How many came in from the head of the queue.
    let_in: usize,
    /// Who of them is left with a rest.
    cut: Option<Seat>,
    /// The order of ends, once somebody was asked who ignores stop tokens.
    courses: Option<Courses>,
    ratio: f64,
    /// Who was driven out, in the order in which they join the queue again.
    preempted: Vec<Seat>,
}

impl FastSglang {
    /// Makes the step one with prompts, if any come in: whether it is, and whether anybody had to go for that.
    pub(super) fn prefill(
        &mut self,
        now: Time,
        shape: &mut StepShape,
        observer: &mut (impl Observer + ?Sized),
    ) -> (bool, bool) {
        let preempts = self.settings.preempts().is_some();
        if preempts || self.running.all.is_empty() {
            self.running.is_full = false;
        }
        let goes_on = self.chunked.is_some();
        if (self.running.is_full || self.waiting.is_empty()) && !goes_on {
            return (false, false);
        }
        if self.places().min(self.free_rows) == 0 && !goes_on && !preempts {
            self.running.is_full = true;
            return (false, false);
        }
        let members = &self.members;
        self.order
            .arrange(&mut self.waiting, &|seat| &members[seat].member, &mut self.slots);
        let ratio = self.ratio.now(&self.settings);
        let joining = if self.settings.mixes() {
            self.running.all.len() as u32
        } else {
            0
        };
        let mut step = PromptStep {
            budget: PrefillBudget::new(&self.settings, joining, self.running.expected(ratio)),
            rows: std::mem::take(&mut self.in_flight.next().prompts),
            holding: 0,
            let_in: 0,
            cut: None,
            courses: None,
            ratio,
            preempted: Vec::new(),
        };
        if self.go_on(&mut step) {
            self.ask_in(&mut step);
        }
        for _ in 0..step.let_in {
            let seat = self.waiting.pop_front().expect("it came in from there");
            self.count_out(seat);
        }
        let preempted = !step.preempted.is_empty();
        self.take_back(std::mem::take(&mut step.preempted), now, observer);
        self.chunked = self.chunked.or(step.cut);
        let comes_in = !step.rows.is_empty();
        if comes_in {
            self.launch_prompts(&step.rows, now, shape, observer);
            self.mix(shape);
            self.note_memory();
        }
        self.in_flight.next().prompts = step.rows;
        (comes_in, preempted)
    }

    /// How many more requests may run.
    fn places(&self) -> u32 {
        let running = self.running.all.len() as u32;
        self.settings.max_running_requests.saturating_sub(running)
    }

    /// The next chunk of the prompt under way, if there is one; false if it has to wait.
    fn go_on(&mut self, step: &mut PromptStep) -> bool {
        let Some(seat) = self.chunked else {
            return true;
        };
        let member = &mut self.members[seat].member;
        let Some(part) = step.budget.next_chunk(member, &self.slots) else {
            return false;
        };
        if !part.is_cut {
            self.chunked = None;
        }
        self.add(step, seat, RowKind::Chunk, part);
        step.holding += 1;
        true
    }

    fn add(&mut self, step: &mut PromptStep, seat: Seat, kind: RowKind, part: PromptPart) {
        let row = self.members[seat].member.extend(kind, part);
        step.rows.push(PromptRow {
            seat,
            id: row.id,
            kind,
            tokens: row.tokens,
            before: row.before,
            is_middle: row.is_middle,
            evictions: row.evictions,
        });
    }

    /// Asks the waiting in, in order.
    fn ask_in(&mut self, step: &mut PromptStep) {
        while let Some(&seat) = self.waiting.get(step.let_in) {
            // Without memory it is asked, and refused.
            if step.budget.verdict(self.slots.available()) == AddVerdict::Other {
                return;
            }
            if step.rows.len() as u32 >= self.places().min(self.free_rows + step.holding) {
                self.running.is_full = true;
            }
            if self.running.is_full && !self.preempt(step, seat) {
                return;
            }
            match self.ask(step, seat) {
                AddVerdict::Continue => {}
                AddVerdict::NoToken => {
                    self.running.is_full = !(step.rows.is_empty() && self.running.all.is_empty());
                    return;
                }
                AddVerdict::Other => return,
            }
        }
    }

    /// Drives running requests out for a waiting one with a better priority, if that makes room for it.
    fn preempt(&mut self, step: &mut PromptStep, seat: Seat) -> bool {
        let Some((rules, threshold)) = self.settings.preempts() else {
            return false;
        };
        let newcomer = &self.members[seat].member;
        let rank = rules.rank(newcomer.request.priority);
        let mut needed = f64::from(newcomer.fill.saturating_sub(newcomer.prefix))
            + f64::from(newcomer.clipped_max_new())
            - step.budget.left(self.slots.available());
        let member = |seat: Seat| &self.members[seat].member;
        let mut candidates: Vec<Seat> = self.running.all.iter().map(|&(_, seat)| seat).collect();
        candidates.sort_by_cached_key(|&seat| {
            let member = member(seat);
            Reverse((rules.rank(member.request.priority), member.entry))
        });
        let mut taken = Vec::new();
        for candidate in candidates {
            if rules.rank(member(candidate).request.priority) - rank <= i64::from(threshold) {
                break;
            }
            needed -= self.running.offset(candidate, step.ratio);
            taken.push(candidate);
            if needed <= 0.0 {
                break;
            }
        }
        if taken.is_empty() || needed > 0.0 {
            return false;
        }
        let victims: Vec<Seat> = self.running.all.iter().map(|&(_, seat)| seat).collect();
        for victim in victims.into_iter().filter(|victim| taken.contains(victim)) {
            step.budget.give_back(self.running.offset(victim, step.ratio));
            self.drive_out(victim);
        }
        step.preempted.append(&mut taken);
        true
    }

    /// Asks one in. The verdict is on it, if it does not come in, and else on the next one.
    fn ask(&mut self, step: &mut PromptStep, seat: Seat) -> AddVerdict {
        let member = &mut self.members[seat].member;
        member.fill = member.num_tokens();
        let found = self.slots.find(member, member.fill - 1);
        member.prefix = found.tokens;
        // While it is asked, what it found is not there for others.
        self.slots.lock(found.end);
        let part = match self.part_of(step, seat) {
            Ok(part) => part,
            Err(verdict) => {
                self.slots.unlock(found.end);
                return verdict;
            }
        };
        let member = &mut self.members[seat].member;
        member.lock = found.end;
        member.owned = found.tokens;
        member.committed = found.tokens;
        let kind = if member.evictions == 0 {
            RowKind::New
        } else {
            RowKind::Resumed
        };
        self.add(step, seat, kind, part);
        step.let_in += 1;
        if part.is_cut {
            step.cut = Some(seat);
        }
        step.budget.verdict(self.slots.available())
    }

    fn part_of(&self, step: &mut PromptStep, seat: Seat) -> Result<PromptPart, AddVerdict> {
        let member = &self.members[seat].member;
        let available = self.slots.available();
        if self.slots.has_tree() || !member.request.ignore_eos {
            return step.budget.part_of(member, available, step.rows.is_empty());
        }
        let own = Course::of(member, member.generated, step.ratio);
        if let Some(courses) = &mut step.courses {
            courses.add(own);
        } else {
            let course = |seat: Seat| {
                let member = &self.members[seat].member;
                Course::of(member, self.running.generated(seat, member), step.ratio)
            };
            let others = self.running.all.iter().map(|&(_, seat)| course(seat));
            let others = others.chain(step.rows.iter().map(|row| {
                let member = &self.members[row.seat].member;
                Course::of(member, member.generated, step.ratio)
            }));
            step.courses = Some(Courses::of(std::iter::once(own).chain(others)));
        }
        let courses = step.courses.as_ref().expect("it was just made");
        part_by_completion(&mut step.budget, member, available, courses, self.settings.page_size)
    }

    /// All rows get their slots at once, and what is told of them.
    fn launch_prompts(
        &mut self,
        rows: &[PromptRow],
        now: Time,
        shape: &mut StepShape,
        observer: &mut (impl Observer + ?Sized),
    ) {
        *shape = StepShape::default();
        self.give_slots(rows);
        for row in rows {
            self.last_prefill.rows.push((row.seat, row.id));
            let inside = &mut self.members[row.seat];
            inside.awaits_prompt = !row.is_middle;
            let end = row.before + row.tokens;
            let Some(live) = &mut inside.live else {
                shape.add(row.before, row.tokens, end); // Its client has left.
                continue;
            };
            match row.kind {
                RowKind::New => {
                    live.scheduled = Some(now);
                    live.cached = row.before;
                }
                // What it had computed before and does not find is computed again.
                RowKind::Resumed => live.recomputed += u64::from(live.computed.saturating_sub(row.before)),
                RowKind::Chunk | RowKind::Decode => {}
            }
            live.is_preempted = false;
            live.computed = end;
            let all = live.num_tokens().max(end);
            shape.add(row.before, row.tokens, all);
            if row.kind.is_let_in() {
                let event = Event::Admitted {
                    resumed: row.kind == RowKind::Resumed,
                    tokens: all - row.before,
                };
                observer.on(now, row.id, &event);
            }
        }
    }

    /// The decodes join the step, if they may and there are slots for their next tokens; else they sit it out.
    fn mix(&mut self, shape: &mut StepShape) {
        if !self.settings.mixes() || self.running.all.is_empty() {
            return;
        }
        if self.running.drop_ending(&self.members) {
            self.running.is_full = false;
        }
        if self.running.all.is_empty() || !self.has_room_for_next() {
            return;
        }
        let (page, count) = (u64::from(self.settings.page_size), self.running.cycle.count);
        let needed = page * u64::from(self.running.cycle.due_now());
        // A page each, even if it is not needed.
        self.slots.evict_until_free(page * u64::from(count));
        self.slots.take(needed, count.into());
        shape.add_decodes(count, self.running.cycle.shape().context);
        let launched = self.in_flight.next();
        launched.is_mixed = true;
        launched.clock = self.running.clock();
        for &(_, seat) in &self.running.all {
            launched.listed.push(seat);
            let member = &mut self.members[seat].member;
            member.fill = member.prompt() + self.running.generated(seat, member);
        }
        self.running.newcomers.clear();
        self.running.advance(1);
        self.last_prefill.is_mixed = true;
    }

    /// Notes how much memory is in use during the step.
    fn note_memory(&mut self) {
        let used = self.slots.used();
        let (used_blocks, filled) = (self.blocks(used), self.slots.filled());
        let launched = self.in_flight.next();
        launched.used_blocks = used_blocks;
        launched.empty = u64::from(used_blocks) * u64::from(self.memory.block_tokens) - filled;
    }

    /// All rows get their slots at once.
    fn give_slots(&mut self, rows: &[PromptRow]) {
        let tokens = rows.iter().map(|row| u64::from(row.tokens)).sum();
        self.slots.make_room_for_rows(tokens, rows.len());
        for row in rows {
            let member = &mut self.members[row.seat].member;
            self.free_rows -= u32::from(self.slots.give_row(member, row.before, row.tokens));
        }
    }
}
