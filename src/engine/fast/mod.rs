//! The fast engine: while a batch's members stay the same, any number of decode steps is one leap with a closed form.
//! Each policy's shortcut must tell its observer exactly what the readable engine tells, leaps expanded to steps.

mod abort;
mod admission;
mod continuous;
mod decoders;
mod finishes;
mod holding;
mod in_flight;
mod listed;
mod none;
mod repeats;
mod running;
mod slots;
mod static_batch;

use self::in_flight::InFlight;
use super::server::{Implementation, Server};
use super::{Engine, Event, Observer, ServerSettings, reference};

pub(super) use self::continuous::ContinuousBatching;
pub(super) use self::none::NoBatching;
pub(super) use self::static_batch::StaticBatching;

use crate::policy::{PolicySettings, cut_to_model_length};
use crate::step_time::{Ramp, StepShape, StepTime};
use crate::units::{Span, Time};
use crate::workload::{Request, RequestId};

/// A server that leaps, where its policy has a shortcut.
pub fn fast(settings: &ServerSettings, step_time: Box<dyn StepTime>) -> Server {
    let memory = settings.memory();
    match &settings.policy {
        PolicySettings::None => {
            let scheduler = NoBatching::new(memory);
            Server(Implementation::None(server(scheduler, settings, step_time)))
        }
        PolicySettings::Static(rules) => {
            let scheduler = StaticBatching::new(rules.clone(), memory);
            Server(Implementation::Static(server(scheduler, settings, step_time)))
        }
        PolicySettings::Continuous(rules) if rules.priority || rules.speculative.is_some() => {
            reference(settings, step_time)
        }
        PolicySettings::Continuous(rules) => {
            let scheduler = ContinuousBatching::new(rules.clone(), memory);
            Server(Implementation::Continuous(server(scheduler, settings, step_time)))
        }
        // A policy without a shortcut of its own takes every step by itself.
        _ => reference(settings, step_time),
    }
}

/// The queues of one policy, kept so that a leap needs no look at each request.
pub(in crate::engine) trait Scheduler {
    /// Whether a request, alone on an empty server, could be served.
    fn can_ever_serve(&self, request: &Request) -> bool;

    /// Takes a request that arrives.
    fn submit(&mut self, request: Request);

    /// A client has given up: its request leaves, unless it has left or takes part in a batch that cannot do without
    /// it.
    fn abort(&mut self, id: RequestId, at: Moment, observer: &mut (impl Observer + ?Sized));

    /// Decides what happens next; if steps, the first one's batch is left in `shape`, which holds an older one.
    fn decide(&mut self, at: Moment, shape: &mut StepShape, observer: &mut (impl Observer + ?Sized)) -> Next;

    /// How many requests have been taken and have not ended.
    fn in_server(&self) -> usize;

    /// What was just decided to run does so for so many steps.
    fn commit(&mut self, _steps: u64) {}

    /// Hands out the tokens of steps that have ended; true if a request finished. The steps are those decided first,
    /// all of one decision or its beginning.
    fn complete(&mut self, steps: &Steps, observer: &mut (impl Observer + ?Sized)) -> bool;
}

/// When a decision is taken.
#[derive(Clone, Copy)]
pub(in crate::engine) struct Moment {
    now: Time,
    /// When the steps decided so far will have ended.
    decided_until: Time,
}

/// What happens next on a server with room for another step in flight.
pub(in crate::engine) enum Next {
    /// Nothing, until another request arrives or a step ends.
    Idle,
    /// Nothing, until this time or another arrival.
    WaitUntil(Time),
    /// Decide again, after the step in flight if there is one: someone was preempted and nobody is left to run.
    Again,
    /// Steps of the same members, each context one token longer than the step before: for so many steps if nobody
    /// arrives, at least 1.
    Run(u64),
}

/// Steps of one decision.
#[derive(Clone, Copy, Default)]
pub(in crate::engine) struct Steps {
    start: Time,
    end: Time,
    shape: StepShape,
    ramp: Ramp,
    count: u64,
}

/// The clock and the steps in flight, whatever the policy.
pub(super) struct FastServer<S> {
    scheduler: S,
    step_time: Box<dyn StepTime>,
    max_model_len: u32,
    /// How many steps may be decided that have not ended.
    most_in_flight: u64,
    /// When the next decision is taken: at the end of the latest step, or at a later arrival.
    now: Time,
    /// Decided steps that have not ended, one after the other.
    in_flight: InFlight<Steps>,
    /// How many these are.
    steps_in_flight: u64,
    /// When the step decided last ends, or has ended.
    latest_end: Time,
    /// Requests to take out before the next decision.
    given_up: Vec<RequestId>,
    /// When there will be something to decide, if that does not have to wait for the end of a step.
    wakes: Option<Time>,
}

fn server<S: Scheduler>(scheduler: S, settings: &ServerSettings, step_time: Box<dyn StepTime>) -> Box<FastServer<S>> {
    let most_in_flight = match &settings.policy {
        PolicySettings::Continuous(rules) => rules.steps_in_flight(),
        _ => 1,
    };
    Box::new(FastServer {
        scheduler,
        step_time,
        max_model_len: settings.max_model_len,
        most_in_flight,
        now: Time::ZERO,
        in_flight: InFlight::default(),
        steps_in_flight: 0,
        latest_end: Time::ZERO,
        given_up: Vec::new(),
        wakes: None,
    })
}

impl<S: Scheduler> Engine for FastServer<S> {
    fn submit(&mut self, request: Request, observer: &mut (impl Observer + ?Sized)) {
        let (id, arrival) = (request.id, request.arrival);
        if self.in_flight.is_empty() {
            self.now = self.now.max(arrival);
        }
        let input_tokens = request.prompt.tokens();
        if input_tokens >= self.max_model_len {
            return observer.on(arrival, id, &Event::Rejected);
        }
        let request = cut_to_model_length(request, self.max_model_len);
        if !self.scheduler.can_ever_serve(&request) {
            return observer.on(arrival, id, &Event::Rejected);
        }
        self.scheduler.submit(request);
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
        self.run(until, false, observer);
    }

    fn advance_to_finish(&mut self, until: Time, observer: &mut (impl Observer + ?Sized)) -> bool {
        self.run(until, true, observer)
    }

    fn in_server(&self) -> u64 {
        self.scheduler.in_server() as u64
    }

    fn next_event(&self) -> Option<Time> {
        self.wakes
            .or_else(|| self.in_flight.front().map(|next| next.start + next.ramp.first))
    }
}

impl<S: Scheduler> FastServer<S> {
    /// True if it has stopped at a finish.
    fn run(&mut self, until: Time, stops_at_finish: bool, observer: &mut (impl Observer + ?Sized)) -> bool {
        loop {
            match self.wakes {
                Some(time) if time >= until => return false,
                Some(time) => {
                    self.now = time;
                    self.decide(until, observer);
                }
                None => {
                    let Some((count, takes)) = self.next_ended(until) else {
                        return false;
                    };
                    if self.end_steps(count, takes, observer) && stops_at_finish {
                        return true;
                    }
                }
            }
        }
    }

    fn decided_until(&self) -> Time {
        self.latest_end.max(self.now)
    }

    /// Takes one decision, and says when the next is due.
    fn decide(&mut self, until: Time, observer: &mut (impl Observer + ?Sized)) {
        let at = Moment {
            now: self.now,
            decided_until: self.decided_until(),
        };
        for id in self.given_up.drain(..) {
            self.scheduler.abort(id, at, observer);
        }
        let next = &mut self.in_flight.next().shape;
        self.wakes = match self.scheduler.decide(at, next, observer) {
            Next::Idle => None,
            Next::WaitUntil(time) => Some(time),
            Next::Again => self.in_flight.is_empty().then_some(self.now),
            Next::Run(repeats) => {
                let count = self.leap(repeats, until);
                self.scheduler.commit(count);
                self.steps_in_flight += count;
                (self.steps_in_flight < self.most_in_flight).then_some(self.now)
            }
        };
    }

    /// Sets in flight as many of `repeats` steps, at once, as are decided before `until`; at least the first, which is
    /// decided now. Says how many.
    #[inline(always)]
    fn leap(&mut self, repeats: u64, until: Time) -> u64 {
        let decided_until = self.decided_until();
        let is_idle = self.in_flight.is_empty();
        let steps = self.in_flight.next();
        let shape = &steps.shape;
        steps.ramp = if repeats > 1 {
            self.step_time.ramp(shape)
        } else {
            Ramp::single(self.step_time.step(shape))
        };
        let (first, len) = (steps.ramp.first, steps.ramp.len);
        let start = if is_idle && self.most_in_flight > 1 {
            self.now + self.step_time.launch(shape)
        } else {
            decided_until
        };
        let most = repeats.min(len);
        let (mut count, mut takes) = (1, first);
        if most > 1 {
            let ramp = steps.ramp;
            (count, takes) = self.decided_before(until, start, &ramp, most);
        }
        let steps = self.in_flight.next();
        steps.start = start;
        steps.end = start + takes;
        steps.count = count;
        self.latest_end = steps.end;
        self.in_flight.push();
        count
    }

    /// How many of `most` steps that start at `start` are decided before `until`, and how long they take.
    fn decided_before(&self, until: Time, start: Time, ramp: &Ramp, most: u64) -> (u64, Span) {
        if self.most_in_flight == 1 {
            // Each step is decided when the one before has ended, and those after the first are worth deciding if they
            // end in time.
            let (fit, together) = ramp.within(until - self.now, most);
            return if fit > 0 { (fit, together) } else { (1, ramp.first) };
        }
        // The first step is decided now, the second when no more than the first is in flight, each later one when the
        // one before the one before it has ended.
        if self.decided_until() >= until {
            return (1, ramp.first);
        }
        let later = if start < until {
            let before_last = Span::from_picos(until.since(start).picos() - 1);
            ramp.within(before_last, most - 2).0
        } else {
            0
        };
        let count = 2 + later;
        (count, ramp.total(count))
    }

    /// How many of the steps in flight end next, by `until`, and before the end of which nothing is to be decided; and
    /// how long they take.
    #[inline(always)]
    fn next_ended(&self, until: Time) -> Option<(u64, Span)> {
        let first = self.in_flight.front()?;
        let undecided = (self.steps_in_flight + 1).saturating_sub(self.most_in_flight);
        let most = if undecided == 0 {
            first.count
        } else {
            first.count.min(undecided)
        };
        if most == first.count && first.end <= until {
            return Some((most, first.end - first.start));
        }
        if first.count == 1 || first.start > until {
            return None;
        }
        let (count, takes) = first.ramp.within(until - first.start, most);
        (count > 0).then_some((count, takes))
    }

    /// The next `count` steps in flight, which take `takes`, have ended; true if a request finished.
    #[inline(always)]
    fn end_steps(&mut self, count: u64, takes: Span, observer: &mut (impl Observer + ?Sized)) -> bool {
        let first = self.in_flight.front_mut().expect("a step is in flight");
        let all_of_it = first.count == count;
        let part;
        let ended = if all_of_it {
            &*first
        } else {
            part = first.split_off(count, takes);
            &part
        };
        self.now = ended.end;
        self.steps_in_flight -= count;
        if self.steps_in_flight < self.most_in_flight {
            self.wakes = Some(self.now);
        }
        let finished = self.scheduler.complete(ended, observer);
        if all_of_it {
            self.in_flight.pop();
        }
        finished
    }
}

impl Steps {
    /// Takes out the first `count` steps, which are not all and take `takes` together.
    fn split_off(&mut self, count: u64, takes: Span) -> Self {
        let first = Self {
            start: self.start,
            end: self.start + takes,
            shape: self.shape,
            ramp: self.ramp,
            count,
        };
        self.start = first.end;
        self.shape = self.shape.later(count);
        self.ramp = Ramp {
            first: self.ramp.step(count),
            ..self.ramp
        };
        self.count -= count;
        first
    }
}
