//! The readable engine: one step at a time, everything recounted at every step. It runs any policy from its [`crate::policy::Policy::plan`] and is
//! the law for the fast engine, which must tell its observer exactly the same.

use super::{Engine, Event, Finished, Observer, ServerSettings, StepRun};
use crate::kv::KvGrowth;
use crate::policy::{Decision, Kind, Memory, Planner, Produced, StepPlan, cut_to_model_length};
use crate::step_time::{Ramp, StepTime};
use crate::units::{Span, Time};
use crate::workload::Request;

/// A server that takes every step by itself.
pub fn reference(settings: &ServerSettings, step_time: Box<dyn StepTime>) -> Box<dyn Engine> {
    Box::new(ReferenceServer {
        planner: settings.policy.planner(settings.memory()),
        memory: settings.memory(),
        step_time,
        now: Time::ZERO,
        in_flight: None,
        wakes: None,
    })
}

struct ReferenceServer {
    planner: Box<dyn Planner>,
    memory: Memory,
    step_time: Box<dyn StepTime>,
    /// Up to when everything is decided: the end of the latest step, or a later arrival.
    now: Time,
    in_flight: Option<StepInFlight>,
    /// With no step in flight: when there will be something to decide, if ever.
    wakes: Option<Time>,
}

struct StepInFlight {
    plan: StepPlan,
    start: Time,
    takes: Span,
}

impl Engine for ReferenceServer {
    fn submit(&mut self, request: Request, observer: &mut dyn Observer) {
        let (id, arrival) = (request.id, request.arrival);
        if self.in_flight.is_none() {
            self.now = self.now.max(arrival);
        }
        let input_tokens = request.prompt.tokens();
        if input_tokens >= self.memory.max_model_len {
            return observer.on(arrival, id, &Event::Rejected);
        }
        let request = cut_to_model_length(request, self.memory.max_model_len);
        if !self.planner.can_ever_serve(&request) {
            return observer.on(arrival, id, &Event::Rejected);
        }
        self.planner.submit(request);
        self.wakes = Some(self.now);
        observer.on(arrival, id, &Event::Arrived { input_tokens });
    }

    fn advance(&mut self, until: Time, observer: &mut dyn Observer) {
        while self.advance_to_finish(until, observer) {}
    }

    fn advance_to_finish(&mut self, until: Time, observer: &mut dyn Observer) -> bool {
        loop {
            if let Some(step) = self.in_flight.take() {
                let end = step.start + step.takes;
                if end > until {
                    self.in_flight = Some(step);
                    return false;
                }
                self.now = end;
                if self.complete(&step, observer) {
                    return true;
                }
            }
            self.wakes = Some(self.now);
            if self.now >= until {
                return false;
            }
            match self.planner.plan(self.now) {
                Decision::Idle => {
                    self.wakes = None;
                    return false;
                }
                Decision::WaitUntil(time) if time >= until => {
                    self.wakes = Some(time);
                    return false;
                }
                Decision::WaitUntil(time) => self.now = time,
                Decision::Step(plan) => self.start(plan, observer),
            }
        }
    }

    fn next_event(&self) -> Option<Time> {
        let end = self.in_flight.as_ref().map(|step| step.start + step.takes);
        end.or(self.wakes)
    }
}

impl ReferenceServer {
    /// Tells who was preempted and admitted, and sets the step in flight.
    fn start(&mut self, plan: StepPlan, observer: &mut dyn Observer) {
        for &id in &plan.preempted {
            observer.on(self.now, id, &Event::Preempted);
        }
        for part in &plan.scheduled {
            if part.kind != Kind::Running {
                let event = Event::Admitted {
                    resumed: part.kind == Kind::Resumed,
                    tokens: part.lacking,
                };
                observer.on(self.now, part.id, &event);
            }
        }
        if plan.scheduled.is_empty() {
            return; // Everyone was preempted: the next step is decided at once.
        }
        let takes = self.step_time.step(&plan.shape);
        self.in_flight = Some(StepInFlight {
            plan,
            start: self.now,
            takes,
        });
    }

    /// Hands out the tokens of a step that has just ended; true if a request finished.
    fn complete(&mut self, step: &StepInFlight, observer: &mut dyn Observer) -> bool {
        self.check(&step.plan);
        let outcome = self.planner.complete(&step.plan, self.now);
        let one_step_after = |token: &&Produced| token.previous == Some(step.start);
        observer.ran(&StepRun {
            start: step.start,
            steps: 1,
            ramp: Ramp::single(step.takes),
            takes: step.takes,
            shape: step.plan.shape,
            streaming: outcome.produced.iter().filter(one_step_after).count() as u32,
            kv: KvGrowth::constant(step.plan.used_blocks),
        });
        for token in outcome.produced {
            match token.previous {
                None => observer.on(self.now, token.id, &Event::FirstToken),
                Some(previous) if previous != step.start => {
                    let gap = self.now - previous;
                    observer.on(self.now, token.id, &Event::Token { gap });
                }
                Some(_) => {}
            }
        }
        for live in &outcome.finished {
            let event = Event::Finished(Finished::of(live, self.now, !step.plan.respond_together));
            observer.on(self.now, live.request.id, &event);
        }
        !outcome.finished.is_empty()
    }

    /// Memory is never oversold, and every running request has room for what it has computed.
    fn check(&self, plan: &StepPlan) {
        assert!(
            plan.used_blocks <= self.memory.usable_blocks,
            "no more blocks are used than there are"
        );
        assert!(
            plan.shape.sequences as usize >= plan.scheduled.len(),
            "every scheduled request is paid for"
        );
    }
}
