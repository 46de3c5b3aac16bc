//! The log of SGLang's scheduler: what each turn of its loop decided, in full, and what the state was. It drives the
//! scheduler in readable form as SGLang's own loops do (`event_loop_normal`, and `event_loop_overlap` with a step in
//! flight while the next is decided), so that the two logs can be laid side by side.

use std::collections::VecDeque;

use crate::policy::sglang::{SglangDecision, SglangOutput, SglangScheduler};
use crate::step_time::{StepShape, StepTime};
use crate::units::Time;
use crate::workload::{Request, RequestId};

/// What is to be logged.
pub struct SglangLogged<'a> {
    /// The requests in the order of arrival.
    pub requests: &'a [Request],
    /// When clients give up, and the requests that they give up, in order.
    pub aborts: Vec<(Time, &'a [RequestId])>,
    /// How long steps take.
    pub step_time: &'a dyn StepTime,
    /// Whether a step is decided while the one before runs.
    pub overlap: bool,
}

/// What each turn of the loop did.
#[derive(Default)]
pub struct SglangLog {
    /// The turns in order.
    pub turns: Vec<SglangTurn>,
    /// How many output tokens each request may have, by number; 0 for those that have not arrived.
    pub max_new: Vec<u32>,
    /// Whether requests were left that would never come in.
    pub is_stuck: bool,
    /// Whether it was given up because it would pass [`Time::LIMIT`].
    pub too_long: bool,
}

/// One turn of the loop.
pub struct SglangTurn {
    /// When the decision was taken.
    pub at: Time,
    /// Requests that arrived before it.
    pub added: Vec<RequestId>,
    /// Which of the aborts came before it, by number.
    pub aborts: Vec<usize>,
    /// Requests that left at once.
    pub aborted: Vec<RequestId>,
    /// The queue before the decision.
    pub waiting_before: Vec<RequestId>,
    /// The decision.
    pub decision: SglangDecision,
    /// When the step runs, if there is one.
    pub runs: Option<(Time, Time)>,
    /// The new-token ratio before the decision.
    pub ratio_before: f64,
    /// The state after the decision.
    pub after: SglangState,
    /// Whether there was nothing to do.
    pub is_idle: bool,
    /// What a step has brought that ended in this turn, if one did.
    pub update: Option<SglangUpdate>,
}

/// The scheduler's state.
pub struct SglangState {
    /// The queue, next first.
    pub waiting: Vec<RequestId>,
    /// Who goes on from token to token.
    pub running: Vec<RequestId>,
    /// The prompt under way.
    pub chunked: Option<RequestId>,
    /// Whether nobody is asked in.
    pub batch_is_full: bool,
    /// The new-token ratio.
    pub ratio: f64,
    /// Rows of the table of slots that nobody holds.
    pub free_rows: u32,
    /// The memory.
    pub slots: SglangSlots,
}

/// Where slots for tokens are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SglangSlots {
    /// That nobody has.
    pub free: u64,
    /// Of cached tokens that nobody uses.
    pub evictable: u64,
    /// Of cached tokens that somebody uses.
    pub protected: u64,
}

/// What a step has brought.
pub struct SglangUpdate {
    /// In which turn it was decided.
    pub of_turn: usize,
    /// When it ended.
    pub at: Time,
    /// Who got a token.
    pub outputs: Vec<SglangOutput>,
    /// The memory afterwards.
    pub slots: SglangSlots,
    /// Tokens forgotten for want of room meanwhile.
    pub evicted: u64,
}

struct Logger<'a> {
    experiment: &'a SglangLogged<'a>,
    scheduler: SglangScheduler,
    to_come: std::slice::Iter<'a, Request>,
    next_abort: usize,
    /// Decided steps that have not ended: the turn, and when they end.
    in_flight: VecDeque<(usize, Time)>,
    now: Time,
    log: SglangLog,
}

/// Logs the turns that serve the requests, up to the last token, or until nothing can happen any more.
pub fn log_sglang(scheduler: SglangScheduler, experiment: &SglangLogged<'_>) -> SglangLog {
    let first = experiment.requests.first();
    let mut logger = Logger {
        experiment,
        scheduler,
        to_come: experiment.requests.iter(),
        next_abort: 0,
        in_flight: VecDeque::new(),
        now: first.map_or(Time::ZERO, |request| request.arrival),
        log: SglangLog {
            max_new: vec![0; experiment.requests.len()],
            ..SglangLog::default()
        },
    };
    while first.is_some() && logger.turn() {}
    logger.log
}

impl Logger<'_> {
    /// One turn of the loop; false if there is nothing left to do.
    fn turn(&mut self) -> bool {
        let decided_up_to = self.in_flight.back().map_or(self.now, |&(_, ends)| ends);
        if decided_up_to.max(self.now) >= Time::LIMIT {
            self.log.too_long = true;
            return false;
        }
        let at = self.now;
        let added = self.take_arrivals();
        let (aborts, mut aborted) = self.abort();
        let waiting_before = self.scheduler.waiting().collect();
        let ratio_before = self.scheduler.new_token_ratio();
        let was_in_flight = !self.in_flight.is_empty();
        let decision = self.scheduler.decide();
        aborted.extend(decision.aborted);
        let after = self.state();
        let runs = self.launch(&decision);
        let ends_one = was_in_flight || runs.is_some() && !self.experiment.overlap;
        let is_idle = !was_in_flight && runs.is_none();
        let update = ends_one.then(|| self.end_step());
        self.log.turns.push(SglangTurn {
            at,
            added,
            aborts,
            aborted,
            waiting_before,
            decision,
            runs,
            ratio_before,
            after,
            is_idle,
            update,
        });
        runs.is_some() || self.goes_on(is_idle)
    }

    /// Whether there is more to do after a turn that decided no step.
    fn goes_on(&mut self, is_idle: bool) -> bool {
        let is_empty = self.scheduler.is_empty();
        match self.to_come.as_slice().first() {
            Some(next) if is_idle => self.now = self.now.max(next.arrival),
            None if is_idle || is_empty => {
                self.log.is_stuck = !is_empty;
                return false;
            }
            _ => {}
        }
        true
    }

    fn take_arrivals(&mut self) -> Vec<RequestId> {
        let mut added = Vec::new();
        let now = self.now;
        while let Some(request) = self.to_come.as_slice().first().filter(|request| request.arrival <= now) {
            self.to_come.next();
            let (taken, max_new) = self.scheduler.submit(request.clone());
            self.log.max_new[taken.id.0 as usize] = max_new;
            added.push(taken.id);
        }
        added
    }

    /// What clients have given up, and who left at once: those who wait, last first.
    fn abort(&mut self) -> (Vec<usize>, Vec<RequestId>) {
        let (mut aborts, mut aborted) = (Vec::new(), Vec::new());
        while let Some((_, ids)) = self
            .experiment
            .aborts
            .get(self.next_abort)
            .filter(|(at, _)| *at <= self.now)
        {
            aborts.push(self.next_abort);
            self.next_abort += 1;
            let waiting: Vec<RequestId> = self.scheduler.waiting().filter(|id| ids.contains(id)).collect();
            for &id in *ids {
                self.scheduler.abort(id);
            }
            aborted.extend(waiting.into_iter().rev());
        }
        (aborts, aborted)
    }

    fn launch(&mut self, decision: &SglangDecision) -> Option<(Time, Time)> {
        decision.kind?;
        let mut shape = StepShape::default();
        for row in &decision.rows {
            shape.add(row.before, row.tokens, row.before + row.tokens);
        }
        let starts = self.in_flight.back().map_or(self.now, |&(_, ends)| ends.max(self.now));
        let ends = starts + self.experiment.step_time.step(&shape);
        self.in_flight.push_back((self.log.turns.len(), ends));
        Some((starts, ends))
    }

    fn end_step(&mut self) -> SglangUpdate {
        let (of_turn, at) = self.in_flight.pop_front().expect("a step is in flight");
        self.now = self.now.max(at);
        let evicted = self.scheduler.evicted();
        SglangUpdate {
            of_turn,
            at,
            outputs: self.scheduler.end_step(),
            slots: self.slots(),
            evicted: self.scheduler.evicted() - evicted,
        }
    }

    fn state(&self) -> SglangState {
        let scheduler = &self.scheduler;
        SglangState {
            waiting: scheduler.waiting().collect(),
            running: scheduler.running().to_vec(),
            chunked: scheduler.chunked(),
            batch_is_full: scheduler.batch_is_full(),
            ratio: scheduler.new_token_ratio(),
            free_rows: scheduler.free_rows(),
            slots: self.slots(),
        }
    }

    fn slots(&self) -> SglangSlots {
        SglangSlots {
            free: self.scheduler.free_slots(),
            evictable: self.scheduler.evictable_slots(),
            protected: self.scheduler.protected_slots(),
        }
    }
}
