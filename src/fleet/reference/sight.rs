//! What the router of the readable fleet sees.

use super::state::PlainServer;
use crate::engine::{Engine, ServerId, ServerLoad};
use crate::fleet::router::View;
use crate::units::Time;
use crate::workload::Request;

/// What the router sees: all servers are at this instant.
pub(super) struct PlainView<'a, E, Known> {
    pub(super) servers: &'a [PlainServer<E>],
    pub(super) ready: Vec<ServerId>,
    /// Whether the router knows of what happened then.
    pub(super) known_until: Known,
}

impl<E: Engine, Known: Fn(Time) -> bool> PlainView<'_, E, Known> {
    /// Leaves out those whose circuit breakers let nobody in.
    pub(super) fn leave_out_full(&mut self) {
        let is_let_in = |server: &ServerId| {
            let most = self.of(*server).state.most_outstanding(self.places(*server));
            most.is_none_or(|most| self.outstanding(*server) < most)
        };
        self.ready = self.ready.iter().copied().filter(is_let_in).collect();
    }

    fn of(&self, server: ServerId) -> &PlainServer<E> {
        &self.servers[server.place()]
    }

    /// The server with the least of something; among equals the one that was chosen least recently.
    fn least(&self, measure: impl Fn(ServerId) -> f64) -> Option<ServerId> {
        let rank = |server: &ServerId| (measure(*server), self.last_chosen(*server));
        let by_rank = |one: &ServerId, other: &ServerId| rank(one).partial_cmp(&rank(other)).expect("numbers");
        self.ready.iter().copied().min_by(by_rank)
    }
}

impl<E: Engine, Known: Fn(Time) -> bool> View for PlainView<'_, E, Known> {
    fn ready(&self) -> &[ServerId] {
        &self.ready
    }

    fn outstanding(&self, server: ServerId) -> u32 {
        let server = self.of(server);
        let known = |times: &[Time]| times.iter().filter(|at| (self.known_until)(**at)).count() as u32;
        known(&server.came) - known(&server.ended)
    }

    fn places(&self, server: ServerId) -> u32 {
        self.of(server).places
    }

    fn last_chosen(&self, server: ServerId) -> u64 {
        self.of(server).last_chosen
    }

    fn weight(&self, server: ServerId) -> f64 {
        self.of(server).weight
    }

    fn least_outstanding(&mut self) -> Option<ServerId> {
        self.least(|server| f64::from(self.outstanding(server)) / self.weight(server))
    }

    fn least_kv(&mut self) -> Option<ServerId> {
        self.least(|server| self.of(server).engine.load().kv_demand())
    }

    fn load(&mut self, server: ServerId) -> ServerLoad {
        self.of(server).engine.load()
    }

    fn cached_tokens(&mut self, server: ServerId, request: &Request) -> u32 {
        self.of(server).engine.cached_tokens(request)
    }
}
