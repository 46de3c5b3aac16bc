//! How many servers there are in the readable fleet.

use super::plain_fleet::ReadableFleet;
use super::state::{PlainServer, Told};
use crate::engine::{Engine, ServerChange, ServerId};
use crate::fleet::agenda::Due;
use crate::fleet::autoscale::{Autoscale, ScaleSignal};
use crate::fleet::gauges::Gauges;
use crate::fleet::server_state::ServerState;
use crate::fleet::telling::Location;
use crate::units::{Span, Time};

impl<E: Engine> ReadableFleet<'_, E> {
    pub(super) fn start_servers(&mut self) {
        if let Some(scaler) = &self.scaler {
            let Autoscale { initial, warm, .. } = scaler.rules;
            for (server, place) in self.servers.iter_mut().zip(0..) {
                if place >= initial {
                    server.state.switch_off();
                }
                if place >= initial && place < initial + warm {
                    server.state.stand_by();
                }
            }
        }
    }

    pub(super) fn scale(&mut self, now: Time) {
        let goes_on = self.anything_goes_on();
        for server in self.of(ServerState::is_draining) {
            self.stop_if_empty(server, now);
        }
        let counted = self.of(|state| state.is_provisioned() && !state.is_draining() && !state.stands_by());
        let current = counted.len() as u32;
        let sum = self.signal(now, current);
        let scaler = self.scaler.as_mut().expect("it looks");
        let size = scaler.look(now, sum, current);
        let rules = scaler.rules;
        let may_change = scaler.may_change(current);
        let startable = self.of(|state| state.is_off() || state.stands_by());
        let can_change = size.servers < current || !startable.is_empty();
        if goes_on || may_change && can_change {
            self.agenda.note_after(now, rules.interval, Due::Look);
        }
        self.told.push((now, Location::Router, Told::Scaled(size.wanted)));
        for _ in current..size.servers {
            self.start_one(rules, now);
        }
        for _ in size.servers..current {
            self.stop_one(now);
        }
        while self.of(ServerState::stands_by).len() < rules.warm as usize {
            let Some(&server) = self.of(ServerState::is_off).first() else {
                break;
            };
            let starts = self.servers[server.place()].state.warm_up();
            self.agenda
                .note_after(now, rules.start, Due::ComesUp { server, starts });
            self.change(server, ServerChange::Warming, now);
        }
    }

    fn start_one(&mut self, rules: Autoscale, now: Time) {
        let first = |is_so: fn(&ServerState) -> bool| self.of(is_so).first().copied();
        let (server, after) = if let Some(server) = first(ServerState::is_warm) {
            (server, Some(rules.warm_start))
        } else if let Some(server) = first(ServerState::is_warming) {
            (server, None)
        } else if let Some(server) = first(ServerState::is_off) {
            (server, Some(rules.start))
        } else {
            return;
        };
        let starts = self.servers[server.place()].state.start();
        if let Some(after) = after {
            self.agenda.note_after(now, after, Due::ComesUp { server, starts });
        }
        self.change(server, ServerChange::Starting, now);
    }

    fn signal(&self, now: Time, current: u32) -> Option<f64> {
        let Autoscale { signal, interval, .. } = self.scaler.as_ref().expect("it looks").rules;
        let of_server = |(place, server): (usize, &PlainServer<E>)| match signal {
            ScaleSignal::Concurrency => self.count_inside(ServerId(place as u32)) as f64,
            ScaleSignal::Queue => f64::from(server.engine.load().waiting),
            ScaleSignal::Kv => server.engine.load().kv_usage(),
            ScaleSignal::TokensPerSecond | ScaleSignal::Ttft => 0.0,
        };
        let at_servers: f64 = self.servers.iter().enumerate().map(of_server).sum();
        Some(match signal {
            ScaleSignal::Concurrency | ScaleSignal::Queue => self.queue.len() as f64 + at_servers,
            ScaleSignal::Kv => at_servers,
            ScaleSignal::TokensPerSecond => self.produced_within(interval, now).tokens_per_s(interval),
            ScaleSignal::Ttft => self.produced_within(interval, now).mean_ttft_s()? * f64::from(current),
        })
    }

    fn produced_within(&self, interval: Span, now: Time) -> Gauges {
        let mut gauges = Gauges::default();
        for produced in self.produced.iter().filter(|produced| produced.at + interval > now) {
            gauges.produced(produced.tokens);
            if let Some(sent) = produced.first_sent {
                gauges.first_token(sent, produced.at);
            }
        }
        gauges
    }

    fn of(&self, is_so: impl Fn(&ServerState) -> bool) -> Vec<ServerId> {
        let servers = (0..).map(ServerId).zip(&self.servers);
        let found = servers.filter(|(_, server)| is_so(&server.state));
        found.map(|(server, _)| server).collect()
    }

    fn count_inside(&self, server: ServerId) -> usize {
        let inside = self
            .attempts
            .iter()
            .filter(|(_, attempt)| attempt.server == Some(server));
        let has_left = |id| self.left.iter().any(|left| left.id == id);
        inside.filter(|(id, _)| !has_left(**id)).count()
    }

    fn stop_one(&mut self, now: Time) {
        let idle = self.of(ServerState::is_starting).pop();
        if let Some(server) = idle.or_else(|| self.of(ServerState::is_to_be_back).pop()) {
            self.servers[server.place()].state.switch_off();
            return self.change(server, ServerChange::Stopped, now);
        }
        let least = |server: &ServerId| (self.count_inside(*server), std::cmp::Reverse(*server));
        if let Some(server) = self.of(ServerState::is_up).into_iter().min_by_key(least) {
            self.servers[server.place()].state.drain();
            self.change(server, ServerChange::Draining, now);
            self.stop_if_empty(server, now);
        }
    }

    pub(super) fn stop_if_empty(&mut self, server: ServerId, now: Time) {
        if self.servers[server.place()].state.is_draining() && self.count_inside(server) == 0 {
            let engine = (self.new_engine)(server);
            self.servers[server.place()].engine = engine;
            self.servers[server.place()].state.switch_off();
            self.change(server, ServerChange::Stopped, now);
        }
    }
}
