//! How many servers there should be: the rule of Kubernetes' `HorizontalPodAutoscaler` (v2, as its documentation gives
//! the algorithm and the defaults), which KEDA uses too.

use std::collections::VecDeque;

use crate::engine::FleetSize;
use crate::units::{Span, Time};

/// A rule by which servers are started and stopped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Autoscale {
    /// What is looked at.
    pub signal: ScaleSignal,
    /// How much of it a server should have; above 0.
    pub target: f64,
    /// How many servers there are at the start; at most `max`.
    pub initial: u32,
    /// The fewest servers.
    pub min: u32,
    /// The most servers; at least 1 and `min`.
    pub max: u32,
    /// How often it is looked at; longer than nothing.
    pub interval: Span,
    /// Servers are started only if that was wanted for so long.
    pub up_delay: Span,
    /// Servers are stopped only if that was wanted for so long.
    pub down_delay: Span,
    /// How long it takes until a server that is started takes requests.
    pub start: Span,
    /// How many servers beside those are kept loaded and stand by.
    pub warm: u32,
    /// How long it takes until one of these takes requests.
    pub warm_start: Span,
}

impl Autoscale {
    /// The most servers that there may be, those that stand by included.
    pub const fn slots(&self) -> u32 {
        self.max.saturating_add(self.warm)
    }

    /// How many servers there are at the start.
    pub const fn initial_size(&self) -> FleetSize {
        FleetSize {
            ready: self.initial,
            provisioned: self.initial + self.warm,
        }
    }
}

/// What an autoscaler looks at, as the mean of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScaleSignal {
    /// Requests that wait or run.
    Concurrency,
    /// Requests that wait.
    Queue,
    /// The part of its KV cache that is in use.
    Kv,
    /// Output tokens that it has produced a second since the last look.
    TokensPerSecond,
    /// The mean time to first token of the requests that got one since the last look, of whatever server: it is not
    /// shared out among servers. Nothing is changed if there was none [s].
    Ttft,
}

impl ScaleSignal {
    /// Whether it is counted from look to look.
    pub(super) const fn is_of_interval(self) -> bool {
        matches!(self, Self::TokensPerSecond | Self::Ttft)
    }
}

/// Differences up to this part of the target change nothing (`--horizontal-pod-autoscaler-tolerance`).
const TOLERANCE: f64 = 0.1;
/// So many servers may be started at a look, or as many as there are, if these are more (the default `scaleUp` policies
/// of 4 pods and 100 % in 15 s).
const MOST_STARTED: u32 = 4;

/// A rule, and what it has wanted lately.
pub(super) struct Scaler {
    pub(super) rules: Autoscale,
    /// When, and how many servers.
    wanted: VecDeque<(Time, u32)>,
}

/// What comes of a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scaled {
    /// How many servers the load asks for, whatever was wanted before.
    pub(super) wanted: u32,
    /// How many there should be now.
    pub(super) servers: u32,
}

impl Scaler {
    pub(super) fn new(rules: Autoscale) -> Self {
        Self {
            rules,
            wanted: VecDeque::new(),
        }
    }

    /// Whether anything else than this many servers was wanted lately.
    pub(super) fn may_change(&self, current: u32) -> bool {
        self.wanted.iter().any(|(_, servers)| *servers != current)
    }

    /// Looks at the signal, summed over all servers, of which there are `current`, those included that are starting;
    /// `None` if it says nothing.
    pub(super) fn look(&mut self, now: Time, sum: Option<f64>, current: u32) -> Scaled {
        let rules = &self.rules;
        let is_off_target = |sum: &f64| (sum / f64::from(current) / rules.target - 1.0).abs() > TOLERANCE;
        let asked = match sum.filter(|sum| current == 0 || is_off_target(sum)) {
            Some(sum) => (sum / rules.target).ceil() as u32,
            None => current,
        };
        let asked = asked.clamp(rules.min, rules.max);
        let most = current.saturating_add(current.max(MOST_STARTED));
        let longest = rules.up_delay.max(rules.down_delay);
        self.wanted.push_back((now, asked));
        while self.wanted.front().is_some_and(|(at, _)| *at + longest < now) {
            self.wanted.pop_front();
        }
        let within = |delay: Span| {
            let lately = self.wanted.iter().filter(move |(at, _)| *at + delay >= now);
            lately.map(|(_, servers)| *servers)
        };
        let up = within(rules.up_delay).min().unwrap_or(asked).min(most);
        let down = within(rules.down_delay).max().unwrap_or(asked);
        let servers = if current < up {
            up
        } else if current > down {
            down
        } else {
            current
        };
        Scaled {
            wanted: asked,
            servers: servers.clamp(rules.min, rules.max),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scaler(up_delay_s: u64, down_delay_s: u64) -> Scaler {
        Scaler::new(Autoscale {
            signal: ScaleSignal::Concurrency,
            target: 10.0,
            initial: 1,
            min: 1,
            max: 20,
            interval: Span::from_micros(15_000_000),
            up_delay: Span::from_micros(up_delay_s * 1_000_000),
            down_delay: Span::from_micros(down_delay_s * 1_000_000),
            start: Span::ZERO,
            warm: 0,
            warm_start: Span::ZERO,
        })
    }

    fn looks(scaler: &mut Scaler, looks: &[(u64, f64, u32)]) -> Vec<u32> {
        let look = |&(second, sum, current): &(u64, f64, u32)| {
            let now = Time::ZERO + Span::from_micros(second * 1_000_000);
            scaler.look(now, Some(sum), current).servers
        };
        looks.iter().map(look).collect()
    }

    #[test]
    fn as_many_servers_as_the_load_asks_for() {
        // Within a tenth of the target nothing changes; at most as many are started as there are, or four.
        let looks = looks(
            &mut scaler(0, 0),
            &[
                (0, 21.0, 2),
                (15, 31.0, 2),
                (30, 190.0, 3),
                (45, 190.0, 7),
                (60, 1.0, 14),
                (75, 0.0, 1),
            ],
        );
        assert_eq!(looks, [2, 4, 7, 14, 1, 1]);
    }

    #[test]
    fn what_was_wanted_lately_counts() {
        // Servers are stopped when that was wanted for a minute, and started when it was for half of one.
        let looks = looks(
            &mut scaler(30, 60),
            &[
                (0, 50.0, 5),
                (15, 10.0, 5),
                (60, 10.0, 5),
                (61, 10.0, 5),
                (75, 10.0, 1),
                (90, 90.0, 1),
                (105, 90.0, 1),
                (106, 90.0, 1),
            ],
        );
        assert_eq!(looks, [5, 5, 5, 1, 1, 1, 1, 5]);
    }
}
