//! A server whose blocks are divided between groups of layers, under vLLM's batching.
//!
//! As long as every request has a prompt of its own and the running ones find their blocks, nobody finds anything in
//! the prefix cache: the server leaps, and counts blocks. When they run short somebody is preempted, who may find again
//! what it has lost. Then the steps since the server was last empty are taken again by an engine that leaps too, but
//! knows what became of each request's blocks. When a request comes whose prompt others share, they are taken again by
//! the readable engine, which knows every block. Each goes on from there. An empty server in which nobody has shared
//! anything begins anew: whatever lies in its cache, nobody asks for it.

use std::sync::Arc;

use super::engine_trait::{Engine, QuietRun, ServerLoad, Turn, answered_by_engine};
use super::fast::{FastContinuous, FastServer};
use super::observer::{Event, Observer, StepRun};
use super::progress::{CatchesUp, Progress};
use super::reference::ReferenceServer;
use crate::policy::{ContinuousSettings, Memory, PolicySettings};
use crate::step_time::StepTime;
use crate::units::Time;
use crate::workload::{Request, RequestId};

/// So much is remembered of what was handed over since the server was last empty, about 200 MB; then it goes on without
/// leaps.
const MOST_REMEMBERED: usize = 1 << 20;

/// A server that knows no more of its blocks than what matters to somebody.
pub(super) struct GroupedServer {
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

impl GroupedServer {
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
        if !self.rules.prefix_caching {
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
            WhichEngine::Stepping(_) => None,
        }
    }

    /// An empty server begins anew, and counts.
    fn begin_anew_if_empty(&mut self) {
        let is_empty = match &self.engine {
            WhichEngine::Counting(engine) | WhichEngine::InTurns(engine) => {
                engine.in_server() == 0 && engine.next_event().is_none()
            }
            WhichEngine::Stepping(engine) => engine.is_idle() && !self.shares,
        };
        if !is_empty {
            return;
        }
        match &mut self.engine {
            WhichEngine::Counting(engine) => engine.count_anew(),
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
        let WhichEngine::Counting(engine) = &self.engine else {
            return false;
        };
        if !engine.is_stopped() {
            return false;
        }
        let progress = engine.progress();
        if let Some(mut engine) = in_turns(&self.rules, &self.memory, &self.step_time) {
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
        self.rules.prefix_caching && !request.begins_alone()
    }
}

fn counting(rules: &ContinuousSettings, memory: &Memory, step_time: &Arc<dyn StepTime>) -> WhichEngine {
    let scheduler = FastContinuous::new(rules.clone(), memory.clone());
    WhichEngine::Counting(leaping(scheduler, rules, memory, step_time))
}

/// `None` if not all chunks of groups are made of whole blocks.
fn in_turns(
    rules: &ContinuousSettings,
    memory: &Memory,
    step_time: &Arc<dyn StepTime>,
) -> Option<Box<FastServer<FastContinuous>>> {
    let scheduler = FastContinuous::in_turns(rules.clone(), memory.clone())?;
    Some(leaping(scheduler, rules, memory, step_time))
}

fn leaping(
    scheduler: FastContinuous,
    rules: &ContinuousSettings,
    memory: &Memory,
    step_time: &Arc<dyn StepTime>,
) -> Box<FastServer<FastContinuous>> {
    let step_time = Box::new(Arc::clone(step_time));
    let server = FastServer::new(scheduler, memory.max_model_len, rules.steps_in_flight(), step_time);
    Box::new(server)
}

impl Engine for GroupedServer {
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
            _ => until,
        };
        finished
    }

    fn next_turn(&self) -> Option<Turn> {
        match &self.engine {
            WhichEngine::Counting(engine) | WhichEngine::InTurns(engine) => engine.next_step(),
            WhichEngine::Stepping(engine) => engine.next_turn(),
        }
    }

    fn slow_down(&mut self, factor: f64) {
        self.slowness = Some(factor);
        self.note(Outside::Slowness(factor));
        whichever!(&mut self.engine, engine => engine.slow_down(factor));
    }
}
