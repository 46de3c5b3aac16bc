//! What a router knows of its servers by its own counting: how many requests each has that have not ended.

use std::collections::VecDeque;

use super::tournament::Tournament;
use crate::engine::ServerId;
use crate::units::{Span, Time};

/// Counts of requests by server, as old as the router's view is.
pub(super) struct Books {
    /// Those that take requests, in the order of their numbers.
    ready: Vec<ServerId>,
    servers: Vec<Entry>,
    /// Who has the fewest requests by its weight, and was chosen least recently among equals.
    fewest: Tournament,
    /// How many requests were given to a server.
    choices: u64,
    /// How long it takes until the router knows what has changed.
    delay: Span,
    /// What has changed and is not known yet, in the order of time.
    unknown: VecDeque<(Time, ServerId, Change)>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    outstanding: u32,
    last_chosen: u64,
    weight: f64,
    is_ready: bool,
}

/// The rank of a server with so much of something, which was chosen last then: non-negative floating-point numbers are
/// in the order of their bits.
#[inline]
pub(super) const fn rank(amount: f64, last_chosen: u64) -> u128 {
    (amount.to_bits() as u128) << 64 | last_chosen as u128
}

/// Beyond all others.
pub(super) const NOT_READY: u128 = u128::MAX;

#[derive(Clone, Copy, Debug)]
enum Change {
    Sent,
    Ended,
}

impl Entry {
    fn rank(&self) -> u128 {
        if !self.is_ready {
            return NOT_READY;
        }
        rank(f64::from(self.outstanding) / self.weight, self.last_chosen)
    }
}

impl Books {
    /// Servers with these weights, all of them empty.
    pub(super) fn new(weights: &[f64], delay: Span) -> Self {
        let entry = |&weight: &f64| Entry {
            outstanding: 0,
            last_chosen: 0,
            weight,
            is_ready: true,
        };
        Self {
            ready: (0..weights.len() as u32).map(ServerId).collect(),
            servers: weights.iter().map(entry).collect(),
            // Nobody has any requests.
            fewest: Tournament::new(weights.len(), 0),
            choices: 0,
            delay,
            unknown: VecDeque::new(),
        }
    }

    fn rank(&mut self, place: usize) {
        self.fewest.set(place, self.servers[place].rank());
    }

    /// When the router next learns something.
    pub(super) fn next_news(&self) -> Option<Time> {
        self.unknown.front().map(|(at, ..)| *at)
    }

    /// Learns what is known at `now`.
    pub(super) fn learn(&mut self, now: Time) {
        while let Some(&(at, server, change)) = self.unknown.front() {
            if at > now {
                break;
            }
            self.unknown.pop_front();
            self.apply(server, change);
        }
    }

    fn apply(&mut self, server: ServerId, change: Change) {
        let entry = &mut self.servers[server.place()];
        match change {
            Change::Sent => entry.outstanding += 1,
            Change::Ended => entry.outstanding -= 1,
        }
        self.rank(server.place());
    }

    fn change(&mut self, at: Time, server: ServerId, change: Change) {
        if self.delay == Span::ZERO {
            self.apply(server, change);
        } else {
            self.unknown.push_back((at + self.delay, server, change));
        }
    }

    /// A request is sent to a server.
    pub(super) fn sent(&mut self, at: Time, server: ServerId) {
        self.choices += 1;
        self.servers[server.place()].last_chosen = self.choices;
        if self.delay > Span::ZERO {
            self.rank(server.place());
        }
        self.change(at, server, Change::Sent);
    }

    /// A request that was sent to a server has ended.
    pub(super) fn ended(&mut self, at: Time, server: ServerId) {
        self.change(at, server, Change::Ended);
    }

    pub(super) fn ready(&self) -> &[ServerId] {
        &self.ready
    }

    pub(super) fn outstanding(&self, server: ServerId) -> u32 {
        self.servers[server.place()].outstanding
    }

    pub(super) fn last_chosen(&self, server: ServerId) -> u64 {
        self.servers[server.place()].last_chosen
    }

    pub(super) fn weight(&self, server: ServerId) -> f64 {
        self.servers[server.place()].weight
    }

    /// The ready server with the fewest requests by its weight.
    pub(super) fn least_outstanding(&self) -> Option<ServerId> {
        let server = ServerId(self.fewest.least().0 as u32);
        self.is_ready(server).then_some(server)
    }

    /// Of these servers, all of which are ready, the one with the fewest requests by its weight.
    pub(super) fn least_outstanding_of(&self, among: &[ServerId]) -> Option<ServerId> {
        let rank = |server: &ServerId| self.servers[server.place()].rank();
        among.iter().copied().min_by_key(rank)
    }

    pub(super) fn is_ready(&self, server: ServerId) -> bool {
        self.servers[server.place()].is_ready
    }

    /// A server takes requests from now on, or none.
    pub(super) fn set_ready(&mut self, server: ServerId, is_ready: bool) {
        let entry = &mut self.servers[server.place()];
        if entry.is_ready == is_ready {
            return;
        }
        entry.is_ready = is_ready;
        match self.ready.binary_search(&server) {
            Ok(place) => drop(self.ready.remove(place)),
            Err(place) => self.ready.insert(place, server),
        }
        self.rank(server.place());
    }
}
