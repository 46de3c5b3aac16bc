//! The scheduler as the readable engine drives it: one step at a time, each decided when the one before has ended or,
//! with the overlap schedule, when the one before that has.

use rustc_hash::FxHashMap;

use super::decision::{RowKind, SglangDecision, SglangRow};
use super::scheduler::SglangScheduler;
use super::settings::SglangSettings;
use crate::policy::live::{Live, Memory};
use crate::policy::planner::{Planner, Waiting};
use crate::policy::step_plan::{Decision, Produced, Scheduled, ScheduledAs, StepOutcome, StepPlan};
use crate::units::Time;
use crate::workload::{Request, RequestId};

/// The scheduler, and the history of each request inside it whose client is still there.
pub(super) struct SglangBatching {
    scheduler: SglangScheduler,
    histories: FxHashMap<RequestId, Live>,
    steps_in_flight: u64,
    block_tokens: u64,
}

impl SglangBatching {
    pub(super) fn new(settings: SglangSettings, memory: &Memory) -> Self {
        Self {
            steps_in_flight: if settings.overlap_schedule { 2 } else { 1 },
            scheduler: SglangScheduler::new(settings, memory),
            histories: FxHashMap::default(),
            block_tokens: memory.block_tokens.into(),
        }
    }

    fn step(&mut self, decision: &SglangDecision, now: Time) -> StepPlan {
        let mut plan = StepPlan::default();
        for id in decision.preempted.iter().chain(&decision.retracted) {
            if let Some(live) = self.histories.get_mut(id) {
                live.preemptions += 1;
                live.is_preempted = true;
                plan.preempted.push(*id);
            }
        }
        for row in &decision.rows {
            let (kind, all) = self.note(row, now);
            plan.scheduled.push(Scheduled {
                id: row.id,
                kind,
                tokens: row.tokens,
                computed_before: row.before,
                lacking: all - row.before,
            });
            plan.shape.add(row.before, row.tokens, all);
        }
        plan.used_blocks = self.used_blocks();
        plan.empty_slots = u64::from(plan.used_blocks) * self.block_tokens - self.scheduler.filled_slots();
        plan
    }

    /// Notes what a request computes and what it found in the cache. Returns all tokens that it will have to compute,
    /// those that a step in flight is going to sample included.
    fn note(&mut self, row: &SglangRow, now: Time) -> (ScheduledAs, u32) {
        let end = row.before + row.tokens;
        let Some(live) = self.histories.get_mut(&row.id) else {
            return (ScheduledAs::Running, end); // Its client has left.
        };
        let kind = match row.kind {
            RowKind::New => {
                live.scheduled = Some(now);
                live.cached = row.before;
                ScheduledAs::New
            }
            RowKind::Resumed => {
                // What it had computed before and does not find is computed again.
                live.recomputed += u64::from(live.computed.saturating_sub(row.before));
                ScheduledAs::Resumed
            }
            RowKind::Chunk | RowKind::Decode => ScheduledAs::Running,
        };
        live.is_preempted = false;
        live.computed = end;
        (kind, live.num_tokens().max(end))
    }
}

impl Planner for SglangBatching {
    fn can_ever_serve(&self, request: &Request) -> bool {
        self.scheduler.can_ever_serve(request)
    }

    fn submit(&mut self, request: Request) {
        let (taken, _) = self.scheduler.submit(request);
        self.histories.insert(taken.id, Live::new(taken));
    }

    /// A running request keeps its place up to its next token, though its client has left.
    fn abort(&mut self, id: RequestId) -> Option<Live> {
        self.scheduler.abort(id);
        self.histories.remove(&id)
    }

    fn steps_in_flight(&self) -> u64 {
        self.steps_in_flight
    }

    fn plan(&mut self, now: Time) -> Decision {
        let decision = self.scheduler.decide();
        if decision.kind.is_none() && decision.preempted.is_empty() {
            return Decision::Idle;
        }
        Decision::Step(self.step(&decision, now))
    }

    fn waiting(&self) -> Waiting {
        let waiting = self.scheduler.waiting().filter_map(|id| self.histories.get(&id));
        Waiting::of(waiting.map(|live| &live.request))
    }

    fn used_blocks(&self) -> u32 {
        self.scheduler.used_slots().div_ceil(self.block_tokens) as u32
    }

    fn cached_tokens(&self, request: &Request) -> u32 {
        self.scheduler.cached_tokens(request)
    }

    fn complete(&mut self, _plan: &StepPlan, end: Time) -> StepOutcome {
        let mut outcome = StepOutcome::default();
        // Who finishes now runs still.
        let waiting = if self.scheduler.requests() == self.histories.len() {
            self.scheduler.waiting().len() as u32
        } else {
            self.waiting().requests // Some wait whose clients have left.
        };
        let running = self.histories.len() as u32 - waiting;
        for output in self.scheduler.end_step() {
            let Some(live) = self.histories.get_mut(&output.id) else {
                continue;
            };
            if !live.request.is_prompt_only {
                outcome.produced.push(Produced {
                    id: output.id,
                    previous: live.last_token,
                    more: 0,
                });
            }
            live.generated += 1;
            live.note_token(end, running);
            if output.finished.is_some() {
                outcome.finished.extend(self.histories.remove(&output.id));
            }
        }
        outcome
    }
}
