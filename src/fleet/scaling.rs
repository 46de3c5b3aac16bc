//! How many servers there are in the run of a fleet: what an autoscaler does about them.

use super::agenda::Due;
use super::autoscale::{Autoscale, ScaleSignal};
use super::gauges::Gauges;
use super::replay_fleet::FleetRun;
use super::server_state::ServerState;
use super::watch::Watch;
use crate::engine::{Engine, Observer, ServerChange, ServerId};
use crate::units::Time;

impl<E: Engine, O: Observer + ?Sized, W: Watch> FleetRun<'_, '_, E, O, W> {
    /// The fleet is as large as it should be at the start.
    pub(super) fn start_servers(&mut self) {
        let Some(Autoscale { initial, warm, .. }) = self.scaler.as_ref().map(|scaler| scaler.rules) else {
            return;
        };
        for place in initial..self.servers.count() as u32 {
            self.servers.switch_off(ServerId(place));
            self.servers.set_ready(ServerId(place), false);
            if place < initial + warm {
                self.servers.state_mut(ServerId(place)).stand_by();
            }
        }
    }

    /// The autoscaler looks at the servers, and starts or stops some.
    pub(super) fn scale(&mut self, now: Time) {
        let goes_on = self.anything_goes_on(now);
        for (server, _) in self.of(ServerState::is_draining) {
            self.stop_if_empty(server, now);
        }
        let is_counted = |state: &ServerState| state.is_provisioned() && !state.is_draining() && !state.stands_by();
        let current = self.of(is_counted).len() as u32;
        let sum = self.signal(now, current);
        let scaler = self.scaler.as_mut().expect("it looks");
        let size = scaler.look(now, sum, current);
        let rules = scaler.rules;
        // Where all that are left wait in vain it could look for ever.
        let may_change = scaler.may_change(current);
        let can_start = |state: &ServerState| state.is_off() || state.stands_by();
        let can_change = size.servers < current || !self.of(can_start).is_empty();
        if goes_on || may_change && can_change {
            self.agenda.note_after(now, rules.interval, Due::Look);
        }
        self.telling.scaled(now, size.wanted);
        for _ in current..size.servers {
            self.start_one(now);
        }
        for _ in size.servers..current {
            self.stop_one(now);
        }
        let stand_by = self.of(ServerState::stands_by).len();
        let lacking = (rules.warm as usize).saturating_sub(stand_by);
        for (server, _) in self.of(ServerState::is_off).into_iter().take(lacking) {
            let starts = self.servers.state_mut(server).warm_up();
            self.agenda
                .note_after(now, rules.start, Due::ComesUp { server, starts });
            self.changed(server, ServerChange::Warming, now);
        }
    }

    /// Starts the server that takes requests soonest: one that is warm, or is being loaded since a while, or else one
    /// that is not there; of several the first. None if all are there.
    fn start_one(&mut self, now: Time) {
        let soonest = [ServerState::is_warm, ServerState::is_warming, ServerState::is_off];
        let found = soonest.into_iter().find_map(|is_so| self.of(is_so).first().copied());
        let Some((server, _)) = found else {
            return;
        };
        let rules = self.scaler.as_ref().expect("it looks").rules;
        let state = self.servers.state_mut(server);
        let comes_after = if state.is_warm() {
            Some(rules.warm_start)
        } else {
            // What is being loaded comes when that is done, as was planned.
            state.is_off().then_some(rules.start)
        };
        let starts = state.start();
        if let Some(after) = comes_after {
            self.agenda.note_after(now, after, Due::ComesUp { server, starts });
        }
        self.changed(server, ServerChange::Starting, now);
    }

    /// What the autoscaler looks at, summed over all servers, of which there are `current`; `None` if it says nothing.
    fn signal(&mut self, now: Time, current: u32) -> Option<f64> {
        let Autoscale { signal, interval, .. } = self.scaler.as_ref().expect("it looks").rules;
        let at_router = (self.queue.len() - self.given_up_in_queue.len()) as f64;
        let servers = (0..self.servers.count() as u32).map(ServerId);
        Some(match signal {
            ScaleSignal::Concurrency => {
                let inside = servers.map(|server| self.telling.attempts.count_inside(server));
                at_router + inside.sum::<usize>() as f64
            }
            ScaleSignal::Queue => {
                let loads = servers.map(|server| self.servers.load(server, now, &mut self.telling));
                at_router + loads.map(|load| f64::from(load.waiting)).sum::<f64>()
            }
            ScaleSignal::Kv => {
                let loads = servers.map(|server| self.servers.load(server, now, &mut self.telling));
                loads.map(|load| load.kv_usage()).sum()
            }
            ScaleSignal::TokensPerSecond => self.gauges(now).tokens_per_s(interval),
            ScaleSignal::Ttft => self.gauges(now).mean_ttft_s()? * f64::from(current),
        })
    }

    /// What servers have produced since the last look.
    fn gauges(&mut self, now: Time) -> Gauges {
        self.servers.look_at_all(now, &mut self.telling);
        let gauges = self.telling.gauges.as_mut().expect("somebody looks at them");
        std::mem::take(gauges)
    }

    /// The servers of which something is so, in the order of their numbers, each with how many are in it.
    fn of(&self, is_so: impl Fn(&ServerState) -> bool) -> Vec<(ServerId, usize)> {
        let found = self.servers.states().filter(|(_, state)| is_so(state));
        let count = |server| self.telling.attempts.count_inside(server);
        found.map(|(server, _)| (server, count(server))).collect()
    }

    /// Stops the server that is missed least: one that is starting, or down, or else that with the fewest requests; of
    /// several the last.
    fn stop_one(&mut self, now: Time) {
        let idle = [ServerState::is_starting, ServerState::is_to_be_back];
        let found = idle.into_iter().find_map(|is_idle| self.of(is_idle).pop());
        if let Some((server, _)) = found {
            self.servers.switch_off(server);
            return self.changed(server, ServerChange::Stopped, now);
        }
        let up = self.of(ServerState::is_up).into_iter().rev();
        if let Some((server, _)) = up.min_by_key(|(_, inside)| *inside) {
            self.servers.state_mut(server).drain();
            self.changed(server, ServerChange::Draining, now);
            self.stop_if_empty(server, now);
        }
    }

    /// A server that takes nothing more is stopped once nothing is in it.
    pub(super) fn stop_if_empty(&mut self, server: ServerId, now: Time) {
        if self.servers.state(server).is_draining() && self.telling.attempts.count_inside(server) == 0 {
            self.servers.switch_off(server);
            self.changed(server, ServerChange::Stopped, now);
        }
    }
}
