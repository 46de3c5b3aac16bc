//! A server of continuous batching without groups of layers: on the plain path as long as that knows how to go on.

use super::engine_trait::{Engine, QuietRun, ServerLoad, Turn, advanced_until_taken_over, answered_by_engine};
use super::fast::{FastContinuous, FastServer, PlainContinuous};
use super::observer::Observer;
use crate::policy::{ContinuousSettings, Memory};
use crate::step_time::StepTime;
use crate::units::Time;
use crate::workload::{Request, RequestId};

/// A server whose requests are lines of numbers until something happens to them.
pub(super) struct ContinuousServer {
    engine: Path,
    rules: ContinuousSettings,
    /// Whether a request has come whose content others may look for.
    shares: bool,
}

enum Path {
    Plain(Box<FastServer<PlainContinuous>>),
    General(Box<FastServer<FastContinuous>>),
    /// Neither, while one becomes the other.
    Between,
}

macro_rules! whichever {
    ($server:expr, $engine:ident => $call:expr) => {
        match $server {
            Path::Plain($engine) => $call,
            Path::General($engine) => $call,
            Path::Between => unreachable!("a server is on one path or the other"),
        }
    };
}

impl ContinuousServer {
    /// An empty server.
    pub(super) fn new(rules: ContinuousSettings, memory: Memory, step_time: Box<dyn StepTime>) -> Self {
        let longest = memory.max_model_len;
        let scheduler = PlainContinuous::new(rules.clone(), memory);
        Self {
            engine: Path::Plain(Box::new(FastServer::new(
                scheduler,
                longest,
                rules.steps_in_flight(),
                step_time,
            ))),
            rules,
            shares: false,
        }
    }

    /// Goes on with the general scheduler, from where it is.
    #[cold]
    fn leave_plain_path(&mut self) {
        self.engine = match std::mem::replace(&mut self.engine, Path::Between) {
            Path::Plain(engine) => Path::General(Box::new(engine.into_general())),
            other => other,
        };
    }

    /// An empty server begins anew on the plain path, unless somebody might look for what its cache holds.
    #[cold]
    fn find_plain_path(&mut self) {
        let Path::General(engine) = &self.engine else { return };
        if self.shares || engine.in_server() > 0 || engine.next_event().is_some() {
            return;
        }
        if let Path::General(engine) = std::mem::replace(&mut self.engine, Path::Between) {
            self.engine = Path::Plain(Box::new(engine.into_plain()));
        }
    }

    /// Whether the plain path has ended here, so that another takes over.
    fn has_taken_over(&mut self) -> bool {
        let is_stopped = matches!(&self.engine, Path::Plain(engine) if engine.is_stopped());
        if is_stopped {
            self.leave_plain_path();
        }
        is_stopped
    }
}

impl Engine for ContinuousServer {
    answered_by_engine!(whichever, server => server.engine);
    advanced_until_taken_over!(whichever);

    fn submit(&mut self, request: Request, observer: &mut (impl Observer + ?Sized)) {
        if PlainContinuous::knows(&self.rules, &request) {
            if matches!(self.engine, Path::General(_)) {
                self.find_plain_path();
            }
        } else {
            self.shares |= self.rules.prefix_caching;
            self.leave_plain_path();
        }
        whichever!(&mut self.engine, engine => engine.submit(request, observer));
    }

    fn abort(&mut self, id: RequestId, at: Time) {
        self.leave_plain_path();
        whichever!(&mut self.engine, engine => engine.abort(id, at));
    }

    fn next_turn(&self) -> Option<Turn> {
        whichever!(&self.engine, engine => engine.next_turn())
    }
}
