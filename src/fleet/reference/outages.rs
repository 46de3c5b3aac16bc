//! What becomes of servers in the readable fleet, and whatever else was planned.

use super::plain_fleet::ReadableFleet;
use super::state::{PlainServer, Told};
use crate::engine::{Engine, Event, FleetSize, Loss, ServerChange, ServerId};
use crate::fleet::agenda::Due;
use crate::fleet::attempt::{Leaves, request_of};
use crate::fleet::faults::FaultKind;
use crate::fleet::replay::next_arrival;
use crate::fleet::server_state::ServerState;
use crate::fleet::telling::Location;
use crate::fleet::watch::Unwatched;
use crate::units::{Span, Time};
use crate::workload::RequestId;

impl<E: Engine> ReadableFleet<'_, E> {
    /// What was planned for now happens.
    pub(super) fn act(&mut self, now: Time) {
        match self.agenda.take() {
            Due::SendAgain(request) => {
                let attempt = self.next_attempt(request, now);
                self.tell_router(now, request, Event::SentAgain { hedges: false });
                self.enter(attempt, now);
            }
            Due::Hedge(request) => self.hedge(request, now),
            Due::Fails(number) => self.fail(number, now),
            Due::FoundMissing { server, loss } => self.find_missing(server, loss, now),
            Due::Gone {
                server,
                starts,
                detect,
                restart,
            } => {
                let state = &self.servers[server.place()].state;
                if state.starts() == starts && !state.is_down() {
                    self.take_down(server, ServerChange::Gone, (detect, restart), now);
                }
            }
            Due::ComesUp { server, starts } => {
                if let Some(change) = self.servers[server.place()].state.comes_up(starts) {
                    self.come_up(server, change, now);
                }
            }
            Due::Look => self.scale(now),
            Due::Reached { server } => {
                self.servers[server.place()].state.heal();
                self.change(server, ServerChange::Reached, now);
                self.send_waiting(now);
            }
            Due::AsFastAgain { server, factor } => {
                self.servers[server.place()].state.speed_up(factor);
                self.set_pace(server);
                self.change(server, ServerChange::AsFastAgain, now);
            }
            Due::BreakerCloses { server, factor } => {
                self.servers[server.place()].state.take_breaker(factor);
                self.change(server, ServerChange::BreakerClosed, now);
                self.send_waiting(now);
            }
        }
    }

    pub(super) fn change(&mut self, server: ServerId, change: ServerChange, now: Time) {
        let count =
            |is_so: fn(&ServerState) -> bool| self.servers.iter().filter(|server| is_so(&server.state)).count() as u32;
        let size = FleetSize {
            ready: count(ServerState::is_ready),
            provisioned: count(ServerState::is_provisioned),
        };
        self.told
            .push((now, Location::Router, Told::Change(server, change, size)));
    }

    fn detect(&mut self, server: ServerId, loss: u32, after: Span, now: Time) {
        if after == Span::ZERO {
            self.find_missing(server, loss, now);
        } else {
            self.agenda.note_after(now, after, Due::FoundMissing { server, loss });
        }
    }

    fn find_missing(&mut self, server: ServerId, loss: u32, now: Time) {
        if self.servers[server.place()].state.find_missing(loss) {
            self.change(server, ServerChange::FoundMissing, now);
        }
    }

    fn come_up(&mut self, server: ServerId, change: ServerChange, now: Time) {
        if change == ServerChange::Warm {
            self.servers[server.place()].state.stand_by();
            return self.change(server, change, now);
        }
        self.servers[server.place()].state.come_back();
        self.set_pace(server);
        self.change(server, change, now);
        self.send_waiting(now);
    }

    pub(super) fn set_pace(&mut self, server: ServerId) {
        let server = &mut self.servers[server.place()];
        server.engine.slow_down(server.state.slowness());
    }

    pub(super) fn fail(&mut self, number: usize, now: Time) {
        if !self.anything_goes_on() {
            return;
        }
        let (server, fault) = self.agenda.fault(number, now);
        let detect = fault.detect;
        let state = &mut self.servers[server.place()].state;
        if !state.is_struck_by(&fault.kind) {
            return;
        }
        match fault.kind {
            FaultKind::Crash { restart } => self.take_down(server, ServerChange::Crashed, (detect, restart), now),
            FaultKind::Reclaim { notice, restart } => {
                state.has_notice();
                let starts = state.starts();
                let gone = Due::Gone {
                    server,
                    starts,
                    detect,
                    restart,
                };
                self.agenda.note_after(now, notice, gone);
                self.change(server, ServerChange::Reclaimed, now);
            }
            FaultKind::Slow { factor, duration } => {
                state.slow_down(factor);
                self.set_pace(server);
                self.agenda
                    .note_after(now, duration, Due::AsFastAgain { server, factor });
                self.change(server, ServerChange::Slowed, now);
            }
            FaultKind::OutOfMemory { factor, duration } => {
                state.put_breaker(factor);
                self.agenda
                    .note_after(now, duration, Due::BreakerCloses { server, factor });
                self.change(server, ServerChange::OutOfMemory, now);
                self.lose_running(server, now);
            }
            FaultKind::Partition { duration } => {
                let was_reached = state.is_reached();
                let loss = state.cut_off();
                self.agenda.note_after(now, duration, Due::Reached { server });
                self.change(server, ServerChange::CutOff, now);
                self.detect(server, loss, detect, now);
                if was_reached {
                    self.lose_sight(server, now);
                }
            }
        }
    }

    /// The attempts in a server, in the order of their ids.
    pub(super) fn inside(&self, server: ServerId) -> Vec<RequestId> {
        let all = self.attempts.iter();
        let inside = all.filter(|(_, attempt)| attempt.server == Some(server));
        inside.map(|(id, _)| *id).collect()
    }

    pub(super) fn take_down(
        &mut self,
        server: ServerId,
        change: ServerChange,
        (detect, restart): (Span, Option<Span>),
        now: Time,
    ) {
        let is_replaced = restart.is_none() && self.scaler.is_some();
        let entry = &mut self.servers[server.place()];
        entry.engine = (self.new_engine)(server);
        if entry.state.is_draining() || is_replaced {
            entry.state.switch_off();
            self.change(server, change, now);
            self.change(server, ServerChange::Stopped, now);
        } else {
            let loss = entry.state.go_down(restart.is_none());
            let starts = entry.state.starts();
            if let Some(restart) = restart {
                self.agenda.note_after(now, restart, Due::ComesUp { server, starts });
            }
            self.change(server, change, now);
            self.detect(server, loss, detect, now);
        }
        for id in self.inside(server) {
            let leaves = self.attempts[&id].leaves.unwrap_or_else(|| {
                self.servers[server.place()].ended.push(now);
                let for_good = self.comes_to_nothing(id, Loss::Failure, now);
                let why = Loss::Failure;
                Leaves { why, for_good }
            });
            let attempt = self.attempts.remove(&id).expect("it was in the server");
            let event = leaves.event(!attempt.runs);
            self.observer.on_server(server, now, id, &event);
            let told = Told::Event(request_of(id), event);
            self.told.push((now, Location::Server(server), told));
        }
        self.send_waiting(now);
    }

    pub(super) fn lose_sight(&mut self, server: ServerId, now: Time) {
        for id in self.inside(server) {
            if self.attempts[&id].leaves.is_none() {
                let for_good = self.comes_to_nothing(id, Loss::Failure, now);
                self.withdraw(id, Loss::Failure, for_good, now);
            }
        }
        self.send_waiting(now);
    }

    fn lose_running(&mut self, server: ServerId, now: Time) {
        for id in self.inside(server) {
            if !self.attempts[&id].runs {
                continue;
            }
            if self.attempts[&id].leaves.is_none() {
                let for_good = self.comes_to_nothing(id, Loss::Failure, now);
                self.withdraw(id, Loss::Failure, for_good, now);
            }
            self.servers[server.place()].engine.abort(id, now);
        }
        self.send_waiting(now);
    }

    /// Whether a failure can make any difference: not if all that is left are requests that wait in vain.
    pub(super) fn anything_goes_on(&mut self) -> bool {
        let has_more = next_arrival(self.source, &mut Unwatched).is_ok_and(|arrival| arrival.is_some());
        let is_under_way = |server: &PlainServer<E>| server.engine.next_event().is_some();
        let waits = self.queue.iter().any(|attempt| {
            let mut servers = self.servers.iter();
            servers.any(|server| server.engine.can_serve(attempt) && server.state.comes_back())
        });
        has_more || self.agenda.has_clients() || waits || self.servers.iter().any(is_under_way)
    }
}
