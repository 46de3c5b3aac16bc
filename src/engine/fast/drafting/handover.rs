//! How the readable engine takes over where this one is.

use super::decided::DecidedStep;
use super::scheduler::FastDrafting;
use crate::engine::fast::FastServer;
use crate::engine::reference::ReferenceServer;
use crate::policy::vllm::{ContinuousBatching, RunningRequest, ScheduledPart, VllmPlan};
use crate::policy::{Memory, Planner, ScheduledAs, StepPlan};
use crate::step_time::Paced;

impl FastServer<FastDrafting> {
    /// The same server under the readable engine, which goes on with whatever this one has decided.
    pub(in crate::engine) fn into_stepping(self) -> ReferenceServer {
        self.into_readable(planner_of)
    }

    /// An empty server with drafts, whose steps take as long as those of another.
    pub(in crate::engine) fn of_drafts(scheduler: FastDrafting, step_time: Paced) -> Self {
        let (longest, most) = (scheduler.memory.max_model_len, scheduler.rules.steps_in_flight());
        Self::paced(scheduler, longest, most, step_time)
    }
}

/// The planner that knows what this one knows, the memory, and what steps in flight hold.
fn planner_of(drafting: FastDrafting) -> (Box<dyn Planner>, Memory, Vec<StepPlan>) {
    let mut planner = ContinuousBatching::new(drafting.rules.clone(), drafting.memory.clone());
    for &seat in &drafting.running {
        let (live, drafter) = (&drafting.seats[seat].live, &drafting.drafters[seat as usize]);
        planner.run_on(RunningRequest {
            live: live.clone(),
            placeholders: drafter.placeholders,
            in_flight: drafter.in_flight,
            drafts: drafter.drafts,
            proposals: drafter.proposals,
            verifications: drafter.verifications,
            is_prefilling: drafter.is_prefilling,
            named_tokens: drafter.named,
        });
    }
    for seat in drafting.waiting.iter() {
        planner.submit(drafting.seats[seat].live.request.clone());
    }
    let first = drafting.decided.front();
    let second = drafting.decided.back().filter(|_| drafting.decided.count() > 1);
    let mut plans = Vec::new();
    for decided in first.into_iter().chain(second) {
        planner.await_step(plan_of(decided));
        plans.push(StepPlan {
            used_blocks: decided.used_blocks,
            empty_slots: decided.empty,
            ..StepPlan::default()
        });
    }
    (Box::new(planner), drafting.memory, plans)
}

/// What a step holds whose tokens are still to come.
fn plan_of(decided: &DecidedStep) -> VllmPlan {
    let parts = decided.parts.iter().map(|part| ScheduledPart {
        id: part.id,
        kind: ScheduledAs::Running,
        tokens: part.tokens,
        computed_before: 0,
        hit: 0,
        external: 0,
        drafts: part.drafts,
        padded: part.padded,
        samples: part.samples,
    });
    VllmPlan {
        scheduled: parts.collect(),
        ..VllmPlan::default()
    }
}
