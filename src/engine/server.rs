//! A server of any policy, under one type.

use super::continuous_server::ContinuousServer;
use super::drafting_server::DraftingServer;
use super::engine_trait::{Engine, QuietRun, ServerLoad, Turn, answered_by_engine};
use super::fast::{FastNone, FastPlanned, FastServer, FastSglang, FastStatic};
use super::grouped::GroupedServer;
use super::observer::Observer;
use super::reference::ReferenceServer;
use crate::units::Time;
use crate::workload::{Request, RequestId};

/// An [`Engine`] whose policy is known only when it runs.
pub struct Server(pub(super) Implementation);

/// One step at a time, or in leaps under policies that have a shortcut.
pub(super) enum Implementation {
    Reference(Box<ReferenceServer>),
    None(Box<FastServer<FastNone>>),
    Static(Box<FastServer<FastStatic>>),
    Planned(Box<FastServer<FastPlanned>>),
    Continuous(Box<ContinuousServer>),
    Drafting(Box<DraftingServer>),
    Grouped(Box<GroupedServer>),
    Sglang(Box<FastServer<FastSglang>>),
}

macro_rules! whichever {
    ($server:expr, $engine:ident => $call:expr) => {
        match $server {
            Implementation::Reference($engine) => $call,
            Implementation::None($engine) => $call,
            Implementation::Static($engine) => $call,
            Implementation::Planned($engine) => $call,
            Implementation::Continuous($engine) => $call,
            Implementation::Drafting($engine) => $call,
            Implementation::Grouped($engine) => $call,
            Implementation::Sglang($engine) => $call,
        }
    };
}

impl Engine for Server {
    answered_by_engine!(whichever, server => server.0);

    fn submit(&mut self, request: Request, observer: &mut (impl Observer + ?Sized)) {
        whichever!(&mut self.0, engine => engine.submit(request, observer));
    }

    fn abort(&mut self, id: RequestId, at: Time) {
        whichever!(&mut self.0, engine => engine.abort(id, at));
    }

    fn advance(&mut self, until: Time, observer: &mut (impl Observer + ?Sized)) {
        whichever!(&mut self.0, engine => engine.advance(until, observer));
    }

    fn advance_to_finish(&mut self, until: Time, observer: &mut (impl Observer + ?Sized)) -> bool {
        whichever!(&mut self.0, engine => engine.advance_to_finish(until, observer))
    }

    fn next_turn(&self) -> Option<Turn> {
        whichever!(&self.0, engine => engine.next_turn())
    }

    fn slow_down(&mut self, factor: f64) {
        whichever!(&mut self.0, engine => engine.slow_down(factor));
    }
}
