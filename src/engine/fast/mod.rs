//! The fast engine: while a batch's members stay the same, any number of decode steps is one leap with a closed form. Each policy's
//! shortcut must tell its observer exactly what the readable engine tells, leaps expanded to steps.

mod continuous;
mod decoders;
mod holding;
mod listed;
mod none;
mod repeats;
mod slots;
mod static_batch;

use super::{Engine, Observer, ServerSettings, reference};
use crate::policy::PolicySettings;
use crate::step_time::{Ramp, StepShape, StepTime};
use crate::units::Time;
use crate::workload::Request;

/// A server that leaps, where its policy has a shortcut.
pub fn fast(settings: &ServerSettings, step_time: Box<dyn StepTime>) -> Box<dyn Engine> {
    let memory = settings.memory();
    match &settings.policy {
        PolicySettings::None => server(none::NoBatching::new(memory), step_time),
        PolicySettings::Static(rules) => server(
            static_batch::StaticBatching::new(rules.clone(), memory),
            step_time,
        ),
        PolicySettings::Continuous(rules) if rules.priority => reference(settings, step_time),
        PolicySettings::Continuous(rules) => server(
            continuous::ContinuousBatching::new(rules.clone(), memory),
            step_time,
        ),
        // A policy without a shortcut of its own takes every step by itself.
        _ => reference(settings, step_time),
    }
}

/// The queues of one policy, kept so that a leap needs no look at each request.
trait Scheduler {
    /// Takes a request that arrives, or rejects it; false if it was rejected.
    fn submit(&mut self, request: Request, observer: &mut dyn Observer) -> bool;

    /// Decides what happens at `now`, when no step is running.
    fn decide(&mut self, now: Time, observer: &mut dyn Observer) -> Next;

    /// Hands out the tokens of steps that have ended; true if a request finished.
    fn complete(&mut self, steps: &Steps, observer: &mut dyn Observer) -> bool;
}

/// What happens next on a server without a step in flight.
enum Next {
    /// Nothing, until another request arrives.
    Idle,
    /// Nothing, until this time or another arrival.
    WaitUntil(Time),
    /// Decide again: someone was preempted and nobody is left to run.
    Again,
    /// Steps with this shape, each context one token longer than the step before.
    Run {
        /// The first step's batch.
        shape: StepShape,
        /// For how many steps the members stay the same if nobody arrives; at least 1.
        repeats: u64,
    },
}

/// Steps that have ended.
struct Steps {
    start: Time,
    end: Time,
    shape: StepShape,
    ramp: Ramp,
    count: u64,
}

struct FastServer<S> {
    scheduler: S,
    step_time: Box<dyn StepTime>,
    /// Up to when everything is decided: the end of the latest step, or a later arrival.
    now: Time,
    in_flight: Option<Steps>,
    /// With no step in flight: when there will be something to decide, if ever.
    wakes: Option<Time>,
}

fn server<S: Scheduler + 'static>(scheduler: S, step_time: Box<dyn StepTime>) -> Box<dyn Engine> {
    Box::new(FastServer {
        scheduler,
        step_time,
        now: Time::ZERO,
        in_flight: None,
        wakes: None,
    })
}

impl<S: Scheduler> Engine for FastServer<S> {
    fn submit(&mut self, request: Request, observer: &mut dyn Observer) {
        if self.in_flight.is_none() {
            self.now = self.now.max(request.arrival);
        }
        if self.scheduler.submit(request, observer) {
            self.wakes = Some(self.now);
        }
    }

    fn advance(&mut self, until: Time, observer: &mut dyn Observer) {
        while self.advance_to_finish(until, observer) {}
    }

    fn advance_to_finish(&mut self, until: Time, observer: &mut dyn Observer) -> bool {
        loop {
            // Looked at where they are: copying them out and in again costs a run of many leaps 7 % of its time.
            if let Some(steps) = &self.in_flight {
                if steps.end > until {
                    return false;
                }
                self.now = steps.end;
                let finished = self.scheduler.complete(steps, observer);
                self.in_flight = None;
                if finished {
                    return true;
                }
            }
            self.wakes = Some(self.now);
            if self.now >= until {
                return false;
            }
            match self.scheduler.decide(self.now, observer) {
                Next::Again => {}
                Next::Idle => {
                    self.wakes = None;
                    return false;
                }
                Next::WaitUntil(time) if time >= until => {
                    self.wakes = Some(time);
                    return false;
                }
                Next::WaitUntil(time) => self.now = time,
                Next::Run { shape, repeats } => {
                    self.in_flight = Some(self.leap(shape, repeats, until));
                }
            }
        }
    }

    fn next_event(&self) -> Option<Time> {
        self.in_flight
            .as_ref()
            .map(|steps| steps.end)
            .or(self.wakes)
    }
}

impl<S> FastServer<S> {
    /// As many of the steps as end by `until`, at once; or else the one that will be in flight then.
    fn leap(&self, shape: StepShape, repeats: u64, until: Time) -> Steps {
        let ramp = if repeats > 1 {
            self.step_time.ramp(&shape)
        } else {
            Ramp::single(self.step_time.step(&shape))
        };
        let most = repeats.min(ramp.len);
        let (mut count, mut takes) = (1, ramp.first);
        if most > 1 {
            let (fit, together) = ramp.within(until - self.now, most);
            if fit > 0 {
                (count, takes) = (fit, together);
            }
        }
        Steps {
            start: self.now,
            end: self.now + takes,
            shape,
            ramp,
            count,
        }
    }
}
