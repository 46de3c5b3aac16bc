//! What becomes of servers in the run of a fleet: they fail, are slow, cannot be reached, and come back.

use super::agenda::Due;
use super::attempt::Leaves;
use super::faults::FaultKind;
use super::replay_fleet::FleetRun;
use super::telling::Location;
use super::watch::Watch;
use crate::engine::{Engine, Loss, Observer, ServerChange, ServerId};
use crate::units::{Span, Time};
use crate::workload::RequestId;

impl<E: Engine, O: Observer + ?Sized, W: Watch> FleetRun<'_, '_, E, O, W> {
    /// What was planned for a server happens to it.
    pub(super) fn change_server(&mut self, due: Due, now: Time) {
        match due {
            Due::Fails(number) => self.fail(number, now),
            Due::FoundMissing { server, loss } => self.find_missing(server, loss, now),
            Due::Gone {
                server,
                starts,
                detect,
                restart,
            } => {
                let state = self.servers.state(server);
                if state.starts() == starts && !state.is_down() {
                    self.take_down(server, ServerChange::Gone, (detect, restart), now);
                }
            }
            Due::ComesUp { server, starts } => {
                if let Some(change) = self.servers.state(server).comes_up(starts) {
                    self.come_up(server, change, now);
                }
            }
            Due::Reached { server } => {
                self.servers.state_mut(server).heal();
                self.changed(server, ServerChange::Reached, now);
            }
            Due::AsFastAgain { server, factor } => {
                self.servers.state_mut(server).speed_up(factor);
                self.set_pace(server, now);
                self.changed(server, ServerChange::AsFastAgain, now);
            }
            Due::BreakerCloses { server, factor } => {
                self.servers.take_breaker(server, factor);
                self.changed(server, ServerChange::BreakerClosed, now);
            }
            Due::SendAgain(_) | Due::Hedge(_) | Due::Look => unreachable!("it is not of a server"),
        }
    }

    fn fail(&mut self, number: usize, now: Time) {
        // It could fail and come back for ever.
        if !self.anything_goes_on(now) {
            return;
        }
        let (server, fault) = self.agenda.fault(number, now);
        let detect = fault.detect;
        let state = self.servers.state_mut(server);
        if !state.is_struck_by(&fault.kind) {
            return;
        }
        match fault.kind {
            FaultKind::Crash { restart } => self.take_down(server, ServerChange::Crashed, (detect, restart), now),
            FaultKind::Reclaim { notice, restart } => {
                state.has_notice();
                let starts = state.starts();
                self.agenda.note_after(
                    now,
                    notice,
                    Due::Gone {
                        server,
                        starts,
                        detect,
                        restart,
                    },
                );
                self.changed(server, ServerChange::Reclaimed, now);
            }
            FaultKind::Slow { factor, duration } => {
                state.slow_down(factor);
                self.set_pace(server, now);
                self.agenda
                    .note_after(now, duration, Due::AsFastAgain { server, factor });
                self.changed(server, ServerChange::Slowed, now);
            }
            FaultKind::OutOfMemory { factor, duration } => {
                self.servers.put_breaker(server, factor);
                self.agenda
                    .note_after(now, duration, Due::BreakerCloses { server, factor });
                self.changed(server, ServerChange::OutOfMemory, now);
                self.lose_running(server, now);
            }
            FaultKind::Partition { duration } => {
                let was_reached = state.is_reached();
                let loss = state.cut_off();
                self.agenda.note_after(now, duration, Due::Reached { server });
                self.changed(server, ServerChange::CutOff, now);
                self.detect(server, loss, detect, now);
                if was_reached {
                    self.lose_sight(server, now);
                }
            }
        }
    }

    /// Whether a failure can make any difference: not if all that is left are requests that wait in vain.
    pub(super) fn anything_goes_on(&mut self, now: Time) -> bool {
        if self.arrival.is_some() || self.agenda.has_clients() {
            return true;
        }
        if self.queue.takers().any(|takers| self.servers.come_back(takers)) {
            return true;
        }
        self.servers.look_at_all(now, &mut self.telling);
        self.servers.has_work()
    }

    /// A server is no more, and everything in it is lost.
    fn take_down(
        &mut self,
        server: ServerId,
        change: ServerChange,
        (detect, restart): (Span, Option<Span>),
        now: Time,
    ) {
        self.servers.look_at(server, now, &mut self.telling);
        // An autoscaler replaces what never comes back.
        let is_replaced = restart.is_none() && self.scaler.is_some();
        let is_stopped = self.servers.state(server).is_draining() || is_replaced;
        if is_stopped {
            // Nobody needs it back.
            self.servers.switch_off(server);
            self.changed(server, change, now);
            self.changed(server, ServerChange::Stopped, now);
        } else {
            let loss = self.servers.take_down(server, restart.is_none());
            if let Some(restart) = restart {
                let starts = self.servers.state(server).starts();
                self.agenda.note_after(now, restart, Due::ComesUp { server, starts });
            }
            self.changed(server, change, now);
            self.detect(server, loss, detect, now);
        }
        for (id, runs) in self.telling.attempts.inside(server) {
            self.telling.attempts.has_left(server, id);
            self.telling.attempts.first_sent.remove(&id);
            let given_up = self.telling.attempts.given_up.remove(&id);
            let leaves = given_up.unwrap_or_else(|| {
                self.servers.books.ended(now, server);
                self.lost(id, now)
            });
            let event = leaves.event(!runs);
            self.telling.observer.on_server(server, now, id, &event);
            self.telling.event(now, Location::Server(server), id, &event);
        }
        // The places that it had count as free until the router knows better.
        self.send_waiting(now);
    }

    /// A server cannot be reached: what is in it goes on, and nobody gets it.
    fn lose_sight(&mut self, server: ServerId, now: Time) {
        self.servers.look_at(server, now, &mut self.telling);
        for (id, _) in self.telling.attempts.inside(server) {
            if !self.telling.attempts.given_up.contains_key(&id) {
                let leaves = self.lost(id, now);
                self.orphan(server, id, leaves, now);
            }
        }
        self.send_waiting(now);
    }

    /// A step of a server fails: whoever runs there is lost, and leaves when the server decides its next step.
    fn lose_running(&mut self, server: ServerId, now: Time) {
        self.servers.look_at(server, now, &mut self.telling);
        for (id, runs) in self.telling.attempts.inside(server) {
            if !runs {
                continue;
            }
            if !self.telling.attempts.given_up.contains_key(&id) {
                let leaves = self.lost(id, now);
                self.orphan(server, id, leaves, now);
            }
            self.servers.abort(server, id, now, &mut self.telling);
        }
        self.send_waiting(now);
    }

    /// An attempt is lost with its server.
    fn lost(&mut self, attempt: RequestId, now: Time) -> Leaves {
        let why = Loss::Failure;
        let for_good = self.comes_to_nothing(attempt, why, now);
        Leaves { why, for_good }
    }

    /// The router finds out about a loss after a while: if at once, before anybody is sent there.
    fn detect(&mut self, server: ServerId, loss: u32, after: Span, now: Time) {
        if after == Span::ZERO {
            self.find_missing(server, loss, now);
        } else {
            self.agenda.note_after(now, after, Due::FoundMissing { server, loss });
        }
    }

    fn find_missing(&mut self, server: ServerId, loss: u32, now: Time) {
        if self.servers.state_mut(server).find_missing(loss) {
            self.changed(server, ServerChange::FoundMissing, now);
        }
    }

    /// A server was started, with nothing in it.
    fn come_up(&mut self, server: ServerId, change: ServerChange, now: Time) {
        if change == ServerChange::Warm {
            self.servers.state_mut(server).stand_by();
            return self.changed(server, change, now);
        }
        self.servers.state_mut(server).come_back();
        self.servers.set_pace(server);
        self.changed(server, change, now);
    }

    /// A server is as fast as it now should be.
    fn set_pace(&mut self, server: ServerId, now: Time) {
        self.servers.look_at(server, now, &mut self.telling);
        self.servers.set_pace(server);
    }

    /// Something has become of a server: tells so, and sends on what waits for one that takes it.
    pub(super) fn changed(&mut self, server: ServerId, change: ServerChange, now: Time) {
        let is_ready = self.servers.state(server).is_ready();
        self.servers.set_ready(server, is_ready);
        let size = self.servers.size();
        self.telling.change(now, server, change, size);
        if matches!(
            change,
            ServerChange::Back | ServerChange::Started | ServerChange::Reached | ServerChange::BreakerClosed
        ) {
            self.send_waiting(now);
        }
    }
}
