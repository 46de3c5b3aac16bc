//! What becomes of requests in the readable fleet.

use std::collections::VecDeque;

use super::plain_fleet::ReadableFleet;
use super::sight::PlainView;
use super::state::{PlainAttempt, PlainServer, Sent, Told};
use crate::engine::{Engine, Event, Finished, Loss, ServerId};
use crate::fleet::agenda::Due;
use crate::fleet::attempt::{Leaves, as_attempt, request_of, with_names};
use crate::fleet::hearing::Left;
use crate::fleet::telling::Location;
use crate::units::Time;
use crate::workload::{Request, RequestId};

impl<E: Engine> ReadableFleet<'_, E> {
    pub(super) fn somebody_left(&self, now: Time) -> bool {
        self.left.iter().any(|left| left.at <= now)
    }

    /// Everybody hears of one who has left by now.
    pub(super) fn hear_answers(&mut self, now: Time) {
        self.left.sort_by_key(|left| (left.at, left.server));
        let Left {
            at,
            server,
            id,
            history,
        } = self.left.remove(0);
        assert_eq!(at, now, "whoever leaves is heard at once");
        let attempt = self.attempts.remove(&id).expect("it was in a server");
        let request = request_of(id);
        let event = match attempt.leaves {
            Some(leaves) => leaves.event(history.was_waiting),
            None => Event::Finished(Finished {
                arrival: attempt.first_sent,
                ..history
            }),
        };
        self.told
            .push((now, Location::Server(server), Told::Event(request, event)));
        if attempt.leaves.is_some() {
            return self.stop_if_empty(server, now);
        }
        self.servers[server.place()].ended.push(now);
        self.requests.remove(&request).expect("it has not ended");
        for other in self.waited_for(request) {
            self.withdraw(other, Loss::Unneeded, false, now);
        }
        self.stop_if_empty(server, now);
        self.source.finished(request, history.finished);
        self.send_waiting(now);
    }

    /// The attempts of a request for which its client waits.
    pub(super) fn waited_for(&self, request: RequestId) -> Vec<RequestId> {
        let all = self.attempts.iter();
        let of_it = all.filter(|(id, attempt)| request_of(**id) == request && attempt.leaves.is_none());
        of_it.map(|(id, _)| *id).collect()
    }

    /// The attempt that was waited for longest, if nobody waits longer.
    pub(super) fn out_of_patience(&self, now: Time) -> Option<RequestId> {
        let waited_for = self.attempts.iter().filter(|(_, attempt)| attempt.leaves.is_none());
        let late = |(id, attempt): (&RequestId, &PlainAttempt)| {
            let is_late = self.deadline(*id, attempt).is_some_and(|deadline| deadline <= now);
            is_late.then_some((attempt.number, *id))
        };
        waited_for.filter_map(late).min().map(|(_, id)| id)
    }

    pub(super) fn give_up(&mut self, id: RequestId, now: Time) {
        let for_good = self.comes_to_nothing(id, Loss::TimedOut, now);
        self.withdraw(id, Loss::TimedOut, for_good, now);
        self.send_waiting(now);
    }

    /// Nobody waits for an attempt any more.
    pub(super) fn withdraw(&mut self, id: RequestId, why: Loss, for_good: bool, now: Time) {
        let leaves = Leaves { why, for_good };
        let attempt = self.attempts.get_mut(&id).expect("it is somewhere");
        attempt.leaves = Some(leaves);
        let Some(server) = attempt.server else {
            self.attempts.remove(&id);
            self.queue.retain(|waiting| waiting.id != id);
            return self.tell_router(now, id, leaves.event(true));
        };
        let server = &mut self.servers[server.place()];
        server.ended.push(now);
        let hears = self.hardships.of(id).clients.cancel && why != Loss::Failure;
        if hears && server.state.is_reached() {
            server.engine.abort(id, now);
        }
    }

    /// An attempt has come to nothing. True if its request has ended so.
    pub(super) fn comes_to_nothing(&mut self, id: RequestId, why: Loss, now: Time) -> bool {
        let request = request_of(id);
        if self.waited_for(request).iter().any(|&other| other != id) {
            return false;
        }
        let sent = &self.requests[&request];
        let in_turn = sent.attempts - sent.hedges;
        let asked = self.hardships.admission.retry_after;
        if let Some(pause) = self.retrying.pause(request, in_turn, why, asked) {
            self.agenda.note_after(now, pause, Due::SendAgain(request));
            return false;
        }
        self.requests.remove(&request);
        self.source.rejected(request, now);
        true
    }

    pub(super) fn arrive(&mut self, now: Time) {
        if !self.source.arrives() {
            return;
        }
        let request = self.source.take();
        let id = request.id;
        let let_in = self.hardships.admission.lets_in(request);
        let is_in = let_in.is_ok();
        let (Ok(mut request) | Err(mut request)) = let_in;
        self.told.push((now, Location::Router, Told::Sent(request.clone())));
        let mut servers = self.servers.iter();
        if !is_in || !servers.any(|server| server.engine.can_serve(&request)) {
            self.tell_router(now, id, Event::Rejected);
            return self.source.rejected(id, now);
        }
        self.retrying.sent(id);
        let input_tokens = request.prompt.tokens();
        self.tell_router(now, id, Event::Arrived { input_tokens });
        if self.hardships.of(id).clients.send_again() {
            request = with_names(request);
        }
        let sent = Sent {
            request,
            attempts: 0,
            hedges: 0,
        };
        self.requests.insert(id, sent);
        if let Some(after) = self.hardships.of(id).clients.hedge_after {
            self.agenda.note_after(now, after, Due::Hedge(id));
        }
        let attempt = self.next_attempt(id, now);
        self.enter(attempt, now);
    }

    /// Another attempt of a request, as it would be sent now.
    pub(super) fn next_attempt(&self, request: RequestId, now: Time) -> Request {
        let sent = &self.requests[&request];
        as_attempt(&sent.request, sent.attempts, now)
    }

    /// An attempt is made.
    pub(super) fn made(&mut self, id: RequestId, now: Time) {
        let sent = self.requests.get_mut(&request_of(id)).expect("it has not ended");
        sent.attempts += 1;
        self.made += 1;
        let attempt = PlainAttempt {
            number: self.made,
            sent: now,
            first_sent: sent.request.arrival,
            server: None,
            runs: false,
            leaves: None,
        };
        self.attempts.insert(id, attempt);
    }

    pub(super) fn enter(&mut self, attempt: Request, now: Time) {
        let id = attempt.id;
        self.made(id, now);
        self.queue.push_back(attempt);
        self.send_waiting(now);
        let waits = self.queue.iter().any(|waiting| waiting.id == id);
        if waits && self.hardships.of(id).refuses(self.queue.len() - 1) {
            self.queue.pop_back();
            self.fail_unsent(id, Loss::Refused, now);
        }
    }

    /// An attempt comes to nothing before it is in a server.
    pub(super) fn fail_unsent(&mut self, id: RequestId, why: Loss, now: Time) {
        let for_good = self.comes_to_nothing(id, why, now);
        self.attempts.remove(&id);
        let event = Event::Lost {
            waiting: true,
            why,
            for_good,
        };
        self.tell_router(now, id, event);
    }

    pub(super) fn choose(&mut self, request: &Request, now: Time) -> Option<ServerId> {
        let ready = (0..self.servers.len() as u32).map(ServerId);
        let takes = |server: &ServerId| {
            let server = &self.servers[server.place()];
            server.state.is_ready() && !server.is_barred && server.engine.can_serve(request)
        };
        let mut view = PlainView {
            servers: &self.servers,
            ready: ready.filter(takes).collect(),
            known_until: |at: Time| at + self.delay <= now,
        };
        view.leave_out_full();
        // A router that has nobody to choose from is asked only if that holds for all requests.
        if view.ready.is_empty() && !self.could_be_anywhere(request) {
            return None;
        }
        self.router.choose(request, &mut view)
    }

    pub(super) fn send_waiting(&mut self, now: Time) {
        self.news_until = now;
        let mut stay = VecDeque::new();
        while let Some(attempt) = self.queue.pop_front() {
            if let Some(server) = self.choose(&attempt, now) {
                self.send(attempt, server, now);
                continue;
            }
            // Nobody goes before one who waits for any server at all.
            let is_last = self.could_be_anywhere(&attempt);
            stay.push_back(attempt);
            if is_last {
                break;
            }
        }
        stay.append(&mut self.queue);
        self.queue = stay;
    }

    /// How many wait at the router when nothing will happen any more, though a server could take one of them.
    pub(super) fn kept_for_ever(&self) -> usize {
        let could_go = |request: &Request| {
            let mut servers = self.servers.iter();
            servers.any(|server| server.state.is_ready() && server.engine.can_serve(request))
        };
        if self.queue.iter().any(could_go) {
            self.queue.len()
        } else {
            0
        }
    }

    /// Whether every server could serve a request, alone.
    fn could_be_anywhere(&self, request: &Request) -> bool {
        let mut servers = self.servers.iter();
        servers.all(|server| server.engine.can_serve(request))
    }

    pub(super) fn send(&mut self, attempt: Request, server: ServerId, now: Time) {
        self.chosen += 1;
        let entry = &mut self.servers[server.place()];
        entry.last_chosen = self.chosen;
        entry.came.push(now);
        let is_full = |entry: &PlainServer<E>| {
            let waiting = entry.engine.load().waiting as usize;
            self.hardships.of(attempt.id).refuses(waiting)
        };
        let why = if entry.state.is_reached() {
            is_full(entry).then_some(Loss::Refused)
        } else {
            Some(Loss::Failure)
        };
        if let Some(why) = why {
            entry.ended.push(now);
            return self.fail_unsent(attempt.id, why, now);
        }
        self.attempts.get_mut(&attempt.id).expect("it was made").server = Some(server);
        let attempt = Request {
            arrival: now,
            ..attempt
        };
        self.with_server(server.place(), |engine, ears| engine.submit(attempt, ears));
    }

    pub(super) fn hedge(&mut self, request: RequestId, now: Time) {
        let [first] = self.waited_for(request)[..] else {
            return;
        };
        let Some(server) = self.attempts[&first].server else {
            return;
        };
        let hedge = self.next_attempt(request, now);
        self.servers[server.place()].is_barred = true;
        let chosen = self.choose(&hedge, now);
        self.servers[server.place()].is_barred = false;
        if let Some(other) = chosen {
            self.made(hedge.id, now);
            let sent = self.requests.get_mut(&request).expect("it has not ended");
            sent.hedges += 1;
            self.tell_router(now, request, Event::SentAgain { hedges: true });
            self.send(hedge, other, now);
        }
    }
}
