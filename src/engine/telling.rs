//! What a step that was planned request by request tells an observer.

use super::observer::{Event, Finished, Observer, ServerId, StepRun};
use crate::kv::KvGrowth;
use crate::policy::{Produced, ScheduledAs, StepOutcome, StepPlan};
use crate::step_time::Ramp;
use crate::units::{Span, Time};

/// Tells who was preempted and who was admitted at `now`.
pub(super) fn tell_decision(plan: &StepPlan, now: Time, observer: &mut (impl Observer + ?Sized)) {
    for &id in &plan.preempted {
        observer.on(now, id, &Event::Preempted);
    }
    for part in &plan.scheduled {
        if part.kind != ScheduledAs::Running {
            let event = Event::Admitted {
                resumed: part.kind == ScheduledAs::Resumed,
                tokens: part.lacking,
            };
            observer.on(now, part.id, &event);
        }
    }
}

/// Tells what a step has brought that started at `start` and took `takes`.
pub(super) fn tell_outcome(
    plan: &StepPlan,
    outcome: StepOutcome,
    (start, takes): (Time, Span),
    observer: &mut (impl Observer + ?Sized),
) {
    let now = start + takes;
    let one_step_after = |token: &&Produced| token.previous == Some(start);
    observer.ran(&StepRun {
        start,
        steps: 1,
        ramp: Ramp::single(takes),
        takes,
        shape: &plan.shape,
        streaming: outcome.produced.iter().filter(one_step_after).count() as u32,
        kv: KvGrowth::constant(plan.used_blocks, plan.empty_slots),
    });
    for token in outcome.produced {
        match token.previous {
            None => observer.on(now, token.id, &Event::FirstToken),
            Some(previous) if previous != start => {
                let gap = now - previous;
                observer.on(now, token.id, &Event::Token { gap });
            }
            Some(_) => {}
        }
        if token.more > 0 {
            observer.drafted(ServerId(0), now, token.id, token.more);
        }
    }
    for live in &outcome.finished {
        let event = Event::Finished(Finished::of(live, now, !plan.respond_together));
        observer.on(now, live.request.id, &event);
    }
}
