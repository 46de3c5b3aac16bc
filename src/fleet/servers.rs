//! Many servers, each advanced only as far as somebody has to look at it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rustc_hash::FxHashMap;

use super::books::{Books, NOT_READY, rank};
use super::hearing::Hearing;
use super::member::FleetMember;
use super::pools::{PoolSet, Pools};
use super::router::View;
use super::server_state::ServerState;
use super::telling::Telling;
use super::tournament::Tournament;
use crate::engine::{Engine, FleetSize, Observer, QuietRun, ServerId, ServerLoad, Turn, TurnKind};
use crate::units::{Span, Time};
use crate::workload::{Request, RequestId};

/// Servers, and what their router knows of them.
pub(super) struct FleetServers<'a, E> {
    engines: Vec<E>,
    /// Makes an empty one.
    new_engine: &'a dyn Fn(ServerId) -> E,
    states: Vec<ServerState>,
    /// When somebody may finish on each, or when anything else may change there than that more is in use.
    turns: Tournament,
    /// Requests that have come to servers which need not know yet: nobody leaves these before their turns.
    coming: FxHashMap<ServerId, Request>,
    /// Until when each server need not know of whoever comes.
    quiet: Vec<Option<QuietRun>>,
    /// Whether a router asks what is in the servers, so that their turns must not be put off until somebody may finish.
    looks_inside: bool,
    pub(super) books: Books,
    /// How many requests each can run at once.
    places: Vec<u32>,
    /// Those with a circuit breaker before them.
    behind_breakers: Vec<ServerId>,
    pools: Pools,
    /// Kept once a router has asked for it.
    demands: Option<Demands>,
}

/// The demand for each KV cache when the server was last looked at. It only grows until the next turn, unless somebody
/// is sent there or gives up.
struct Demands {
    least: Tournament,
    looked_at: Vec<Time>,
}

/// What a server would have to do with a request, at least; in the order in which a router prefers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Bid {
    /// Tokens by the server's weight, by its bits.
    cost: u64,
    last_chosen: u64,
    server: ServerId,
    known: Known,
}

/// How much a bid knows of its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Known {
    /// What was in it when it was last looked at.
    LoadBefore,
    /// What was in it and in its cache then.
    Before,
    /// What is in both now.
    Now,
}

const EARLY_FINISH: &str = "nobody finishes before the turn that was announced";

/// Later than anything that happens.
const NEVER: u128 = u128::MAX;

/// A turn as a number: numbers are in the order of turns.
#[inline]
const fn number_of(turn: Turn) -> u128 {
    (turn.at.picos() as u128) << 1 | matches!(turn.kind, TurnKind::Decision) as u128
}

#[inline]
const fn turn_of(number: u128) -> Turn {
    let at = Time::from_picos((number >> 1) as u64);
    if number & 1 == 0 {
        Turn::end(at)
    } else {
        Turn::decision(at)
    }
}

impl<'a, E: Engine> FleetServers<'a, E> {
    pub(super) fn new(members: &[FleetMember], new_engine: &'a dyn Fn(ServerId) -> E, delay: Span) -> Self {
        let count = members.len();
        let weights: Vec<f64> = members.iter().map(|member| member.weight).collect();
        Self {
            engines: (0..count as u32).map(|server| new_engine(ServerId(server))).collect(),
            new_engine,
            states: vec![ServerState::default(); count],
            turns: Tournament::new(count, NEVER),
            coming: FxHashMap::default(),
            quiet: vec![None; count],
            looks_inside: false,
            books: Books::new(&weights, delay),
            places: members.iter().map(|member| member.places).collect(),
            behind_breakers: Vec::new(),
            pools: Pools::of(members),
            demands: None,
        }
    }

    /// The memory that a request takes at most, wherever it is [bytes].
    pub(super) fn bytes_a_request(&self) -> u64 {
        self.engines.iter().map(Engine::bytes_a_request).max().unwrap_or(0)
    }

    pub(super) fn state(&self, server: ServerId) -> &ServerState {
        &self.states[server.place()]
    }

    /// How many there are, ready or not.
    pub(super) const fn count(&self) -> usize {
        self.engines.len()
    }

    /// How many are ready, and there.
    pub(super) fn size(&self) -> FleetSize {
        FleetSize {
            ready: self.books.ready().len() as u32,
            provisioned: self.states.iter().filter(|state| state.is_provisioned()).count() as u32,
        }
    }

    /// All of them, in the order of their numbers, and what has become of each.
    pub(super) fn states(&self) -> impl DoubleEndedIterator<Item = (ServerId, &ServerState)> {
        let states = self.states.iter().enumerate();
        states.map(|(place, state)| (ServerId(place as u32), state))
    }

    /// A server is stopped: an empty one takes its place, which nobody reaches.
    pub(super) fn switch_off(&mut self, server: ServerId) {
        self.empty(server);
        self.state_mut(server).switch_off();
    }

    fn empty(&mut self, server: ServerId) {
        self.engines[server.place()] = (self.new_engine)(server);
        self.note_turn(server);
    }

    /// Whether any of them, all of which have been looked at, has something to do.
    pub(super) fn has_work(&self) -> bool {
        self.engines.iter().any(|engine| engine.next_event().is_some())
    }

    pub(super) fn state_mut(&mut self, server: ServerId) -> &mut ServerState {
        &mut self.states[server.place()]
    }

    /// A server fails, or is taken away, perhaps for good: an empty one takes its place, which nobody reaches. Returns
    /// the number of this loss.
    pub(super) fn take_down(&mut self, server: ServerId, for_good: bool) -> u32 {
        self.empty(server);
        self.state_mut(server).go_down(for_good)
    }

    /// A server that has been advanced to this instant is as fast as its state says from now on.
    pub(super) fn set_pace(&mut self, server: ServerId) {
        let factor = self.state(server).slowness();
        self.engines[server.place()].slow_down(factor);
        self.note_turn(server);
    }

    /// A server takes requests from now on, or none.
    pub(super) fn set_ready(&mut self, server: ServerId, is_ready: bool) {
        self.books.set_ready(server, is_ready);
        self.note_demand(server, Time::ZERO);
    }

    /// A circuit breaker stands before a server from now on.
    pub(super) fn put_breaker(&mut self, server: ServerId, factor: f64) {
        let state = self.state_mut(server);
        let is_first = !state.has_breaker();
        state.put_breaker(factor);
        if is_first {
            self.behind_breakers.push(server);
        }
    }

    /// A circuit breaker no longer stands before a server.
    pub(super) fn take_breaker(&mut self, server: ServerId, factor: f64) {
        let state = self.state_mut(server);
        state.take_breaker(factor);
        if !state.has_breaker() {
            self.behind_breakers.retain(|other| *other != server);
        }
    }

    /// The servers take nothing whose circuit breakers let nobody in, as far as the router knows, until they are made
    /// ready again. Returns those that would take something otherwise.
    pub(super) fn bar_full(&mut self) -> Vec<ServerId> {
        let lets_nobody_in = |server: &ServerId| {
            let most = self.state(*server).most_outstanding(self.places[server.place()]);
            self.books.is_ready(*server) && most.is_some_and(|most| self.books.outstanding(*server) >= most)
        };
        let full: Vec<ServerId> = self.behind_breakers.iter().copied().filter(lets_nobody_in).collect();
        for server in &full {
            self.set_ready(*server, false);
        }
        full
    }

    /// A server has not taken what it was chosen for.
    pub(super) fn turned_away(&mut self, server: ServerId, now: Time) {
        self.books.ended(now, server);
        // It was chosen all the same.
        self.note_demand(server, Time::ZERO);
    }

    /// What is in a server now.
    pub(super) fn load(
        &mut self,
        server: ServerId,
        now: Time,
        telling: &mut Telling<'_, impl Observer + ?Sized>,
    ) -> ServerLoad {
        self.look_at(server, now, telling);
        self.engines[server.place()].load()
    }

    /// The server with the next turn; `None` if nothing will happen on any.
    pub(super) fn next_turn(&self) -> Option<(Turn, ServerId)> {
        let (place, number) = self.turns.least();
        (number != NEVER).then(|| (turn_of(number), ServerId(place as u32)))
    }

    /// Whether any of them could serve a request, alone.
    pub(super) fn can_serve(&self, request: &Request) -> bool {
        self.could_serve(request) != PoolSet::NONE
    }

    fn could_serve(&self, request: &Request) -> PoolSet {
        self.pools
            .those(|server| self.engines[server.place()].can_serve(request))
    }

    /// The pools that could serve a request which any of them could.
    pub(super) fn takers(&self, request: &Request) -> PoolSet {
        if self.pools.are_one() {
            return PoolSet::ALL;
        }
        self.could_serve(request)
    }

    /// The servers of these pools that take requests; `None` if that is so of all pools.
    pub(super) fn ready_in(&self, pools: PoolSet) -> Option<Vec<ServerId>> {
        if pools == PoolSet::ALL {
            return None;
        }
        let ready = self.books.ready().iter().copied();
        Some(ready.filter(|server| self.pools.has(pools, *server)).collect())
    }

    /// Whether a server of these pools is not ready and will be.
    pub(super) fn come_back(&self, pools: PoolSet) -> bool {
        let mut states = self.states();
        states.any(|(server, state)| self.pools.has(pools, server) && state.comes_back())
    }

    /// When something next happens on another server than this one.
    pub(super) fn next_turn_beside(&self, server: ServerId) -> Option<Time> {
        let number = self.turns.least_beside(server.place())?;
        (number != NEVER).then(|| turn_of(number).at)
    }

    /// Lets a server go on up to `until`, or until somebody finishes there.
    pub(super) fn take_turn(
        &mut self,
        server: ServerId,
        until: Time,
        hearing: &mut Hearing<'_, '_, impl Observer + ?Sized>,
    ) {
        self.hand_over(server, hearing);
        self.engines[server.place()].advance_to_finish(until, hearing);
        self.note_turn(server);
    }

    /// A request arrives at a server.
    pub(super) fn submit(
        &mut self,
        server: ServerId,
        request: Request,
        telling: &mut Telling<'_, impl Observer + ?Sized>,
    ) {
        if !telling.attempts.are_noted_inside()
            && let Some(quiet) = self.quiet[server.place()].take()
        {
            let turn = Turn::end(quiet.quiet_until(request.arrival));
            self.turns.set(server.place(), number_of(turn));
            self.coming.insert(server, request);
            return;
        }
        self.look_at(server, request.arrival, telling);
        let mut left = Vec::new();
        let mut hearing = Hearing::of(server, telling, &mut left);
        self.engines[server.place()].submit(request, &mut hearing);
        self.note_turn(server);
    }

    /// A server that is looked at is told of whoever has come since it was last.
    fn hand_over(&mut self, server: ServerId, hearing: &mut Hearing<'_, '_, impl Observer + ?Sized>) {
        if self.quiet[server.place()].is_some() {
            return;
        }
        if let Some(request) = self.coming.remove(&server) {
            let engine = &mut self.engines[server.place()];
            let has_finished = engine.advance_to_finish(request.arrival, hearing);
            assert!(!has_finished, "{EARLY_FINISH}");
            engine.submit(request, hearing);
        }
    }

    /// The client of a request on a server gives up.
    pub(super) fn abort(
        &mut self,
        server: ServerId,
        id: RequestId,
        at: Time,
        telling: &mut Telling<'_, impl Observer + ?Sized>,
    ) {
        self.look_at(server, at, telling);
        self.engines[server.place()].abort(id, at);
        self.note_turn(server);
    }

    /// Advances a server to an instant at which somebody looks at it, before its next turn.
    pub(super) fn look_at(&mut self, server: ServerId, now: Time, telling: &mut Telling<'_, impl Observer + ?Sized>) {
        let mut left = Vec::new();
        let mut hearing = Hearing::of(server, telling, &mut left);
        self.hand_over(server, &mut hearing);
        self.engines[server.place()].advance(now, &mut hearing);
        assert!(left.is_empty(), "{EARLY_FINISH}");
    }

    /// Something has changed on a server.
    fn note_turn(&mut self, server: ServerId) {
        let place = server.place();
        let engine = &self.engines[place];
        let turn = if self.looks_inside {
            engine.next_turn()
        } else {
            self.quiet[place] = engine.quiet_run();
            engine.next_leave()
        };
        self.turns.set(place, turn.map_or(NEVER, number_of));
        self.note_demand(server, Time::ZERO);
    }

    fn demand(&self, server: ServerId) -> u128 {
        let demand = self.engines[server.place()].load().kv_demand();
        rank(demand, self.books.last_chosen(server))
    }

    /// A server was looked at, if somebody wants to know.
    fn note_demand(&mut self, server: ServerId, at: Time) {
        if self.demands.is_none() {
            return;
        }
        let demand = if self.books.is_ready(server) {
            self.demand(server)
        } else {
            NOT_READY
        };
        let place = server.place();
        if let Some(demands) = &mut self.demands {
            demands.least.set(place, demand);
            demands.looked_at[place] = at;
        }
    }

    /// Takes turns from now on whenever less than before may be in use on a server that was just looked at.
    fn look_inside(&mut self, now: Time, telling: &mut Telling<'_, impl Observer + ?Sized>) {
        if self.looks_inside {
            return;
        }
        self.looks_inside = true;
        self.look_at_all(now, telling);
        self.quiet.fill(None);
        for place in 0..self.engines.len() {
            self.note_turn(ServerId(place as u32));
        }
    }

    /// Notes demands from now on.
    fn note_demands(&mut self) {
        let count = self.engines.len();
        self.demands = Some(Demands {
            least: Tournament::new(count, 0),
            looked_at: vec![Time::ZERO; count],
        });
        for place in 0..count {
            self.note_demand(ServerId(place as u32), Time::ZERO);
        }
    }

    /// Looks at all servers, so that all is known that happened before `now`.
    pub(super) fn look_at_all(&mut self, now: Time, telling: &mut Telling<'_, impl Observer + ?Sized>) {
        for place in 0..self.engines.len() {
            self.look_at(ServerId(place as u32), now, telling);
        }
    }
}

/// What the router sees while it decides where a request goes.
pub(super) struct Looking<'a, 'b, 'c, E, O: ?Sized> {
    pub(super) servers: &'a mut FleetServers<'c, E>,
    pub(super) telling: &'a mut Telling<'b, O>,
    pub(super) now: Time,
    /// The ready servers that it may choose from; `None` of all.
    pub(super) among: Option<Vec<ServerId>>,
}

impl<E: Engine, O: Observer + ?Sized> Looking<'_, '_, '_, E, O> {
    fn look_at(&mut self, server: ServerId) {
        self.servers.look_at(server, self.now, self.telling);
    }

    /// What a server would have to do with a request, as far as it has been looked at.
    fn bid(&self, server: ServerId, request: &Request, known: Known) -> Bid {
        let engine = &self.servers.engines[server.place()];
        let lacking = match known {
            Known::LoadBefore => 0,
            Known::Before | Known::Now => request.prompt.tokens() - engine.cached_tokens(request),
        };
        let tokens = u64::from(lacking) + engine.load().tokens();
        let cost = tokens as f64 / self.weight(server);
        Bid {
            cost: cost.to_bits(),
            last_chosen: self.last_chosen(server),
            server,
            known,
        }
    }
}

impl<E: Engine, O: Observer + ?Sized> View for Looking<'_, '_, '_, E, O> {
    fn ready(&self) -> &[ServerId] {
        self.among.as_deref().unwrap_or_else(|| self.servers.books.ready())
    }

    fn outstanding(&self, server: ServerId) -> u32 {
        self.servers.books.outstanding(server)
    }

    fn places(&self, server: ServerId) -> u32 {
        self.servers.places[server.place()]
    }

    fn last_chosen(&self, server: ServerId) -> u64 {
        self.servers.books.last_chosen(server)
    }

    fn weight(&self, server: ServerId) -> f64 {
        self.servers.books.weight(server)
    }

    fn least_outstanding(&mut self) -> Option<ServerId> {
        match &self.among {
            None => self.servers.books.least_outstanding(),
            Some(among) => self.servers.books.least_outstanding_of(among),
        }
    }

    /// What is in use on a server only grows until its next turn, so the least of what was last seen need be looked at,
    /// and then the least of what is seen then, until that is of now.
    fn least_kv(&mut self) -> Option<ServerId> {
        if let Some(among) = self.among.take() {
            for server in &among {
                self.look_at(*server);
            }
            let least = among.iter().copied().min_by_key(|server| self.servers.demand(*server));
            self.among = Some(among);
            return least;
        }
        self.servers.look_inside(self.now, self.telling);
        if self.servers.demands.is_none() {
            self.servers.note_demands();
        }
        loop {
            let demands = self.servers.demands.as_ref()?;
            let (place, _) = demands.least.least();
            let server = ServerId(place as u32);
            if demands.looked_at[place] == self.now || !self.servers.books.is_ready(server) {
                return self.servers.books.is_ready(server).then_some(server);
            }
            self.look_at(server);
            self.servers.note_demand(server, self.now);
        }
    }

    /// Until its next turn what is in use on a server only grows, and its cache only forgets: as it was when it was
    /// last looked at, it has no more to do than now. So a server is looked at, and before that its cache is asked,
    /// only while it may be the one with the least.
    fn least_to_do(&mut self, request: &Request) -> Option<ServerId> {
        self.servers.look_inside(self.now, self.telling);
        let ready = self.ready().iter();
        let bids = ready.map(|&server| Reverse(self.bid(server, request, Known::LoadBefore)));
        let mut bids: BinaryHeap<_> = bids.collect();
        loop {
            let mut least = bids.peek_mut()?;
            let server = least.0.server;
            let known = match least.0.known {
                Known::LoadBefore => Known::Before,
                Known::Before => {
                    self.look_at(server);
                    Known::Now
                }
                Known::Now => return Some(server),
            };
            *least = Reverse(self.bid(server, request, known));
        }
    }

    fn load(&mut self, server: ServerId) -> ServerLoad {
        self.servers.load(server, self.now, self.telling)
    }

    fn cached_tokens(&mut self, server: ServerId, request: &Request) -> u32 {
        self.look_at(server);
        self.servers.engines[server.place()].cached_tokens(request)
    }
}
