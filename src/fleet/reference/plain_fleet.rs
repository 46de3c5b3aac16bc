//! The readable fleet between instants: when something happens next, and everything that was told, in order.

use std::collections::{BTreeMap, VecDeque};

use super::ears::Ears;
use super::state::{OutputTokens, PlainAttempt, PlainServer, Sent, Told};
use crate::engine::{Engine, Event, Observer, ServerId};
use crate::fleet::agenda::Agenda;
use crate::fleet::attempt::request_of;
use crate::fleet::autoscale::Scaler;
use crate::fleet::hearing::Left;
use crate::fleet::replay::next_arrival;
use crate::fleet::replay_error::ReplayError;
use crate::fleet::retry::Retrying;
use crate::fleet::router::Router;
use crate::fleet::rules::Hardships;
use crate::fleet::telling::Location;
use crate::fleet::watch::Unwatched;
use crate::units::{Span, Time};
use crate::workload::{Request, RequestId, Source};

/// A run as far as it has gone.
pub(super) struct ReadableFleet<'a, E> {
    pub(super) router: Box<dyn Router>,
    pub(super) servers: Vec<PlainServer<E>>,
    pub(super) new_engine: &'a dyn Fn(ServerId) -> E,
    pub(super) delay: Span,
    pub(super) hardships: &'a Hardships,
    /// Attempts that wait at the router, next first.
    pub(super) queue: VecDeque<Request>,
    /// All that were sent and have not ended.
    pub(super) requests: BTreeMap<RequestId, Sent>,
    /// All attempts that are at the router or in a server.
    pub(super) attempts: BTreeMap<RequestId, PlainAttempt>,
    pub(super) retrying: Retrying,
    pub(super) agenda: Agenda,
    pub(super) scaler: Option<Scaler>,
    pub(super) left: Vec<Left>,
    /// Up to when the router has looked at its queue because it learned something.
    pub(super) news_until: Time,
    pub(super) chosen: u64,
    pub(super) made: u64,
    pub(super) told: Vec<(Time, Location, Told)>,
    /// All tokens that servers have produced.
    pub(super) produced: Vec<OutputTokens>,
    pub(super) source: &'a mut dyn Source,
    pub(super) observer: &'a mut dyn Observer,
}

impl<E: Engine> ReadableFleet<'_, E> {
    pub(super) fn next_instant(&mut self) -> Result<Option<Time>, ReplayError> {
        let arrival = next_arrival(self.source, &mut Unwatched)?;
        let left = self.left.iter().map(|left| left.at).min();
        let waited_for = self.attempts.iter().filter(|(_, attempt)| attempt.leaves.is_none());
        let deadline = waited_for.filter_map(|(id, attempt)| self.deadline(*id, attempt)).min();
        let planned = self.next_planned()?;
        let servers = self.servers.iter().filter_map(|server| server.engine.next_event());
        let others = [arrival, left, self.next_news(), deadline, planned]
            .into_iter()
            .flatten();
        Ok(others.chain(servers).min())
    }

    /// When the client of an attempt gives up.
    pub(super) fn deadline(&self, id: RequestId, attempt: &PlainAttempt) -> Option<Time> {
        Some(attempt.sent + self.source.timeout(id.class())?)
    }

    /// When something is due that was planned, as long as there are requests for which it matters.
    pub(super) fn next_planned(&mut self) -> Result<Option<Time>, ReplayError> {
        let goes_on = !self.requests.is_empty() || next_arrival(self.source, &mut Unwatched)?.is_some();
        Ok(self.agenda.next().filter(|_| goes_on))
    }

    /// When the router next learns something that those who wait at it may be waiting for.
    pub(super) fn next_news(&self) -> Option<Time> {
        if self.queue.is_empty() || self.delay == Span::ZERO {
            return None;
        }
        let changes = self
            .servers
            .iter()
            .flat_map(|server| server.came.iter().chain(&server.ended));
        let news = changes.map(|at| *at + self.delay);
        news.filter(|at| *at > self.news_until).min()
    }

    /// Runs every step that starts before `until`.
    pub(super) fn run_servers(&mut self, until: Time) {
        for place in 0..self.servers.len() {
            self.with_server(place, |engine, ears| engine.advance(until, ears));
        }
    }

    pub(super) fn with_server(&mut self, place: usize, act: impl FnOnce(&mut E, &mut Ears<'_>)) {
        let mut ears = Ears {
            server: ServerId(place as u32),
            attempts: &mut self.attempts,
            left: &mut self.left,
            told: &mut self.told,
            produced: &mut self.produced,
            observer: self.observer,
        };
        act(&mut self.servers[place].engine, &mut ears);
    }

    pub(super) fn tell_router(&mut self, now: Time, attempt: RequestId, event: Event) {
        self.told
            .push((now, Location::Router, Told::Event(request_of(attempt), event)));
    }

    /// Tells what happened in the order of time; of one instant, what the router did first, then each server.
    pub(super) fn tell(&mut self) {
        self.told.sort_by_key(|(at, place, _)| (*at, *place));
        for (at, _, told) in self.told.drain(..) {
            match told {
                Told::Sent(request) => self.observer.sent(&request),
                Told::Event(id, event) => self.observer.on(at, id, &event),
                Told::Streamed(tokens) => self.observer.streamed(&tokens),
                Told::Change(server, change, size) => self.observer.server_changed(at, server, change, size),
                Told::Scaled(wanted) => self.observer.scaled(at, wanted),
            }
        }
    }
}
