//! `central_queue`: requests wait at the router, and a server takes the head when it has a place: the fewest servers
//! for a load that any router could do with, as nobody waits behind another while a server is free (M/M/c).

use super::router_trait::{LooksFor, Router, RouterKind, View};
use crate::engine::ServerId;
use crate::workload::Request;

pub(super) const CENTRAL_QUEUE: RouterKind = RouterKind {
    name: "central_queue",
    summary: "Requests wait at the router until a server can run one more; the one with the fewest takes the oldest",
    looks_for: LooksFor::Nothing,
    new: |_| Box::new(CentralQueue),
};

struct CentralQueue;

impl Router for CentralQueue {
    fn choose(&mut self, _request: &Request, view: &mut dyn View) -> Option<ServerId> {
        let fewest = view.least_outstanding()?;
        if view.outstanding(fewest) < view.places(fewest) {
            return Some(fewest);
        }
        // Servers of other pools may run more at once.
        let has_place = |server: &ServerId| view.outstanding(*server) < view.places(*server);
        view.ready().iter().copied().find(has_place)
    }
}
