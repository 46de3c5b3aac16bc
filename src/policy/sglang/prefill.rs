//! A step with prompts, if there can be one (`scheduler.py`, `get_new_batch_prefill`).

use std::cmp::Reverse;

use super::budget::PrefillBudget;
use super::completion_order::{self, Course, Courses};
use super::decision::{
    AddVerdict, AskOutcome, AskedRequest, BatchKind, PromptPart, RowKind, SglangDecision, SglangRow,
};
use super::member::SglangMember;
use super::scheduler::SglangScheduler;
use crate::workload::RequestId;

/// A step with prompts in the making.
struct Attempt {
    budget: PrefillBudget,
    rows: Vec<SglangRow>,
    /// Of the rows' requests, how many hold a row of the table of slots already.
    holding: u32,
    /// How many came in from the head of the queue.
    let_in: usize,
    /// Who of them is left with a rest.
    cut: Option<RequestId>,
    /// The order of ends, once somebody was asked who ignores stop tokens.
    courses: Option<Courses>,
}

impl SglangScheduler {
    /// Makes the step one with prompts, if any come in.
    pub(super) fn prefill(&mut self, decision: &mut SglangDecision) {
        let preempts = self.settings.preempts().is_some();
        if preempts || self.running.ids.is_empty() {
            self.running.is_full = false;
        }
        let goes_on = self.chunked.is_some();
        if (self.running.is_full || self.waiting.is_empty()) && !goes_on {
            return;
        }
        if self.places() == 0 && !goes_on && !preempts {
            self.running.is_full = true;
            return;
        }
        let members = &self.members;
        self.order
            .arrange(&mut self.waiting, &|id| &members[&id], &mut self.slots);
        decision.queue_order = self.tells_order.then(|| self.waiting.iter().copied().collect());
        let mut attempt = self.attempt();
        if self.go_on(&mut attempt, decision) {
            self.ask_in(&mut attempt, decision);
        }
        self.waiting.drain(..attempt.let_in);
        for &id in &decision.preempted {
            self.enqueue(id);
        }
        if attempt.rows.is_empty() {
            return;
        }
        self.chunked = self.chunked.or(attempt.cut);
        self.give_slots(&attempt.rows);
        decision.kind = Some(BatchKind::Extend);
        decision.rows = attempt.rows;
        self.mix(decision);
    }

    /// How many more requests may run, those of the step in the making included.
    fn places(&self) -> u32 {
        let most = self.settings.max_running_requests;
        most.saturating_sub(self.running.ids.len() as u32).min(self.free_rows)
    }

    fn attempt(&self) -> Attempt {
        let running = &self.running.ids;
        let joining = if self.settings.mixes() { running.len() as u32 } else { 0 };
        let offsets = running.iter().map(|&id| self.member(id).offset(self.ratio));
        Attempt {
            budget: PrefillBudget::new(&self.settings, joining, offsets.sum()),
            rows: Vec::new(),
            holding: 0,
            let_in: 0,
            cut: None,
            courses: None,
        }
    }

    /// The next chunk of the prompt under way, if there is one; false if it has to wait. A real server that has too
    /// little memory for it stops.
    fn go_on(&mut self, attempt: &mut Attempt, decision: &mut SglangDecision) -> bool {
        let Some(id) = self.chunked else {
            return true;
        };
        let member = self.members.get_mut(&id).expect("it is here");
        let Some(part) = attempt.budget.next_chunk(member, &self.slots) else {
            return false;
        };
        let row = member.extend(RowKind::Chunk, part);
        if !part.is_cut {
            self.chunked = None;
        }
        attempt.rows.push(row);
        attempt.holding += 1;
        decision.tried.push(self.tried(attempt, id, AskOutcome::GoesOn));
        true
    }

    /// Asks the waiting in, in order.
    fn ask_in(&mut self, attempt: &mut Attempt, decision: &mut SglangDecision) {
        while let Some(&id) = self.waiting.get(attempt.let_in) {
            // Without memory it is asked, and refused.
            if attempt.budget.verdict(self.slots.available()) == AddVerdict::Other {
                return;
            }
            let rows = attempt.rows.len() as u32;
            let places = self
                .settings
                .max_running_requests
                .saturating_sub(self.running.ids.len() as u32);
            if rows >= places.min(self.free_rows + attempt.holding) {
                self.running.is_full = true;
            }
            if self.running.is_full && !self.preempt(id, &mut attempt.budget, decision) {
                return;
            }
            let outcome = self.ask(attempt, id);
            decision.tried.push(self.tried(attempt, id, outcome));
            match outcome {
                AskOutcome::Added(AddVerdict::Continue) | AskOutcome::GoesOn => {}
                AskOutcome::Added(AddVerdict::NoToken) | AskOutcome::Refused(AddVerdict::NoToken) => {
                    self.running.is_full = !(attempt.rows.is_empty() && self.running.ids.is_empty());
                    return;
                }
                AskOutcome::Added(_) | AskOutcome::Refused(_) => return,
            }
        }
    }

    /// Asks one in (`add_one_req`).
    fn ask(&mut self, attempt: &mut Attempt, id: RequestId) -> AskOutcome {
        let member = self.members.get_mut(&id).expect("it is here");
        member.fill = member.num_tokens();
        let found = self.slots.find(member, member.fill - 1);
        member.prefix = found.tokens;
        // While it is asked, what it found is not there for others.
        self.slots.lock(found.end);
        let part = self.part_of(attempt, id);
        match part {
            Err(verdict) => {
                self.slots.unlock(found.end);
                AskOutcome::Refused(verdict)
            }
            Ok(part) => {
                let member = self.members.get_mut(&id).expect("it is here");
                member.lock = found.end;
                member.owned = found.tokens;
                member.committed = found.tokens;
                let kind = if member.evictions == 0 {
                    RowKind::New
                } else {
                    RowKind::Resumed
                };
                attempt.rows.push(member.extend(kind, part));
                attempt.let_in += 1;
                if part.is_cut {
                    attempt.cut = Some(id);
                }
                AskOutcome::Added(attempt.budget.verdict(self.slots.available()))
            }
        }
    }

    fn part_of(&self, attempt: &mut Attempt, id: RequestId) -> Result<PromptPart, AddVerdict> {
        let member = self.member(id);
        let available = self.slots.available();
        if self.slots.has_tree() || !member.request.ignore_eos {
            return attempt.budget.part_of(member, available, attempt.rows.is_empty());
        }
        let course = |member: &SglangMember| Course::of(member, member.generated, self.ratio);
        let own = course(member);
        if let Some(courses) = &mut attempt.courses {
            courses.add(own);
        } else {
            let others = self.running.ids.iter().copied();
            let others = others.chain(attempt.rows.iter().map(|row| row.id));
            let others = others.map(|id| course(self.member(id)));
            attempt.courses = Some(Courses::of(std::iter::once(own).chain(others)));
        }
        let courses = attempt.courses.as_ref().expect("it was just made");
        completion_order::part_of(&mut attempt.budget, member, available, courses, self.settings.page_size)
    }

    fn tried(&self, attempt: &Attempt, id: RequestId, outcome: AskOutcome) -> AskedRequest {
        AskedRequest {
            id,
            outcome,
            memory_left: attempt.budget.left(self.slots.available()),
            input_left: attempt.budget.input,
            chunk_left: attempt.budget.chunk,
            hit: self.member(id).prefix,
        }
    }

    /// Drives running requests out for a waiting one with a better priority, if that makes room for it
    /// (`preempt_to_schedule`). Of a request that has not been asked before the prompt is not counted.
    fn preempt(&mut self, id: RequestId, budget: &mut PrefillBudget, decision: &mut SglangDecision) -> bool {
        let Some((rules, threshold)) = self.settings.preempts() else {
            return false;
        };
        let newcomer = self.member(id);
        let rank = rules.rank(newcomer.request.priority);
        let mut needed = f64::from(newcomer.fill.saturating_sub(newcomer.prefix))
            + f64::from(newcomer.clipped_max_new())
            - budget.left(self.slots.available());
        let mut candidates = self.running.ids.clone();
        candidates.sort_by_cached_key(|&id| {
            let member = self.member(id);
            Reverse((rules.rank(member.request.priority), member.entry))
        });
        let mut taken = Vec::new();
        for candidate in candidates {
            let member = self.member(candidate);
            if rules.rank(member.request.priority) - rank <= i64::from(threshold) {
                break;
            }
            needed -= member.offset(self.ratio);
            taken.push(candidate);
            if needed <= 0.0 {
                break;
            }
        }
        if taken.is_empty() || needed > 0.0 {
            return false;
        }
        let mut left = self.running.ids.len() as u64;
        for id in self.running.ids.clone() {
            if taken.contains(&id) {
                budget.give_back(self.member(id).offset(self.ratio));
                left -= 1;
                self.retract(id, left);
            }
        }
        self.running.ids.retain(|id| !taken.contains(id));
        decision.preempted.append(&mut taken);
        true
    }

    /// All rows get their slots at once.
    fn give_slots(&mut self, rows: &[SglangRow]) {
        let tokens = rows.iter().map(|row| u64::from(row.tokens)).sum();
        self.slots.make_room_for_rows(tokens, rows.len());
        for row in rows {
            let member = self.members.get_mut(&row.id).expect("it is here");
            self.free_rows -= u32::from(self.slots.give_row(member, row.before, row.tokens));
        }
    }

    /// The decodes join the step, if they may and there are slots for their next tokens; else they sit it out.
    fn mix(&mut self, decision: &mut SglangDecision) {
        if !self.settings.mixes() || self.running.ids.is_empty() {
            return;
        }
        self.drop_ending();
        let ids = std::mem::take(&mut self.running.ids);
        let fits = !ids.is_empty() && self.has_room_for_next(&ids);
        self.running.ids = ids;
        if !fits {
            return;
        }
        self.decode_rows(&mut decision.rows);
        for id in std::mem::take(&mut self.running.ids) {
            let member = self.member_mut(id);
            member.fill = member.num_tokens();
        }
        decision.kind = Some(BatchKind::Mixed);
    }
}
