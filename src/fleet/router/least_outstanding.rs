//! `least_outstanding`: the server with the fewest requests that have not ended, as nginx's `least_conn` and Envoy's
//! `LEAST_REQUEST` over all hosts do.

use super::router_trait::{LooksFor, Router, RouterKind, View};
use crate::engine::ServerId;
use crate::workload::Request;

pub(super) const LEAST_OUTSTANDING: RouterKind = RouterKind {
    name: "least_outstanding",
    summary: "The server with the fewest requests that were sent to it and have not ended",
    looks_for: LooksFor::Nothing,
    new: |_| Box::new(LeastOutstanding),
};

struct LeastOutstanding;

impl Router for LeastOutstanding {
    fn choose(&mut self, _request: &Request, view: &mut dyn View) -> Option<ServerId> {
        view.least_outstanding()
    }
}
