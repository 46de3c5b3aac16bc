//! A server of continuous batching beside drafts: as long as nobody shares a prompt and blocks do for all who run, it
//! counts blocks without knowing which they are. An empty server in which nobody has shared anything does so again:
//! whatever lies in its cache, nobody asks for it.

use super::engine_trait::{Engine, QuietRun, ServerLoad, Turn, advanced_until_taken_over, answered_by_engine};
use super::fast::{FastDrafting, FastServer};
use super::observer::Observer;
use super::reference::ReferenceServer;
use crate::policy::{ContinuousSettings, Memory, Speculative};
use crate::step_time::{Paced, StepTime};
use crate::units::Time;
use crate::workload::{Request, RequestId};

/// A server that knows which blocks its requests have only where that matters.
pub(super) struct DraftingServer {
    rules: ContinuousSettings,
    drafts: Speculative,
    memory: Memory,
    engine: WhichEngine,
    /// Whether a request has come whose content others may look for.
    shares: bool,
}

enum WhichEngine {
    Counting(Box<FastServer<FastDrafting>>),
    Stepping(Box<ReferenceServer>),
    /// Neither, while one becomes the other.
    Between,
}

macro_rules! whichever {
    ($server:expr, $engine:ident => $call:expr) => {
        match $server {
            WhichEngine::Counting($engine) => $call,
            WhichEngine::Stepping($engine) => $call,
            WhichEngine::Between => unreachable!("a server has one engine or the other"),
        }
    };
}

impl DraftingServer {
    /// An empty server.
    pub(super) fn new(
        rules: &ContinuousSettings,
        drafts: &Speculative,
        memory: Memory,
        step_time: Box<dyn StepTime>,
    ) -> Self {
        let mut server = Self {
            rules: rules.clone(),
            drafts: drafts.clone(),
            memory,
            engine: WhichEngine::Between,
            shares: false,
        };
        server.count(Paced::new(step_time));
        server
    }

    /// Counts blocks, from an empty server on.
    fn count(&mut self, step_time: Paced) {
        let scheduler = FastDrafting::new(&self.rules, &self.drafts, self.memory.clone());
        self.engine = WhichEngine::Counting(Box::new(FastServer::of_drafts(scheduler, step_time)));
    }

    fn count_again_if_empty(&mut self) {
        let is_due = matches!(&self.engine, WhichEngine::Stepping(engine) if engine.is_idle()) && !self.shares;
        if is_due && let WhichEngine::Stepping(engine) = std::mem::replace(&mut self.engine, WhichEngine::Between) {
            self.count(engine.into_step_time());
        }
    }

    /// From now on knows every block.
    #[cold]
    fn step(&mut self) {
        self.engine = match std::mem::replace(&mut self.engine, WhichEngine::Between) {
            WhichEngine::Counting(engine) => WhichEngine::Stepping(Box::new(engine.into_stepping())),
            other => other,
        };
    }

    /// Whether it has come to where it matters which blocks requests have, so that another engine has taken over.
    fn has_taken_over(&mut self) -> bool {
        let is_stopped = matches!(&self.engine, WhichEngine::Counting(engine) if engine.is_stopped());
        if is_stopped {
            self.step();
        }
        is_stopped
    }
}

impl Engine for DraftingServer {
    answered_by_engine!(whichever, server => server.engine);
    advanced_until_taken_over!(whichever);

    fn submit(&mut self, request: Request, observer: &mut (impl Observer + ?Sized)) {
        self.count_again_if_empty();
        if self.rules.prefix_caching && !request.begins_alone() {
            self.shares = true;
            self.step();
        }
        whichever!(&mut self.engine, engine => engine.submit(request, observer));
    }

    fn abort(&mut self, id: RequestId, at: Time) {
        whichever!(&mut self.engine, engine => engine.abort(id, at));
    }

    fn next_turn(&self) -> Option<Turn> {
        match &self.engine {
            WhichEngine::Counting(engine) => engine.next_step(),
            WhichEngine::Stepping(engine) => engine.next_turn(),
            WhichEngine::Between => unreachable!("a server has one engine or the other"),
        }
    }
}
