//! The readable engine: one step at a time, everything recounted at every step. It runs any policy from its
//! [`crate::policy::Policy::plan`] and is the law for the fast engine, which must tell its observer exactly the same.

use std::collections::VecDeque;

use super::engine_trait::{Engine, ServerLoad, Turn};
use super::observer::{Event, Observer, ServerId};
use super::progress::{CatchesUp, Progress};
use super::telling::{tell_decision, tell_outcome};
use crate::policy::{Decision, Memory, Planner, StepPlan, taken_of};
use crate::step_time::{Paced, StepTime};
use crate::units::{Span, Time};
use crate::workload::{Request, RequestId};

/// Measured as the peak of a million requests that arrive at once: 190 to 210 under other engines' policies, 775 under
/// vLLM's scheduler with all that it keeps.
const BYTES_A_REQUEST: u64 = 800;

/// A server that takes every step by itself.
pub(super) struct ReferenceServer {
    planner: Box<dyn Planner>,
    memory: Memory,
    step_time: Paced,
    /// When the next decision is taken: at the end of the latest step, or at a later arrival.
    now: Time,
    /// Decided steps that have not ended, one after the other.
    in_flight: VecDeque<StepInFlight>,
    in_server: u64,
    /// Requests to take out before the next decision.
    given_up: Vec<RequestId>,
    /// When there will be something to decide, if that does not have to wait for the end of a step.
    wakes: Option<Time>,
    progress: Progress,
}

/// Where another engine is.
pub(super) struct Resumed {
    pub planner: Box<dyn Planner>,
    pub memory: Memory,
    pub step_time: Paced,
    pub now: Time,
    pub wakes: Option<Time>,
    /// What each holds, when it started, and how long it takes.
    pub in_flight: Vec<(StepPlan, Time, Span)>,
    pub in_server: u64,
    pub given_up: Vec<RequestId>,
}

struct StepInFlight {
    plan: StepPlan,
    start: Time,
    takes: Span,
}

impl StepInFlight {
    fn end(&self) -> Time {
        self.start + self.takes
    }
}

impl Engine for ReferenceServer {
    fn can_serve(&self, request: &Request) -> bool {
        self.taken_of(request.clone()).is_some()
    }

    fn submit(&mut self, request: Request, observer: &mut (impl Observer + ?Sized)) {
        let (id, arrival) = (request.id, request.arrival);
        if self.in_flight.is_empty() {
            self.now = self.now.max(arrival);
        }
        let input_tokens = request.prompt.tokens();
        let Some(request) = self.taken_of(request) else {
            return observer.on(arrival, id, &Event::Rejected);
        };
        self.planner.submit(request);
        self.in_server += 1;
        // An engine that waits for a step looks at its queue when the step has ended.
        if self.in_flight.is_empty() {
            self.wakes = Some(self.now);
        }
        observer.on(arrival, id, &Event::Arrived { input_tokens });
    }

    fn abort(&mut self, id: RequestId, at: Time) {
        self.given_up.push(id);
        if self.in_flight.is_empty() {
            self.now = self.now.max(at);
            self.wakes = Some(self.now);
        }
    }

    fn advance(&mut self, until: Time, observer: &mut (impl Observer + ?Sized)) {
        while self.advance_to_finish(until, observer) {}
    }

    fn advance_to_finish(&mut self, until: Time, observer: &mut (impl Observer + ?Sized)) -> bool {
        loop {
            match self.wakes {
                Some(time) if time >= until => return false,
                Some(time) => {
                    self.now = time;
                    self.decide(observer);
                }
                None => match self.in_flight.pop_front_if(|step| step.end() <= until) {
                    None => return false,
                    Some(step) => {
                        self.now = step.end();
                        self.wakes = Some(self.now);
                        if self.complete(&step, observer) {
                            return true;
                        }
                    }
                },
            }
        }
    }

    fn in_server(&self) -> u64 {
        self.in_server
    }

    fn bytes_a_request(&self) -> u64 {
        BYTES_A_REQUEST
    }

    fn next_event(&self) -> Option<Time> {
        self.wakes.or_else(|| self.in_flight.front().map(StepInFlight::end))
    }

    fn next_turn(&self) -> Option<Turn> {
        match self.wakes {
            Some(time) => Some(Turn::decision(time)),
            None => self.in_flight.front().map(|step| Turn::end(step.end())),
        }
    }

    fn load(&self) -> ServerLoad {
        let waiting = self.planner.waiting();
        let running = self.in_server as u32 - waiting.requests;
        ServerLoad::new(&self.memory, waiting, running, self.planner.used_blocks())
    }

    fn cached_tokens(&self, request: &Request) -> u32 {
        self.planner.cached_tokens(request)
    }

    fn slow_down(&mut self, factor: f64) {
        self.step_time.slow_down(factor);
    }
}

impl CatchesUp for ReferenceServer {
    fn catch_up(&mut self, progress: Progress, observer: &mut (impl Observer + ?Sized)) {
        while self.progress != progress {
            self.turn(observer);
        }
    }

    fn stop_at_decision(&mut self, observer: &mut (impl Observer + ?Sized)) {
        self.now = self.wakes.expect("a step is to be decided");
        self.let_go(observer);
    }
}

impl ReferenceServer {
    /// An empty server.
    pub(super) fn new(planner: Box<dyn Planner>, memory: Memory, step_time: Box<dyn StepTime>) -> Self {
        Self {
            planner,
            memory,
            step_time: Paced::new(step_time),
            now: Time::ZERO,
            in_flight: VecDeque::new(),
            in_server: 0,
            given_up: Vec::new(),
            wakes: None,
            progress: Progress::default(),
        }
    }

    /// A server that goes on where another one is, with steps in flight.
    pub(super) fn resumed(other: Resumed) -> Self {
        let step = |(plan, start, takes)| StepInFlight { plan, start, takes };
        Self {
            planner: other.planner,
            memory: other.memory,
            step_time: other.step_time,
            now: other.now,
            in_flight: other.in_flight.into_iter().map(step).collect(),
            in_server: other.in_server,
            given_up: other.given_up,
            wakes: other.wakes,
            progress: Progress::default(),
        }
    }

    /// How long its steps take.
    pub(super) fn into_step_time(self) -> Paced {
        self.step_time
    }

    /// Whatever comes next: a decision, or the end of a step.
    fn turn(&mut self, observer: &mut (impl Observer + ?Sized)) {
        if let Some(time) = self.wakes {
            self.now = time;
            return self.decide(observer);
        }
        let step = self.in_flight.pop_front().expect("a step is in flight");
        self.now = step.end();
        self.wakes = Some(self.now);
        self.complete(&step, observer);
    }

    /// Whether nothing is in it and nothing is to come.
    pub(super) fn is_idle(&self) -> bool {
        self.in_server == 0 && self.in_flight.is_empty() && self.wakes.is_none()
    }

    /// What it takes of a request that arrives; `None` if it rejects it.
    fn taken_of(&self, request: Request) -> Option<Request> {
        taken_of(request, self.memory.max_model_len, |request| {
            self.planner.can_ever_serve(request)
        })
    }

    /// Takes one decision, and says when the next is due.
    fn decide(&mut self, observer: &mut (impl Observer + ?Sized)) {
        self.let_go(observer);
        self.decide_step(observer);
    }

    /// Takes out who has given up.
    fn let_go(&mut self, observer: &mut (impl Observer + ?Sized)) {
        for id in self.given_up.drain(..) {
            if let Some(live) = self.planner.abort(id) {
                self.in_server -= 1;
                let waiting = live.scheduled.is_none() || live.is_preempted;
                observer.on(self.now, id, &Event::Aborted { waiting });
            }
        }
    }

    fn decide_step(&mut self, observer: &mut (impl Observer + ?Sized)) {
        let decision = self.planner.plan(self.now);
        if let Some(moved) = self.planner.moved() {
            observer.moved(ServerId(0), self.now, &moved);
        }
        match decision {
            Decision::Idle => self.wakes = None,
            Decision::WaitUntil(time) => self.wakes = Some(time),
            Decision::Step(plan) => {
                let is_empty = plan.scheduled.is_empty();
                self.start(plan, observer);
                // If everyone was preempted only the end of a step can change that, or else the next decision.
                let waits = if is_empty {
                    !self.in_flight.is_empty()
                } else {
                    self.in_flight.len() as u64 == self.planner.steps_in_flight()
                };
                self.wakes = (!waits).then_some(self.now);
            }
        }
    }

    /// Tells who was preempted and admitted, and sets the step in flight.
    fn start(&mut self, plan: StepPlan, observer: &mut (impl Observer + ?Sized)) {
        tell_decision(&plan, self.now, observer);
        if plan.scheduled.is_empty() {
            return;
        }
        let takes = plan.held + self.step_time.step(&plan.shape);
        let start = match self.in_flight.back() {
            Some(before) => before.end(),
            None if self.planner.steps_in_flight() > 1 => self.now + self.step_time.launch(&plan.shape),
            None => self.now,
        };
        self.in_flight.push_back(StepInFlight { plan, start, takes });
        self.progress.decided += 1;
    }

    /// Hands out the tokens of a step that has just ended; true if a request finished.
    fn complete(&mut self, step: &StepInFlight, observer: &mut (impl Observer + ?Sized)) -> bool {
        self.check(&step.plan);
        self.progress.ended += 1;
        let outcome = self.planner.complete(&step.plan, self.now);
        let finished = outcome.finished.len() as u64;
        self.in_server -= finished;
        tell_outcome(&step.plan, outcome, (step.start, step.takes), observer);
        finished > 0
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
