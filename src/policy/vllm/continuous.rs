//! The scheduler as the readable engine drives it: one step at a time, each decided when the one before has ended or,
//! when scheduling is asynchronous, when the one before that has.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::links::TransferLinks;
use super::plan::{ScheduledPart, VllmPlan};
use super::resume::RunningRequest;
use super::scheduler::VllmScheduler;
use super::settings::ContinuousSettings;
use crate::policy::live::{Live, Memory};
use crate::policy::planner::{Moved, Planner, Waiting};
use crate::policy::step_plan::{Decision, Produced, Scheduled, ScheduledAs, StepOutcome, StepPlan};
use crate::units::{Span, Time};
use crate::workload::{Request, RequestId};

/// The scheduler, and the history of each request inside it.
pub struct ContinuousBatching {
    scheduler: VllmScheduler,
    histories: FxHashMap<RequestId, Live>,
    /// The decisions whose steps have not ended.
    decided: VecDeque<VllmPlan>,
    steps_in_flight: u64,
    /// Whether steps verify drafts.
    drafts: bool,
    /// What is under way between GPU and CPU, if KV cache is kept there too.
    links: Option<TransferLinks>,
}

impl ContinuousBatching {
    /// An empty server.
    pub fn new(settings: ContinuousSettings, memory: Memory) -> Self {
        Self {
            steps_in_flight: settings.steps_in_flight(),
            drafts: settings.speculative.is_some(),
            links: settings.offload.as_ref().map(TransferLinks::new),
            scheduler: VllmScheduler::new(settings, memory),
            histories: FxHashMap::default(),
            decided: VecDeque::new(),
        }
    }

    /// Takes over a request that has run under another engine, in whose server nobody has been preempted and nobody
    /// shares anything.
    pub fn run_on(&mut self, running: RunningRequest) {
        self.scheduler.run_on(&running);
        self.histories.insert(running.live.request.id, running.live);
    }

    /// Takes over a step that another engine has decided and that has not ended.
    pub fn await_step(&mut self, decided: VllmPlan) {
        self.decided.push_back(decided);
    }

    /// Reports transfers that have ended.
    fn end_transfers(&mut self, now: Time) {
        if let Some(links) = &mut self.links {
            self.scheduler.end_transfers(&links.ended(now));
        }
    }

    /// Nobody computes: as long as anything moves, its end may change that. Empty steps go round in no time.
    fn wait_for_transfers(&mut self, now: Time) -> Decision {
        let Some(links) = &mut self.links else {
            return Decision::Idle;
        };
        links.begin_stores(now);
        links.next_end().map_or(Decision::Idle, Decision::WaitUntil)
    }

    fn history(&mut self, id: RequestId) -> &mut Live {
        let history = self.histories.get_mut(&id);
        history.expect("a request inside has a history")
    }

    /// Notes what a scheduled request computes and what it found in the cache. Returns all tokens it will have to
    /// compute, those that a step in flight is going to sample included.
    fn note(&mut self, part: &ScheduledPart, now: Time) -> u32 {
        let live = self.history(part.id);
        live.is_preempted = false;
        match part.kind {
            ScheduledAs::Running => {}
            ScheduledAs::New => {
                live.scheduled = Some(now);
                live.cached = part.computed_before;
            }
            // What it had computed before and does not find is computed again.
            ScheduledAs::Resumed => live.recomputed += u64::from(live.computed.saturating_sub(part.computed_before)),
        }
        live.computed = part.computed_before + part.tokens;
        if part.padded {
            return live.num_tokens(); // What only fills the row up is nothing that it lacked.
        }
        live.num_tokens().max(live.computed)
    }
}

impl Planner for ContinuousBatching {
    fn can_ever_serve(&self, _request: &Request) -> bool {
        // vLLM does not know how long an output will be: it refuses to start if one request of the maximum length does
        // not fit, and takes every request that is not too long for the model.
        true
    }

    fn submit(&mut self, request: Request) {
        self.histories.insert(request.id, Live::new(request.clone()));
        self.scheduler.submit(request);
    }

    fn abort(&mut self, id: RequestId) -> Option<Live> {
        self.scheduler.abort(id);
        self.histories.remove(&id)
    }

    fn steps_in_flight(&self) -> u64 {
        self.steps_in_flight
    }

    fn plan(&mut self, now: Time) -> Decision {
        self.end_transfers(now);
        if let Some(links) = &mut self.links {
            links.begin_stores(now);
        }
        let decided = self.scheduler.schedule();
        let links = self.links.as_mut();
        let held = links.map_or(Span::ZERO, |links| links.begin(&decided.transfers, now));
        if decided.scheduled.is_empty() && decided.preempted.is_empty() {
            return self.wait_for_transfers(now);
        }
        let pool = self.scheduler.pool();
        let mut plan = StepPlan {
            used_blocks: pool.usable() - pool.free_count(),
            empty_slots: self.scheduler.empty_slots(),
            preempted: decided.preempted.clone(),
            held,
            scheduled: Vec::with_capacity(decided.scheduled.len()),
            ..StepPlan::default()
        };
        for &id in &decided.preempted {
            let live = self.history(id);
            live.preemptions += 1;
            live.is_preempted = true;
        }
        for part in &decided.scheduled {
            let all = self.note(part, now);
            plan.scheduled.push(Scheduled {
                id: part.id,
                kind: part.kind,
                tokens: part.tokens,
                computed_before: part.computed_before,
                lacking: all - part.computed_before,
            });
            if part.drafts > 0 {
                plan.shape.add_verification(part.computed_before, part.drafts);
            } else {
                plan.shape.add(part.computed_before, part.tokens, all);
            }
        }
        if !decided.scheduled.is_empty() {
            self.decided.push_back(decided);
        }
        Decision::Step(plan)
    }

    fn waiting(&self) -> Waiting {
        Waiting::of(self.scheduler.waiting().map(|member| &member.request))
    }

    fn used_blocks(&self) -> u32 {
        let pool = self.scheduler.pool();
        pool.usable() - pool.free_count()
    }

    fn cached_tokens(&self, request: &Request) -> u32 {
        self.scheduler.cached_tokens(request)
    }

    fn moved(&mut self) -> Option<Moved> {
        let cpu_blocks = self.scheduler.cpu_blocks() as u32;
        let moved = self.links.as_mut()?.take_moved();
        Some(Moved { cpu_blocks, ..moved })
    }

    fn complete(&mut self, _plan: &StepPlan, end: Time) -> StepOutcome {
        let decided = self.decided.pop_front().expect("a step was decided");
        let mut outcome = StepOutcome {
            produced: Vec::with_capacity(decided.scheduled.len()),
            finished: Vec::new(),
        };
        // Who finishes now runs still.
        let running = self.scheduler.running().len() as u32;
        let drafts = self.drafts;
        for output in self.scheduler.update(&decided) {
            let live = self.history(output.id);
            if !live.request.is_prompt_only {
                outcome.produced.push(Produced {
                    id: output.id,
                    previous: live.last_token,
                    more: output.tokens - 1,
                });
            }
            live.generated += output.tokens;
            if drafts {
                live.note_drafts(output.drafts, output.accepted);
            }
            live.note_token(end, running);
            if output.finished.is_some() {
                outcome.finished.extend(self.histories.remove(&output.id));
            }
        }
        self.end_transfers(end);
        outcome
    }
}
