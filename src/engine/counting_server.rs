//! A server under vLLM's batching that counts its blocks as long as it does not matter which they are: where they are
//! divided between groups of layers, or steps verify drafts.
//!
//! As long as every request has a prompt of its own and the running ones find their blocks, nobody finds anything in
//! the prefix cache. When they run short somebody is preempted, who may find again what it has lost. Then the steps
//! since the server was last empty are taken again by an engine that knows what became of each request's blocks: of
//! groups of layers by one that leaps too, beside drafts by the readable one. When a request comes whose prompt others
//! share, they are taken again by the readable engine, which knows every block. Each goes on from there. An empty server
//! in which nobody has shared anything begins anew: whatever lies in its cache, nobody asks for it.

use std::sync::Arc;

use super::engine_trait::{Engine, QuietRun, ServerLoad, Turn, answered_by_engine};
use super::fast::{FastContinuous, FastDrafting, FastServer};
use super::observer::{Event, Observer, StepRun};
use super::progress::{CatchesUp, Progress};
use super::reference::ReferenceServer;
use crate::policy::{ContinuousSettings, Memory, PolicySettings};
use crate::step_time::StepTime;
use crate::units::Time;
use crate::workload::{ContentId, Request, RequestId};

/// So much is remembered of what was handed over since the server was last empty, about 200 MB; then it goes on without
/// leaps.
const MOST_REMEMBERED: usize = 1 << 20;

/// A server that knows no more of its blocks than what matters to somebody.
pub(super) struct CountingServer {
    rules: ContinuousSettings,
    memory: Memory,
    step_time: Arc<dyn StepTime>,
    engine: WhichEngine,
    /// What was handed over since the server was last empty, while it may have to be taken again.
    handed_over: Vec<HandedOver>,
    /// The instant to which it has been advanced.
    advanced_to: Time,
    /// By what steps are longer than they would be.
    slowness: Option<f64>,
    /// Whether a request has come whose prompt others can name.
    shares: bool,
}

enum WhichEngine {
    /// Leaps, and stops where the cache matters.
    Counting(Box<FastServer<FastContinuous>>),
    /// Takes steps with drafts, and stops where blocks run short.
    Drafting(Box<FastServer<FastDrafting>>),
    /// Leaps, and knows what each request may find of its own.
    InTurns(Box<FastServer<FastContinuous>>),
    Stepping(Box<ReferenceServer>),
}

/// Something that came from outside, when, and how far the server had come.
struct HandedOver {
    what: Outside,
    at: Time,
    progress: Progress,
}

enum Outside {
    Request(Request),
    Abort(RequestId),
    Slowness(f64),
}

macro_rules! whichever {
    ($server:expr, $engine:ident => $call:expr) => {
        match $server {
            WhichEngine::Counting($engine) => $call,
            WhichEngine::Drafting($engine) => $call,
            WhichEngine::InTurns($engine) => $call,
            WhichEngine::Stepping($engine) => $call,
        }
    };
}

/// Listens to steps that have been told before.
struct Deaf;

impl Observer for Deaf {
    fn on(&mut self, _at: Time, _id: RequestId, _event: &Event) {}
    fn ran(&mut self, _run: &StepRun<'_>) {}
}

impl CountingServer {
    /// An empty server.
    pub(super) fn new(rules: ContinuousSettings, memory: Memory, step_time: Box<dyn StepTime>) -> Self {
        let step_time: Arc<dyn StepTime> = step_time.into();
        Self {
            engine: counting(&rules, &memory, &step_time),
            rules,
            memory,
            step_time,
            handed_over: Vec::new(),
            advanced_to: Time::ZERO,
            slowness: None,
            shares: false,
        }
    }

    /// Notes what comes from outside, as long as it may be needed again.
    fn note(&mut self, what: Outside) {
        if !self.rules.prefix_caching && !matches!(self.engine, WhichEngine::Drafting(_)) {
            return; // Nothing will have to be taken again.
        }
        if self.handed_over.len() == MOST_REMEMBERED {
            self.take_steps();
        }
        if let Some(progress) = self.progress() {
            self.handed_over.push(HandedOver {
                what,
                at: self.advanced_to,
                progress,
            });
        }
    }

    /// How far it has come, as long as what it does may have to be taken again.
    const fn progress(&self) -> Option<Progress> {
        match &self.engine {
            WhichEngine::Counting(engine) | WhichEngine::InTurns(engine) => Some(engine.progress()),
            WhichEngine::Drafting(engine) => Some(engine.progress()),
            WhichEngine::Stepping(_) => None,
        }
    }

    /// An empty server begins anew, and counts.
    fn begin_anew_if_empty(&mut self) {
        let is_empty = match &self.engine {
            WhichEngine::Stepping(engine) => engine.is_idle() && !self.shares,
            engine => whichever!(engine, engine => engine.in_server() == 0 && engine.next_event().is_none()),
        };
        if !is_empty {
            return;
        }
        match &mut self.engine {
            WhichEngine::Counting(engine) => engine.count_anew(),
            WhichEngine::Drafting(engine) => engine.count_anew(),
            WhichEngine::InTurns(_) | WhichEngine::Stepping(_) => {
                self.engine = counting(&self.rules, &self.memory, &self.step_time);
                if let Some(factor) = self.slowness {
                    whichever!(&mut self.engine, engine => engine.slow_down(factor));
                }
            }
        }
        self.handed_over.clear();
        if let Some(factor) = self.slowness {
            self.note(Outside::Slowness(factor));
        }
    }

    /// From now on takes every step by itself, from where it is.
    fn take_steps(&mut self) {
        let Some(progress) = self.progress() else {
            return;
        };
        let mut engine = self.stepping();
        self.bring(&mut *engine, progress);
        engine.advance(self.advanced_to, &mut Deaf);
        self.engine = WhichEngine::Stepping(engine);
        self.handed_over.clear();
    }

    /// From now on knows more of its blocks if it cannot decide the next step without. True if so.
    fn know_more_if_stopped(&mut self) -> bool {
        let (is_stopped, progress) = match &self.engine {
            WhichEngine::Counting(engine) => (engine.is_stopped(), engine.progress()),
            WhichEngine::Drafting(engine) => (engine.is_stopped(), engine.progress()),
            WhichEngine::InTurns(_) | WhichEngine::Stepping(_) => return false,
        };
        if !is_stopped {
            return false;
        }
        if let Some(mut engine) = self.in_turns() {
            self.bring_to_decision(&mut *engine, progress);
            self.engine = WhichEngine::InTurns(engine);
        } else {
            let mut engine = self.stepping();
            self.bring_to_decision(&mut *engine, progress);
            self.engine = WhichEngine::Stepping(engine);
            self.handed_over.clear();
        }
        true
    }

    /// An engine that knows what requests may find of their own; `None` beside drafts, and if not all chunks of groups
    /// are made of whole blocks.
    fn in_turns(&self) -> Option<Box<FastServer<FastContinuous>>> {
        if self.rules.speculative.is_some() {
            return None;
        }
        let scheduler = FastContinuous::in_turns(self.rules.clone(), self.memory.clone())?;
        Some(driven(scheduler, &self.rules, &self.memory, &self.step_time))
    }

    /// A readable engine of its kind.
    fn stepping(&self) -> Box<ReferenceServer> {
        let planner = PolicySettings::Continuous(self.rules.clone()).planner(self.memory.clone());
        let step_time = Box::new(Arc::clone(&self.step_time));
        Box::new(ReferenceServer::new(planner, self.memory.clone(), step_time))
    }

    /// Hands an empty engine the same again, until it has come as far.
    fn bring(&self, engine: &mut impl CatchesUp, to: Progress) {
        for HandedOver { what, at, progress } in &self.handed_over {
            // By steps first: several may begin and end at one instant, between which something comes.
            engine.catch_up(*progress, &mut Deaf);
            engine.advance(*at, &mut Deaf);
            match what {
                Outside::Request(request) => engine.submit(request.clone(), &mut Deaf),
                Outside::Abort(id) => engine.abort(*id, *at),
                Outside::Slowness(factor) => engine.slow_down(*factor),
            }
        }
        engine.catch_up(to, &mut Deaf);
    }

    /// The same, and on to where the next step is to be decided.
    fn bring_to_decision(&self, engine: &mut impl CatchesUp, to: Progress) {
        self.bring(engine, to);
        engine.stop_at_decision(&mut Deaf);
    }

    /// Whether others can name what a request has in the cache.
    fn is_shared(&self, request: &Request) -> bool {
        let own = ContentId::unique_prompt_of(request.id);
        let segments = request.prompt.segments().unwrap_or_default();
        self.rules.prefix_caching && segments.first().is_some_and(|first| first.content != own)
    }
}

/// An empty engine that counts blocks.
fn counting(rules: &ContinuousSettings, memory: &Memory, step_time: &Arc<dyn StepTime>) -> WhichEngine {
    if let Some(scheduler) = FastDrafting::new(rules.clone(), memory.clone()) {
        return WhichEngine::Drafting(driven(scheduler, rules, memory, step_time));
    }
    let scheduler = FastContinuous::new(rules.clone(), memory.clone());
    WhichEngine::Counting(driven(scheduler, rules, memory, step_time))
}

fn driven<S>(
    scheduler: S,
    rules: &ContinuousSettings,
    memory: &Memory,
    step_time: &Arc<dyn StepTime>,
) -> Box<FastServer<S>> {
    let step_time = Box::new(Arc::clone(step_time));
    let server = FastServer::new(scheduler, memory.max_model_len, rules.steps_in_flight(), step_time);
    Box::new(server)
}

impl Engine for CountingServer {
    answered_by_engine!(whichever, server => server.engine);

    fn submit(&mut self, request: Request, observer: &mut (impl Observer + ?Sized)) {
        self.advanced_to = request.arrival;
        self.begin_anew_if_empty();
        if self.is_shared(&request) {
            self.shares = true;
            self.take_steps();
        }
        if !matches!(self.engine, WhichEngine::Stepping(_)) {
            self.note(Outside::Request(request.clone()));
        }
        whichever!(&mut self.engine, engine => engine.submit(request, observer));
    }

    fn abort(&mut self, id: RequestId, at: Time) {
        self.advanced_to = at;
        self.note(Outside::Abort(id));
        whichever!(&mut self.engine, engine => engine.abort(id, at));
    }

    fn advance(&mut self, until: Time, observer: &mut (impl Observer + ?Sized)) {
        self.advanced_to = until;
        whichever!(&mut self.engine, engine => engine.advance(until, observer));
        if self.know_more_if_stopped() {
            whichever!(&mut self.engine, engine => engine.advance(until, observer));
        }
    }

    fn advance_to_finish(&mut self, until: Time, observer: &mut (impl Observer + ?Sized)) -> bool {
        let finished = whichever!(&mut self.engine, engine => engine.advance_to_finish(until, observer));
        if self.know_more_if_stopped() {
            return self.advance_to_finish(until, observer);
        }
        self.advanced_to = match &self.engine {
            WhichEngine::Counting(engine) | WhichEngine::InTurns(engine) if finished => engine.now(),
            WhichEngine::Drafting(engine) if finished => engine.now(),
            _ => until,
        };
        finished
    }

    fn next_turn(&self) -> Option<Turn> {
        match &self.engine {
            WhichEngine::Counting(engine) | WhichEngine::InTurns(engine) => engine.next_step(),
            WhichEngine::Drafting(engine) => engine.next_step(),
            WhichEngine::Stepping(engine) => engine.next_turn(),
        }
    }

    fn slow_down(&mut self, factor: f64) {
        self.slowness = Some(factor);
        self.note(Outside::Slowness(factor));
        whichever!(&mut self.engine, engine => engine.slow_down(factor));
    }
}
