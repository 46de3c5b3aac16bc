//! What becomes of requests in the run of a fleet: sent, refused, answered, lost, given up, sent again.

use std::cmp::Reverse;

use super::agenda::Due;
use super::attempt::{Leaves, request_of, with_names};
use super::hearing::Left;
use super::journeys::Attempt;
use super::pools::PoolSet;
use super::replay_error::ReplayError;
use super::replay_fleet::{Departure, FleetRun};
use super::servers::Looking;
use super::telling::Location;
use super::watch::Watch;
use crate::engine::{Engine, Event, Finished, Loss, Observer, ServerId};
use crate::units::Time;
use crate::workload::{Request, RequestId, Segment};

impl<E: Engine, O: Observer + ?Sized, W: Watch> FleetRun<'_, '_, E, O, W> {
    /// A client sends a request, if one arrives.
    pub(super) fn arrive(&mut self) -> Result<(), ReplayError> {
        self.arrival_is_known = false;
        if !self.source.arrives() {
            self.let_leave();
            return Ok(());
        }
        let request = self.source.take();
        self.watch.sent();
        self.sizes.add(request.prompt.segments().map(<[Segment]>::len));
        // Before it is taken in: the queue that has no room for it must not grow first.
        let in_vain = self.telling.attempts.given_up.len() as u64;
        let bytes = self.sizes.bytes_of(self.in_fleet + in_vain + 1, self.bytes_a_request);
        self.watch.may_hold(bytes.saturating_add(self.source.held_bytes()))?;
        let (id, now) = (request.id, request.arrival);
        let request = match self.hardships.admission.lets_in(request) {
            Ok(request) if self.servers.can_serve(&request) => request,
            Ok(request) | Err(request) => {
                self.telling.sent(request, Event::Rejected);
                self.source.rejected(id, now);
                return self.rejections.one_more(now, self.source);
            }
        };
        self.in_fleet += 1;
        self.retrying.sent(id);
        let input_tokens = request.prompt.tokens();
        self.telling.sent(request.clone(), Event::Arrived { input_tokens });
        let request = if self.hardships.of(id).clients.send_again() {
            with_names(request)
        } else {
            request
        };
        if self.journeys.are_kept() {
            self.journeys.start(&request);
            if let Some(after) = self.hardships.of(id).clients.hedge_after {
                self.agenda.note_after(now, after, Due::Hedge(id));
            }
        }
        self.enter(request, now);
        self.rejections.check(self.source)
    }

    /// An attempt comes to the router.
    fn enter(&mut self, attempt: Request, now: Time) {
        let id = attempt.id;
        let takers = self.servers.takers(&attempt);
        // Whoever came before goes before.
        if self.queue.push(takers, attempt) {
            self.send_waiting(now);
        }
        let others = (self.queue.len() - self.given_up_in_queue.len()).saturating_sub(1);
        if self.hardships.of(id).refuses(others) && self.queue.take_last(takers, id) {
            self.fail_unsent(id, Loss::Refused, now);
        }
    }

    /// A client whose attempt came to nothing sends another one.
    pub(super) fn send_again(&mut self, request: RequestId, now: Time) {
        let attempt = self.journeys.next_attempt(request, now);
        self.journeys.sent(request, now);
        let event = Event::SentAgain { hedges: false };
        self.telling.event(now, Location::Router, attempt.id, &event);
        self.enter(attempt, now);
    }

    /// A client that has waited long sends a second attempt to another server, if there is one that takes it now.
    pub(super) fn hedge(&mut self, request: RequestId, now: Time) {
        let first = self.journeys.only_attempt(request);
        let Some(Location::Server(server)) = first.map(|first| first.place) else {
            return; // It has ended, or waits for a server anyway.
        };
        let hedge = self.journeys.next_attempt(request, now);
        self.servers.books.learn(now);
        let was_ready = self.servers.books.is_ready(server);
        self.servers.set_ready(server, false);
        let takers = self.servers.takers(&hedge);
        let chosen = self.choose(&hedge, takers, now);
        self.servers.set_ready(server, was_ready);
        if let Some(other) = chosen {
            self.journeys.sent(request, now);
            self.journeys.hedged(request);
            let event = Event::SentAgain { hedges: true };
            self.telling.event(now, Location::Router, hedge.id, &event);
            self.send(hedge, other, now);
        }
    }

    /// An attempt has left its server with an answer, and whoever counts it hears so.
    pub(super) fn depart(&mut self) {
        let Reverse(Departure { left, .. }) = self.left.pop().expect("an attempt has left");
        let Left {
            at,
            server,
            id,
            history,
        } = left;
        let place = Location::Server(server);
        let attempts = &mut self.telling.attempts;
        let first_sent = attempts.first_sent.remove(&id);
        // An answer that comes too late is none.
        if let Some(leaves) = attempts.given_up.remove(&id) {
            let event = leaves.event(history.was_waiting);
            self.telling.event(at, place, id, &event);
            return self.stop_if_empty(server, at);
        }
        self.servers.books.ended(at, server);
        let history = Finished {
            arrival: first_sent.unwrap_or(history.arrival),
            ..history
        };
        self.telling.event(at, place, id, &Event::Finished(history));
        let request = request_of(id);
        let others: Vec<Attempt> = self.journeys.ended(request).filter(|live| live.id != id).collect();
        for other in others {
            let leaves = Leaves {
                why: Loss::Unneeded,
                for_good: false,
            };
            self.withdraw(other, leaves, at);
        }
        self.stop_if_empty(server, at);
        self.in_fleet -= 1;
        self.source.finished(request, history.finished);
        self.arrival_is_known = false;
        self.send_waiting(at);
    }

    /// The next client gives up an attempt.
    pub(super) fn give_up(&mut self, now: Time) {
        let attempt = self.journeys.give_up();
        let why = Loss::TimedOut;
        let for_good = self.comes_to_nothing(attempt.id, why, now);
        self.withdraw(attempt, Leaves { why, for_good }, now);
        self.send_waiting(now);
    }

    /// Clients who do not wait any longer leave.
    fn let_leave(&mut self) {
        let now = self.arrival.expect("something was to happen now");
        while let Some(request) = self.source.gives_up() {
            let Some(attempt) = self.journeys.only_attempt(request) else {
                continue;
            };
            let why = Loss::TimedOut;
            let for_good = self.comes_to_nothing(attempt.id, why, now);
            self.withdraw(attempt, Leaves { why, for_good }, now);
            self.send_waiting(now);
        }
    }

    /// Nobody waits for an attempt any more.
    fn withdraw(&mut self, attempt: Attempt, leaves: Leaves, now: Time) {
        match attempt.place {
            Location::Router => {
                self.given_up_in_queue.insert(attempt.id);
                self.telling
                    .event(now, Location::Router, attempt.id, &leaves.event(true));
            }
            Location::Server(server) => {
                self.orphan(server, attempt.id, leaves, now);
                if self.hardships.of(attempt.id).clients.cancel && self.servers.state(server).is_reached() {
                    self.servers.abort(server, attempt.id, now, &mut self.telling);
                }
            }
        }
    }

    /// Nobody waits for an attempt any more that is in a server, which need not know.
    pub(super) fn orphan(&mut self, server: ServerId, attempt: RequestId, leaves: Leaves, now: Time) {
        if self.telling.gauges.is_some() {
            // Its first token counts if it came before.
            self.servers.look_at(server, now, &mut self.telling);
        }
        let attempts = &mut self.telling.attempts;
        attempts.given_up.insert(attempt, leaves);
        attempts.first_sent.remove(&attempt);
        self.servers.books.ended(now, server);
    }

    /// An attempt has come to nothing. True if its request has ended so, as nobody tries again.
    pub(super) fn comes_to_nothing(&mut self, attempt: RequestId, why: Loss, now: Time) -> bool {
        let Some(attempts) = self.journeys.failed(attempt) else {
            return false; // There is another.
        };
        let request = request_of(attempt);
        let asked = self.hardships.admission.retry_after;
        if let Some(pause) = self.retrying.pause(request, attempts, why, asked) {
            self.agenda.note_after(now, pause, Due::SendAgain(request));
            return false;
        }
        drop(self.journeys.ended(request));
        self.in_fleet -= 1;
        self.rejections.add(now);
        self.source.rejected(request, now);
        self.arrival_is_known = false;
        true
    }

    /// An attempt comes to nothing before it is in a server.
    fn fail_unsent(&mut self, attempt: RequestId, why: Loss, now: Time) {
        let for_good = self.comes_to_nothing(attempt, why, now);
        let event = Event::Lost {
            waiting: true,
            why,
            for_good,
        };
        self.telling.event(now, Location::Router, attempt, &event);
    }

    /// Sends the attempts that wait at the router to servers, as far as it finds one for them. Where it finds none for
    /// one of them, it finds none for those whom no other server could serve.
    pub(super) fn send_waiting(&mut self, now: Time) {
        let mut full = Vec::new();
        while let Some(waiting) = self.queue.take_first(&full) {
            if self.given_up_in_queue.remove(&waiting.attempt.id) {
                continue;
            }
            self.servers.books.learn(now);
            if let Some(server) = self.choose(&waiting.attempt, waiting.takers, now) {
                self.send(waiting.attempt, server, now);
            } else {
                full.push(waiting.takers);
                self.queue.put_back(waiting);
            }
        }
    }

    /// How many wait at the router when nothing will happen any more, though a server could take one of them.
    pub(super) fn kept_for_ever(&self) -> usize {
        let could_go = |takers| match self.servers.ready_in(takers) {
            Some(among) => !among.is_empty(),
            None => !self.servers.books.ready().is_empty(),
        };
        let kept = self.queue.len() - self.given_up_in_queue.len();
        if kept > 0 && self.queue.takers().any(could_go) {
            kept
        } else {
            0
        }
    }

    /// The server that an attempt goes to, which is in one of the pools that could serve it.
    fn choose(&mut self, attempt: &Request, takers: PoolSet, now: Time) -> Option<ServerId> {
        let barred = self.servers.bar_full();
        let chosen = self.choose_ready(attempt, takers, now);
        for server in barred {
            self.servers.set_ready(server, true);
        }
        chosen
    }

    fn choose_ready(&mut self, attempt: &Request, takers: PoolSet, now: Time) -> Option<ServerId> {
        let among = self.servers.ready_in(takers);
        // A router that has nobody to choose from is asked only if that holds for all requests.
        if among.as_ref().is_some_and(Vec::is_empty) {
            return None;
        }
        let mut looking = Looking {
            servers: &mut self.servers,
            telling: &mut self.telling,
            now,
            among,
        };
        self.router.choose(attempt, &mut looking)
    }

    fn send(&mut self, attempt: Request, server: ServerId, now: Time) {
        let id = attempt.id;
        self.servers.books.sent(now, server);
        if let Some(why) = self.turned_away(id, server, now) {
            self.servers.turned_away(server, now);
            return self.fail_unsent(id, why, now);
        }
        let first_sent = self.journeys.moved(id, Location::Server(server));
        let first_sent = first_sent.unwrap_or(attempt.arrival);
        if first_sent < now {
            self.telling.attempts.first_sent.insert(id, first_sent);
        }
        let arrives = Request {
            arrival: now,
            ..attempt
        };
        self.servers.submit(server, arrives, &mut self.telling);
    }

    /// Why a server does not take an attempt, if it does not.
    fn turned_away(&mut self, attempt: RequestId, server: ServerId, now: Time) -> Option<Loss> {
        if !self.servers.state(server).is_reached() {
            return Some(Loss::Failure);
        }
        let rules = self.hardships.of(attempt);
        rules.max_queue?;
        let waiting = self.servers.load(server, now, &mut self.telling).waiting;
        rules.refuses(waiting as usize).then_some(Loss::Refused)
    }
}
