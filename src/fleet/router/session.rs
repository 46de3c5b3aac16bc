//! `session`: all requests of a session go to the same server, by consistent hashing of its name, as session affinity
//! of gateways does; to the next one on the ring while that server is not ready. Nothing is remembered of sessions.

use super::hashing::Ring;
use super::router_trait::{LooksFor, Router, RouterKind, View};
use crate::engine::ServerId;
use crate::stats::streams::mix;
use crate::workload::Request;

pub(super) const SESSION: RouterKind = RouterKind {
    name: "session",
    summary: "All requests of a session go to the same server, whatever the others do; those without one to any",
    looks_for: LooksFor::Sessions,
    new: |start| Box::new(Session { ring: Ring::new(start) }),
};

struct Session {
    ring: Ring,
}

impl Router for Session {
    fn choose(&mut self, request: &Request, view: &mut dyn View) -> Option<ServerId> {
        let ready = view.ready();
        let is_ready = |server: &ServerId| ready.binary_search(server).is_ok();
        self.ring.from(mix(request.session.0)).find(is_ready)
    }
}
