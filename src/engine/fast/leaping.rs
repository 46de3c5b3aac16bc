//! The clock and the steps in flight: any number of steps of the same members is one leap.

use super::in_flight::InFlight;
use super::scheduler::{Moment, NextSteps, Scheduler, Steps};
use crate::engine::engine_trait::{Engine, QuietRun, ServerLoad, Turn};
use crate::engine::observer::{Event, Observer};
use crate::engine::progress::{CatchesUp, Progress};
use crate::engine::reference::{ReferenceServer, Resumed};
use crate::policy::{Memory, Planner, StepPlan, taken_of};
use crate::step_time::{Paced, Ramp, StepTime};
use crate::units::{Span, Time};
use crate::workload::{Request, RequestId};

/// The clock and the steps in flight, whatever the policy.
pub(in crate::engine) struct FastServer<S> {
    scheduler: S,
    step_time: Paced,
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
    /// Whether a request has come or been taken back since the last decision.
    is_disturbed: bool,
    /// Whether the policy's shortcut does not know how to go on.
    is_stopped: bool,
    progress: Progress,
}

impl<S> FastServer<S> {
    /// An empty server, on which so many steps may be decided that have not ended.
    pub(in crate::engine) fn new(
        scheduler: S,
        max_model_len: u32,
        most_in_flight: u64,
        step_time: Box<dyn StepTime>,
    ) -> Self {
        Self::paced(scheduler, max_model_len, most_in_flight, Paced::new(step_time))
    }

    /// The same, whose steps take so long.
    pub(super) fn paced(scheduler: S, max_model_len: u32, most_in_flight: u64, step_time: Paced) -> Self {
        Self {
            scheduler,
            step_time,
            max_model_len,
            most_in_flight,
            now: Time::ZERO,
            in_flight: InFlight::default(),
            steps_in_flight: 0,
            latest_end: Time::ZERO,
            given_up: Vec::new(),
            wakes: None,
            is_disturbed: false,
            is_stopped: false,
            progress: Progress::default(),
        }
    }
}

impl<S: Scheduler> Engine for FastServer<S> {
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
        self.scheduler.submit(request);
        self.is_disturbed = true;
        // An engine that waits for a step looks at its queue when the step has ended.
        if self.in_flight.is_empty() {
            self.wakes = Some(self.now);
        }
        observer.on(arrival, id, &Event::Arrived { input_tokens });
    }

    fn abort(&mut self, id: RequestId, at: Time) {
        self.given_up.push(id);
        self.is_disturbed = true;
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

    fn bytes_a_request(&self) -> u64 {
        self.scheduler.bytes_a_request()
    }

    fn next_event(&self) -> Option<Time> {
        self.wakes
            .or_else(|| self.in_flight.front().map(|next| next.start + next.ramp.first))
    }

    fn next_turn(&self) -> Option<Turn> {
        if let Some(time) = self.wakes {
            return Some(Turn::decision(time));
        }
        let front = self.in_flight.front()?;
        if self.is_disturbed {
            return Some(Turn::end(front.start + front.ramp.first));
        }
        let back = self.in_flight.back()?;
        // Somebody may finish with the first steps, or be admitted or preempted when what follows them is decided: that
        // is while the last of them runs, if steps are decided ahead.
        let ahead = self.most_in_flight - 1;
        let quiet_until = if !front.are_all() && back.uneventful > ahead {
            back.start + back.ramp.total(back.uneventful - ahead)
        } else {
            front.start + front.ramp.total(self.most_that_end(front))
        };
        Some(Turn::end(quiet_until))
    }

    fn next_leave(&self) -> Option<Turn> {
        // Who has given up leaves at the next decision.
        if self.wakes.is_some() || !self.given_up.is_empty() {
            return self.next_turn();
        }
        let front = self.in_flight.front()?;
        if self.in_flight.count() > 1 && self.scheduler.may_finish_before_latest() {
            return Some(Turn::end(front.end));
        }
        let back = self.in_flight.back()?;
        // What was foreseen of steps that are not decided yet holds no more once somebody has come.
        let quiet_until = if self.is_disturbed {
            back.end
        } else {
            back.uneventful_until()
        };
        Some(Turn::end(quiet_until))
    }

    fn quiet_run(&self) -> Option<QuietRun> {
        let steps = self.quiet_steps()?;
        Some(QuietRun {
            start: steps.start,
            ramp: steps.ramp,
            steps: steps.uneventful,
            in_flight: self.most_in_flight,
        })
    }

    fn load(&self) -> ServerLoad {
        self.scheduler.load(!self.in_flight.is_empty())
    }

    fn cached_tokens(&self, request: &Request) -> u32 {
        self.scheduler.cached_tokens(request)
    }

    fn slow_down(&mut self, factor: f64) {
        self.step_time.slow_down(factor);
        // What was foreseen of steps that are not decided yet holds no more.
        self.is_disturbed = true;
    }
}

impl<S: Scheduler> CatchesUp for FastServer<S> {
    fn catch_up(&mut self, progress: Progress, observer: &mut (impl Observer + ?Sized)) {
        while self.progress != progress {
            if let Some(time) = self.wakes {
                self.now = time;
                let most = progress.decided - self.progress.decided;
                self.decide(Time::ZERO + Span::MAX, most, observer);
                continue;
            }
            let first = self.in_flight.front().expect("a step is in flight");
            let most = progress.ended - self.progress.ended;
            let count = self.most_that_end(first).min(most);
            let takes = first.ramp.total(count);
            self.end_steps(count, takes, observer);
        }
    }

    fn stop_at_decision(&mut self, observer: &mut (impl Observer + ?Sized)) {
        self.now = self.wakes.expect("a step is to be decided");
        self.let_go(observer);
    }
}

impl<S> FastServer<S> {
    /// The same server with another scheduler, which `convert` makes of this one.
    pub(super) fn with_scheduler<T>(self, convert: impl FnOnce(S) -> T) -> FastServer<T> {
        FastServer {
            scheduler: convert(self.scheduler),
            step_time: self.step_time,
            max_model_len: self.max_model_len,
            most_in_flight: self.most_in_flight,
            now: self.now,
            in_flight: self.in_flight,
            steps_in_flight: self.steps_in_flight,
            latest_end: self.latest_end,
            given_up: self.given_up,
            wakes: self.wakes,
            is_disturbed: self.is_disturbed,
            is_stopped: false,
            progress: self.progress,
        }
    }
}

impl<S: Scheduler> FastServer<S> {
    /// The readable engine where this one is, which takes every step by itself: with the planner that `resume` makes of
    /// the scheduler, its memory, and what steps in flight hold, apart from what they cost.
    pub(super) fn into_readable(
        self,
        resume: impl FnOnce(S) -> (Box<dyn Planner>, Memory, Vec<StepPlan>),
    ) -> ReferenceServer {
        let in_server = self.scheduler.in_server() as u64;
        let (planner, memory, plans) = resume(self.scheduler);
        let (first, second) = (self.in_flight.front(), self.in_flight.back());
        let steps = plans.into_iter().zip(first.into_iter().chain(second));
        let in_flight = steps.map(|(plan, steps)| {
            let shape = steps.shape;
            (StepPlan { shape, ..plan }, steps.start, steps.end - steps.start)
        });
        ReferenceServer::resumed(Resumed {
            planner,
            memory,
            in_flight: in_flight.collect(),
            step_time: self.step_time,
            now: self.now,
            wakes: self.wakes,
            in_server,
            given_up: self.given_up,
        })
    }

    /// The steps at the end of the last of which somebody may leave, and not before, if nobody comes: they are the last
    /// that were decided. `None` if that is not known.
    fn quiet_steps(&self) -> Option<&Steps> {
        let is_known = self.wakes.is_none() && self.given_up.is_empty() && !self.is_disturbed;
        if !is_known || self.in_flight.count() > 1 && self.scheduler.may_finish_before_latest() {
            return None;
        }
        self.in_flight.back()
    }

    /// The next decision, or the next end of a step: for a server on which blocks may be given back in any step.
    pub(in crate::engine) fn next_step(&self) -> Option<Turn> {
        if let Some(time) = self.wakes {
            return Some(Turn::decision(time));
        }
        let front = self.in_flight.front()?;
        Some(Turn::end(front.start + front.ramp.first))
    }

    /// Counts steps anew from an empty server on.
    pub(in crate::engine) fn count_anew(&mut self) {
        self.progress = Progress::default();
    }

    /// Whether it does not know how to decide the next step.
    pub(in crate::engine) const fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    /// How far it has come.
    pub(in crate::engine) const fn progress(&self) -> Progress {
        self.progress
    }

    /// The instant up to which it has gone.
    pub(in crate::engine) const fn now(&self) -> Time {
        self.now
    }

    /// What it takes of a request that arrives; `None` if it rejects it.
    #[inline]
    fn taken_of(&self, request: Request) -> Option<Request> {
        taken_of(request, self.max_model_len, |request| {
            self.scheduler.can_ever_serve(request)
        })
    }

    /// True if it has stopped at a finish.
    fn run(&mut self, until: Time, stops_at_finish: bool, observer: &mut (impl Observer + ?Sized)) -> bool {
        loop {
            match self.wakes {
                Some(time) if time >= until => return false,
                Some(time) => {
                    self.now = time;
                    self.decide(until, u64::MAX, observer);
                    if self.is_stopped {
                        return false;
                    }
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

    /// The moment of the next decision.
    fn moment(&self) -> Moment {
        Moment {
            now: self.now,
            decided_until: self.decided_until(),
        }
    }

    /// Takes out who has given up.
    fn let_go(&mut self, observer: &mut (impl Observer + ?Sized)) {
        let at = self.moment();
        for id in self.given_up.drain(..) {
            self.scheduler.abort(id, at, observer);
        }
    }

    /// Takes one decision, about at most so many steps, and says when the next is due.
    fn decide(&mut self, until: Time, most: u64, observer: &mut (impl Observer + ?Sized)) {
        if !self.given_up.is_empty() {
            self.let_go(observer);
        }
        let at = self.moment();
        self.is_disturbed = false;
        let next = &mut self.in_flight.next().shape;
        let next_steps = self.scheduler.decide(at, next, observer);
        if !matches!(next_steps, NextSteps::Run(_))
            && let Some(latest) = self.in_flight.back_mut()
        {
            // Those who were to go on after them have been taken out.
            latest.uneventful = latest.count;
        }
        self.wakes = match next_steps {
            NextSteps::Idle => None,
            NextSteps::Stop => {
                self.is_stopped = true;
                Some(self.now)
            }
            NextSteps::WaitUntil(time) => Some(time),
            NextSteps::Again => self.in_flight.is_empty().then_some(self.now),
            NextSteps::Run(repeats) => {
                let count = self.leap(repeats, until, most);
                self.scheduler.commit(count);
                self.steps_in_flight += count;
                self.progress.decided += count;
                (self.steps_in_flight < self.most_in_flight).then_some(self.now)
            }
        };
    }

    /// Sets in flight as many of `repeats` steps, at once, as are decided before `until`, and no more than `limit`; at
    /// least the first, which is decided now. Says how many.
    #[inline(always)]
    fn leap(&mut self, repeats: u64, until: Time, limit: u64) -> u64 {
        let decided_until = self.decided_until();
        let is_idle = self.in_flight.is_empty();
        let steps = self.in_flight.next();
        let shape = &steps.shape;
        steps.ramp = if repeats > 1 {
            self.step_time.run_of(shape)
        } else {
            Ramp::single(self.step_time.step_of(shape))
        };
        let (first, len) = (steps.ramp.first, steps.ramp.len);
        let start = if is_idle && self.most_in_flight > 1 {
            self.now + self.step_time.launch(shape)
        } else {
            decided_until
        };
        let most = repeats.min(len);
        let (mut count, mut takes) = (1, first);
        if most.min(limit) > 1 {
            let ramp = steps.ramp;
            (count, takes) = self.decided_before(until, start, &ramp, most.min(limit));
        }
        let steps = self.in_flight.next();
        steps.start = start;
        steps.end = start + takes;
        steps.count = count;
        steps.uneventful = most;
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
        let most = self.most_that_end(first);
        if most == first.count && first.end <= until {
            return Some((most, first.end - first.start));
        }
        if first.count == 1 || first.start > until {
            return None;
        }
        let (count, takes) = first.ramp.within(until - first.start, most);
        (count > 0).then_some((count, takes))
    }

    /// How many of the steps in flight, of which these are the first, end before something is to be decided.
    #[inline(always)]
    fn most_that_end(&self, first: &Steps) -> u64 {
        match (self.steps_in_flight + 1).saturating_sub(self.most_in_flight) {
            0 => first.count,
            undecided => first.count.min(undecided),
        }
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
        self.progress.ended += count;
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
