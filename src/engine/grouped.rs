//! A server whose blocks are divided between groups of layers, under vLLM's batching.
//!
//! As long as every request has a prompt of its own, the prefix cache holds for each what it has lost itself, and the
//! server leaps. When a request comes whose prompt others share, the steps since the server was last empty are taken
//! again by the readable engine, which knows every block, and which goes on from there. An empty server in which nobody
//! has shared anything begins anew: whatever lies in its cache, nobody asks for it.

use std::sync::Arc;

use super::engine_trait::{Engine, QuietRun, ServerLoad, Turn};
use super::fast::{FastContinuous, FastServer};
use super::observer::{Event, Observer, StepRun};
use super::progress::Progress;
use super::reference::ReferenceServer;
use crate::policy::{ContinuousSettings, Memory, PolicySettings};
use crate::step_time::StepTime;
use crate::units::Time;
use crate::workload::{ContentId, Request, RequestId};

/// So much is remembered of what was handed over since the server was last empty, about 200 MB; then it goes on without
/// leaps.
const MOST_REMEMBERED: usize = 1 << 20;

/// A server that leaps while nobody shares blocks.
pub(super) struct GroupedServer {
    rules: ContinuousSettings,
    memory: Memory,
    step_time: Arc<dyn StepTime>,
    engine: WhichEngine,
    /// What was handed over since the server was last empty, while it leaps.
    handed_over: Vec<HandedOver>,
    /// The instant to which it has been advanced.
    advanced_to: Time,
    /// By what steps are longer than they would be.
    slowness: Option<f64>,
    /// Whether a request has come whose prompt others can name.
    shares: bool,
}

enum WhichEngine {
    Leaping(Box<FastServer<FastContinuous>>),
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
            WhichEngine::Leaping($engine) => $call,
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
            engine: leaping(&rules, &memory, &step_time),
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
        if let WhichEngine::Leaping(engine) = &self.engine {
            self.handed_over.push(HandedOver {
                what,
                at: self.advanced_to,
                progress: engine.progress(),
            });
        }
    }

    /// An empty server begins anew, and leaps again.
    fn begin_anew_if_empty(&mut self) {
        match &mut self.engine {
            WhichEngine::Leaping(engine) if engine.in_server() == 0 && engine.next_event().is_none() => {
                engine.count_anew();
            }
            WhichEngine::Stepping(engine) if engine.is_idle() && !self.shares => {
                self.engine = leaping(&self.rules, &self.memory, &self.step_time);
                if let Some(factor) = self.slowness {
                    whichever!(&mut self.engine, engine => engine.slow_down(factor));
                }
            }
            _ => return,
        }
        self.handed_over.clear();
        if let Some(factor) = self.slowness {
            self.note(Outside::Slowness(factor));
        }
    }

    /// From now on takes every step by itself, from where it is.
    fn take_steps(&mut self) {
        let WhichEngine::Leaping(engine) = &self.engine else {
            return;
        };
        let progress = engine.progress();
        let mut engine = self.again();
        engine.catch_up(progress, &mut Deaf);
        engine.advance(self.advanced_to, &mut Deaf);
        self.engine = WhichEngine::Stepping(engine);
    }

    /// From now on takes every step by itself if the shortcut does not know how to decide the next one. True if so.
    fn take_steps_if_stopped(&mut self) -> bool {
        let WhichEngine::Leaping(engine) = &self.engine else {
            return false;
        };
        if !engine.is_stopped() {
            return false;
        }
        let progress = engine.progress();
        let mut engine = self.again();
        engine.catch_up(progress, &mut Deaf);
        engine.stop_at_decision(&mut Deaf);
        self.engine = WhichEngine::Stepping(engine);
        true
    }

    /// A readable engine that is handed the same again, and has been advanced to the latest of it.
    fn again(&mut self) -> Box<ReferenceServer> {
        let planner = PolicySettings::Continuous(self.rules.clone()).planner(self.memory.clone());
        let mut engine = ReferenceServer::new(planner, self.memory.clone(), Box::new(Arc::clone(&self.step_time)));
        for HandedOver { what, at, progress } in self.handed_over.drain(..) {
            // By steps first: several may begin and end at one instant, between which something comes.
            engine.catch_up(progress, &mut Deaf);
            engine.advance(at, &mut Deaf);
            match what {
                Outside::Request(request) => engine.submit(request, &mut Deaf),
                Outside::Abort(id) => engine.abort(id, at),
                Outside::Slowness(factor) => engine.slow_down(factor),
            }
        }
        Box::new(engine)
    }

    /// Whether others can name what a request has in the cache.
    fn is_shared(&self, request: &Request) -> bool {
        let own = ContentId::unique_prompt_of(request.id);
        let segments = request.prompt.segments().unwrap_or_default();
        self.rules.prefix_caching && segments.first().is_some_and(|first| first.content != own)
    }
}

fn leaping(rules: &ContinuousSettings, memory: &Memory, step_time: &Arc<dyn StepTime>) -> WhichEngine {
    let scheduler = FastContinuous::new(rules.clone(), memory.clone());
    let step_time = Box::new(Arc::clone(step_time));
    let server = FastServer::new(scheduler, memory.max_model_len, rules.steps_in_flight(), step_time);
    WhichEngine::Leaping(Box::new(server))
}

impl Engine for GroupedServer {
    fn can_serve(&self, request: &Request) -> bool {
        whichever!(&self.engine, engine => engine.can_serve(request))
    }

    fn submit(&mut self, request: Request, observer: &mut (impl Observer + ?Sized)) {
        self.advanced_to = request.arrival;
        self.begin_anew_if_empty();
        if self.is_shared(&request) {
            self.shares = true;
            self.take_steps();
        }
        if matches!(self.engine, WhichEngine::Leaping(_)) {
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
        if self.take_steps_if_stopped() {
            whichever!(&mut self.engine, engine => engine.advance(until, observer));
        }
    }

    fn advance_to_finish(&mut self, until: Time, observer: &mut (impl Observer + ?Sized)) -> bool {
        let finished = whichever!(&mut self.engine, engine => engine.advance_to_finish(until, observer));
        if self.take_steps_if_stopped() {
            return self.advance_to_finish(until, observer);
        }
        self.advanced_to = match &self.engine {
            WhichEngine::Leaping(engine) if finished => engine.now(),
            _ => until,
        };
        finished
    }

    fn in_server(&self) -> u64 {
        whichever!(&self.engine, engine => engine.in_server())
    }

    fn bytes_a_request(&self) -> u64 {
        whichever!(&self.engine, engine => engine.bytes_a_request())
    }

    fn next_event(&self) -> Option<Time> {
        whichever!(&self.engine, engine => engine.next_event())
    }

    fn next_turn(&self) -> Option<Turn> {
        match &self.engine {
            WhichEngine::Leaping(engine) => engine.next_step(),
            WhichEngine::Stepping(engine) => engine.next_turn(),
        }
    }

    fn next_leave(&self) -> Option<Turn> {
        whichever!(&self.engine, engine => engine.next_leave())
    }

    fn quiet_run(&self) -> Option<QuietRun> {
        whichever!(&self.engine, engine => engine.quiet_run())
    }

    fn load(&self) -> ServerLoad {
        whichever!(&self.engine, engine => engine.load())
    }

    fn cached_tokens(&self, request: &Request) -> u32 {
        whichever!(&self.engine, engine => engine.cached_tokens(request))
    }

    fn slow_down(&mut self, factor: f64) {
        self.slowness = Some(factor);
        self.note(Outside::Slowness(factor));
        whichever!(&mut self.engine, engine => engine.slow_down(factor));
    }
}
