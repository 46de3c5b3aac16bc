//! The readable engine: one step at a time, everything recounted at every step. It runs any policy from its [`Policy::plan`] and is
//! the law for the fast engine, which must tell its observer exactly the same.

use super::{Engine, Event, Finished, Observer, ServerSettings, StepRun};
use crate::kv::KvGrowth;
use crate::policy::{Decision, Kind, Live, Policy, Produced, Queue, StepPlan, cut_to_model_length};
use crate::step_time::{Ramp, StepTime};
use crate::units::{Span, Time};
use crate::workload::Request;

/// A server that takes every step by itself.
pub fn reference(settings: &ServerSettings, step_time: Box<dyn StepTime>) -> Box<dyn Engine> {
    Box::new(ReferenceServer {
        policy: settings.policy.policy(),
        queue: Queue::new(settings.memory()),
        step_time,
        now: Time::ZERO,
        in_flight: None,
        wakes: None,
    })
}

struct ReferenceServer {
    policy: Box<dyn Policy>,
    queue: Queue,
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
        if input_tokens >= self.queue.memory.max_model_len {
            return observer.on(arrival, id, &Event::Rejected);
        }
        let request = cut_to_model_length(request, self.queue.memory.max_model_len);
        if !self.policy.can_ever_serve(&request, &self.queue) {
            return observer.on(arrival, id, &Event::Rejected);
        }
        self.queue.waiting.push_back(Live::new(request));
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
            match self.policy.plan(&mut self.queue, self.now) {
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
                let live = find(&self.queue.running, part.id.0);
                let event = Event::Admitted {
                    resumed: part.kind == Kind::Resumed,
                    tokens: live.num_tokens(),
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
        let together = step.plan.respond_together;
        let mut produced = self.queue.compute(&step.plan, self.now);
        if together {
            produced.clear(); // The tokens stay with the server until the batch has ended.
        }
        let one_step_after = |token: &&Produced| token.previous == Some(step.start);
        observer.ran(&StepRun {
            start: step.start,
            steps: 1,
            ramp: Ramp::single(step.takes),
            takes: step.takes,
            shape: step.plan.shape,
            streaming: produced.iter().filter(one_step_after).count() as u32,
            kv: KvGrowth::constant(step.plan.used_blocks),
        });
        for token in produced {
            match token.previous {
                None => observer.on(self.now, token.id, &Event::FirstToken),
                Some(previous) if previous != step.start => {
                    let gap = self.now - previous;
                    observer.on(self.now, token.id, &Event::Token { gap });
                }
                Some(_) => {}
            }
        }
        let finished = self.queue.take_complete(together);
        for live in &finished {
            let event = Event::Finished(Finished::of(live, self.now, !together));
            observer.on(self.now, live.request.id, &event);
        }
        !finished.is_empty()
    }

    /// Memory is never oversold, and every running request has room for what it has computed.
    fn check(&self, plan: &StepPlan) {
        assert!(
            plan.used_blocks <= self.queue.memory.usable_blocks,
            "no more blocks are used than there are"
        );
        assert!(
            plan.shape.sequences as usize >= plan.scheduled.len(),
            "every scheduled request is paid for"
        );
    }
}

fn find(running: &[Live], id: u64) -> &Live {
    let live = running.iter().find(|live| live.request.id.0 == id);
    live.expect("a scheduled request runs")
}
