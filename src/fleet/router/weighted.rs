//! `weighted`: in turn, servers that weigh more more often, whatever they do: the next one is always the server whose
//! share lags furthest behind, so that turns are spread evenly (as stride scheduling does; C. Waldspurger, 1995).

use super::router_trait::{LooksFor, Router, RouterKind, View};
use crate::engine::ServerId;
use crate::workload::Request;

pub(super) const WEIGHTED: RouterKind = RouterKind {
    name: "weighted",
    summary: "In turn, by the weights of the pools: a server that weighs twice as much takes two requests for one",
    looks_for: LooksFor::Nothing,
    new: |start| {
        let turns = start.weights.iter().map(|weight| Turns {
            taken: 0,
            weight: *weight,
        });
        Box::new(Weighted { turns: turns.collect() })
    },
};

struct Weighted {
    turns: Vec<Turns>,
}

/// How often a server was chosen.
struct Turns {
    taken: u64,
    weight: f64,
}

impl Turns {
    /// When its next turn is due, if all servers started together.
    fn due(&self) -> f64 {
        (self.taken + 1) as f64 / self.weight
    }
}

impl Router for Weighted {
    fn choose(&mut self, _request: &Request, view: &mut dyn View) -> Option<ServerId> {
        let due = |server: &ServerId| self.turns[server.place()].due();
        let next = view
            .ready()
            .iter()
            .copied()
            .min_by(|one, other| due(one).total_cmp(&due(other)))?;
        self.turns[next.place()].taken += 1;
        Some(next)
    }
}
