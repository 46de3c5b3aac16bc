//! A scheduler's log: what each step held, in full. It drives a policy directly, step by step, in the way that vLLM's own scheduler is
//! driven when its decisions are recorded, so that the two logs can be laid side by side.

use crate::engine::{End, ServerSettings};
use crate::policy::{Decision, Live, Queue, StepPlan, cut_to_model_length};
use crate::step_time::StepTime;
use crate::units::{Span, Time};
use crate::workload::{Request, RequestId};

/// How time goes on from step to step.
pub enum Clock<'a> {
    /// Every step takes one unit, also one that holds nothing: a request's arrival is the number of a step.
    Counted,
    /// Steps take their time, and an idle server jumps to the next arrival.
    Timed(&'a dyn StepTime),
}

/// What each step held, and when each request finished.
pub struct StepLog {
    /// The steps in order.
    pub steps: Vec<LoggedStep>,
    /// The finished requests, in the order of finishing.
    pub finished: Vec<Live>,
}

/// What one step held.
pub struct LoggedStep {
    /// When it was decided.
    pub start: Time,
    /// When it ended.
    pub end: Time,
    /// Requests that arrived before it.
    pub added: Vec<RequestId>,
    /// The queue before it.
    pub waiting_before: Vec<RequestId>,
    /// The running requests before it.
    pub running_before: Vec<RequestId>,
    /// The step itself.
    pub plan: StepPlan,
    /// Blocks that hold no tokens, once its blocks are taken.
    pub free_after_schedule: u32,
    /// Who produced a token.
    pub emitted: Vec<RequestId>,
    /// Who finished, and why.
    pub finished: Vec<(RequestId, End)>,
    /// The queue after it.
    pub waiting_after: Vec<RequestId>,
    /// The running requests after it.
    pub running_after: Vec<RequestId>,
    /// Blocks that hold no tokens after it.
    pub free_after_update: u32,
}

/// The unit of a counted clock.
pub const COUNTED_STEP: Span = Span::from_micros(1);

/// Logs the steps that serve `requests`, given in the order of arrival, up to the last finish, or until nothing can happen any more.
pub fn log_steps(settings: &ServerSettings, requests: &[Request], clock: &Clock<'_>) -> StepLog {
    let mut policy = settings.policy.policy();
    let mut queue = Queue::new(settings.memory());
    let mut to_come = requests.iter().peekable();
    let mut log = StepLog {
        steps: Vec::new(),
        finished: Vec::new(),
    };
    let mut now = Time::ZERO;
    loop {
        let mut added = Vec::new();
        while let Some(request) = to_come.next_if(|request| request.arrival <= now) {
            added.push(request.id);
            let request = cut_to_model_length(request.clone(), settings.max_model_len);
            queue.waiting.push_back(Live::new(request));
        }
        let before = (ids(&queue.waiting), ids(&queue.running));
        let plan = match policy.plan(&mut queue, now) {
            Decision::Step(plan) => plan,
            Decision::Idle | Decision::WaitUntil(_) => StepPlan {
                used_blocks: queue.used_blocks(),
                ..StepPlan::default()
            },
        };
        let idle = plan.scheduled.is_empty() && plan.preempted.is_empty();
        if idle && added.is_empty() {
            match (clock, to_come.peek()) {
                (_, None) => return log,
                (Clock::Counted, Some(_)) => {}
                (Clock::Timed(_), Some(next)) => {
                    now = next.arrival;
                    continue;
                }
            }
        }
        let start = now;
        now += step_span(clock, &plan);
        let step = end_step(
            &mut queue,
            plan,
            (start, now),
            added,
            before,
            &mut log.finished,
        );
        log.steps.push(step);
        if to_come.len() == 0 && queue.waiting.is_empty() && queue.running.is_empty() {
            return log;
        }
    }
}

fn step_span(clock: &Clock<'_>, plan: &StepPlan) -> Span {
    match clock {
        Clock::Counted => COUNTED_STEP,
        Clock::Timed(_) if plan.scheduled.is_empty() => Span::ZERO,
        Clock::Timed(step_time) => step_time.step(&plan.shape),
    }
}

fn end_step(
    queue: &mut Queue,
    plan: StepPlan,
    (start, end): (Time, Time),
    added: Vec<RequestId>,
    (waiting_before, running_before): (Vec<RequestId>, Vec<RequestId>),
    all_finished: &mut Vec<Live>,
) -> LoggedStep {
    let free_after_schedule = queue.memory.usable_blocks - plan.used_blocks;
    let produced = queue.compute(&plan, end);
    let mut finished = Vec::new();
    for live in queue.take_complete(plan.respond_together) {
        let end = if live.request.stops {
            End::Stop
        } else {
            End::Length
        };
        finished.push((live.request.id, end));
        all_finished.push(live);
    }
    LoggedStep {
        start,
        end,
        added,
        waiting_before,
        running_before,
        plan,
        free_after_schedule,
        emitted: produced.iter().map(|token| token.id).collect(),
        finished,
        waiting_after: ids(&queue.waiting),
        running_after: ids(&queue.running),
        free_after_update: queue.free_blocks(),
    }
}

fn ids<'a>(requests: impl IntoIterator<Item = &'a Live>) -> Vec<RequestId> {
    requests.into_iter().map(|live| live.request.id).collect()
}
