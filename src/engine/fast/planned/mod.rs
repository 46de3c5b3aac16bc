//! Any policy that plans by counts ([`crate::policy::Queue`]), in leaps: those who decode are kept as one. Where a plan
//! depends on the order among them, one step is planned over plain queues.

mod counts;

use super::decided::DecidedSteps;
use super::scheduler::{Moment, NextSteps, Scheduler, Steps};
use super::seats::Seat;
use crate::engine::engine_trait::ServerLoad;
use crate::engine::observer::{Event, Finished, Observer};
use crate::engine::telling::{tell_decision, tell_outcome};
use crate::kv::KvGrowth;
use crate::policy::{Decision, Live, Memory, OrderMatters, PlainQueue, Policy, Queue, ScheduledAs, StepPlan, Waiting};
use crate::step_time::StepShape;
use crate::units::Time;
use crate::workload::{Request, RequestId};
use counts::QueueOfCounts;

/// A policy over queues that are kept as counts.
pub(in crate::engine) struct FastPlanned {
    policy: Box<dyn Policy>,
    queue: QueueOfCounts,
    reserves: bool,
    /// Blocks in use in the step that is being decided.
    used_blocks: u32,
    decided: DecidedSteps,
    /// The queues, and what was planned over them, while a step is under way that was planned request by request.
    listed: Option<(PlainQueue, StepPlan)>,
    /// Decoders that get a token after a pause, and when they got their latest.
    paused: Vec<(RequestId, Time)>,
}

impl FastPlanned {
    /// An empty server.
    pub(in crate::engine) fn new(policy: Box<dyn Policy>, memory: Memory) -> Self {
        let reserves = policy.reserves();
        Self {
            queue: QueueOfCounts::new(memory, reserves),
            policy,
            reserves,
            used_blocks: 0,
            decided: DecidedSteps::default(),
            listed: None,
            paused: Vec::new(),
        }
    }

    /// Plans a step over plain queues.
    fn plan_one_by_one(
        &mut self,
        now: Time,
        shape: &mut StepShape,
        observer: &mut (impl Observer + ?Sized),
    ) -> NextSteps {
        let mut queues = self.queue.list();
        let decision = self.policy.plan(&mut queues, now);
        let mut plan = match decision.expect("plain queues are gone through one by one") {
            Decision::Step(plan) => plan,
            Decision::Idle => {
                self.queue.resume(queues);
                return NextSteps::Idle;
            }
            Decision::WaitUntil(time) => {
                self.queue.resume(queues);
                return NextSteps::WaitUntil(time);
            }
        };
        queues.note_empty_slots(&mut plan);
        tell_decision(&plan, now, observer);
        self.note_waiting(&queues, &plan);
        if plan.scheduled.is_empty() {
            self.queue.resume(queues);
            return NextSteps::Again;
        }
        *shape = plan.shape;
        self.listed = Some((queues, plan));
        NextSteps::Run(1)
    }

    /// Counts who waits anew after a plan over plain queues.
    fn note_waiting(&mut self, queues: &PlainQueue, plan: &StepPlan) {
        let tokens_of = |id: RequestId| {
            let mut all = queues.running.iter().chain(&queues.waiting);
            let live = all.find(|live| live.request.id == id).expect("it is inside");
            u64::from(live.request.prompt.tokens())
        };
        let admitted = plan.scheduled.iter().filter(|part| part.kind != ScheduledAs::Running);
        let left = admitted.map(|part| tokens_of(part.id)).sum();
        let joined = plan.preempted.iter().map(|&id| tokens_of(id)).sum();
        self.queue.note_waiting(joined, left);
    }

    /// Takes over a plan that was made over counts.
    fn start(
        &mut self,
        plan: &StepPlan,
        at: Moment,
        shape: &mut StepShape,
        observer: &mut (impl Observer + ?Sized),
    ) -> NextSteps {
        for &seat in &self.queue.admitted {
            let live = &self.queue.seats[seat].live;
            let event = Event::Admitted {
                resumed: ScheduledAs::admitted(live) == ScheduledAs::Resumed,
                tokens: live.num_tokens(),
            };
            observer.on(at.now, live.request.id, &event);
        }
        *shape = plan.shape;
        self.used_blocks = plan.used_blocks;
        // Who decodes after a pause gets a token with a gap of its own.
        if !self.queue.chunks.is_empty() || !self.queue.are_abreast(at.decided_until) {
            return NextSteps::Run(1);
        }
        let holds_for = self.policy.holds_for(&self.queue);
        let steps = self.queue.steps_alike(holds_for.spare_blocks);
        NextSteps::Run(steps.min(holds_for.steps))
    }

    fn growth(&self, first: &DecidedSteps) -> KvGrowth<'_> {
        if self.reserves {
            return KvGrowth {
                fills: first.decoding,
                ..KvGrowth::constant(first.used_blocks, first.empty)
            };
        }
        self.queue.decoders.growth(first.clock, first.used_blocks, first.empty)
    }

    /// Notes the decoders that get a token after a pause, in the order of admission, and when each got its latest.
    fn note_paused(&mut self, start: Time) {
        self.paused.clear();
        if !self.queue.decodes || self.decided.steps > 1 || self.queue.are_abreast(start) {
            return;
        }
        for (live, latest) in self.queue.latest_tokens_by_one() {
            if latest != start {
                self.paused.push((live.request.id, latest));
            }
        }
    }

    /// How many of those that compute their prompts sample in this step, one step after their latest token.
    fn resumed_at(&self, start: Time) -> u32 {
        let resumed = |&&(seat, tokens): &&(Seat, u32)| {
            let live = &self.queue.seats[seat].live;
            live.last_token == Some(start) && live.computed + tokens == live.num_tokens()
        };
        self.queue.chunks.iter().filter(resumed).count() as u32
    }

    /// Hands out the tokens of those that have computed prompts; returns those that have all their tokens.
    fn compute_chunks(&mut self, steps: &Steps, observer: &mut (impl Observer + ?Sized)) -> Vec<Seat> {
        let mut complete = Vec::new();
        let running = self.queue.running();
        for index in 0..self.queue.chunks.len() {
            let (seat, tokens) = self.queue.chunks[index];
            let live = &mut self.queue.seats[seat].live;
            live.computed += tokens;
            if live.computed < live.num_tokens() {
                continue;
            }
            live.generated += 1;
            if !live.request.is_prompt_only {
                steps.tell_token(live.request.id, live.last_token, observer);
            }
            live.note_token(steps.end, running);
            if live.is_complete() {
                complete.push(seat);
            }
            self.queue.has_caught_up(seat);
        }
        complete
    }

    /// Lets those go that have all their tokens, in the order of admission.
    fn finish(&mut self, mut complete: Vec<Seat>, now: Time, observer: &mut (impl Observer + ?Sized)) -> bool {
        complete.sort_unstable_by_key(|&seat| self.queue.seats[seat].order);
        for &seat in &complete {
            self.queue.remove(seat);
            let live = &self.queue.seats[seat].live;
            let event = Event::Finished(Finished::of(live, now, true));
            observer.on(now, live.request.id, &event);
        }
        !complete.is_empty()
    }
}

impl Scheduler for FastPlanned {
    fn can_ever_serve(&self, request: &Request) -> bool {
        self.policy.can_ever_serve(request, &self.queue.memory)
    }

    fn submit(&mut self, request: Request) {
        match &mut self.listed {
            None => self.queue.submit(request),
            Some((plain, _)) => {
                self.queue.note_waiting(u64::from(request.prompt.tokens()), 0);
                plain.waiting.push_back(Live::new(request));
            }
        }
    }

    fn abort(&mut self, id: RequestId, at: Moment, observer: &mut (impl Observer + ?Sized)) {
        if let Some(waiting) = self.queue.abort(id) {
            observer.on(at.now, id, &Event::Aborted { waiting });
        }
    }

    fn decide(&mut self, at: Moment, shape: &mut StepShape, observer: &mut (impl Observer + ?Sized)) -> NextSteps {
        self.queue.begin_step();
        match self.policy.plan(&mut self.queue, at.now) {
            Err(OrderMatters) => self.plan_one_by_one(at.now, shape, observer),
            Ok(Decision::Idle) => NextSteps::Idle,
            Ok(Decision::WaitUntil(time)) => NextSteps::WaitUntil(time),
            Ok(Decision::Step(plan)) => self.start(&plan, at, shape, observer),
        }
    }

    fn in_server(&self) -> usize {
        let listed = self.listed.as_ref();
        listed.map_or_else(
            || self.queue.in_server(),
            |(plain, _)| plain.waiting.len() + plain.running.len(),
        )
    }

    fn load(&self, _under_way: bool) -> ServerLoad {
        let waiting = self.queue.together();
        let (memory, listed) = (&self.queue.memory, self.listed.as_ref());
        let queue: &dyn Queue = listed.map_or(&self.queue, |(plain, _)| plain);
        let waiting = Waiting {
            requests: listed.map_or(waiting.requests, |(plain, _)| plain.waiting.len() as u32),
            ..waiting
        };
        ServerLoad::new(memory, waiting, queue.running(), self.policy.used_blocks(queue))
    }

    fn commit(&mut self, steps: u64) {
        if self.listed.is_some() {
            return;
        }
        let queue = &mut self.queue;
        let prompts: u64 = queue.chunks.iter().map(|&(_, tokens)| u64::from(tokens)).sum();
        let decoding = if queue.decodes { queue.decoders.count() } else { 0 };
        queue.filled += prompts + u64::from(decoding);
        let empty = u64::from(self.used_blocks) * u64::from(queue.memory.block_tokens) - queue.filled;
        self.decided
            .begin(steps, queue.decoders.clock(), (self.used_blocks, empty));
        self.decided.decoding = decoding;
        if queue.decodes {
            queue.take_ahead(steps - 1);
            queue.filled += (steps - 1) * u64::from(decoding);
            queue.decoders.advance(steps);
            self.policy.repeat(steps - 1);
        }
    }

    fn complete(&mut self, steps: &Steps, observer: &mut (impl Observer + ?Sized)) -> bool {
        if let Some((mut plain, plan)) = self.listed.take() {
            let outcome = plain.complete(&plan, steps.end);
            let finishes = !outcome.finished.is_empty();
            tell_outcome(&plan, outcome, (steps.start, steps.end - steps.start), observer);
            self.queue.resume(plain);
            return finishes;
        }
        self.note_paused(steps.start);
        let decided = &self.decided;
        let kv = if steps.count == 1 {
            KvGrowth::constant(decided.used_blocks, decided.empty)
        } else {
            self.growth(decided)
        };
        observer.ran(&steps.told(
            decided.decoding - self.paused.len() as u32 + self.resumed_at(steps.start),
            kv,
        ));
        if self.queue.decodes {
            for alike in self.paused.chunk_by(|one, next| one.1 == next.1) {
                let (gap, count) = (steps.end - alike[0].1, alike.len() as u32);
                observer.on_tokens(steps.end, gap, count, &mut alike.iter().map(|&(id, _)| id));
            }
            self.queue.note_tokens(steps.end);
        }
        if steps.count < self.decided.steps {
            let mut first = std::mem::take(&mut self.decided);
            first.take_off(steps.count, &self.growth(&first));
            self.decided = first;
            return false;
        }
        let mut complete = self.compute_chunks(steps, observer);
        while let Some(seat) = self.queue.decoders.pop_finished(&self.queue.seats) {
            self.queue.leave_decoders(seat);
            complete.push(seat);
        }
        self.finish(complete, steps.end, observer)
    }
}
