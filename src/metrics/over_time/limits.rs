//! Which limit of the servers kept requests waiting, over time.

use crate::engine::{Event, Observer, ServerId, ServerSettings, StepRun};
use crate::metrics::population::CountsAtSteps;
use crate::metrics::server::{AdmissionLimits, Binding};
use crate::units::{Span, Time};
use crate::workload::RequestId;

/// The limits that are told apart.
pub const LIMITS: [Binding; 4] = Binding::OF_ADMISSION;

/// For which part of the time since the instant before requests waited for each of [`LIMITS`], 0..=1; of several
/// servers in the mean.
pub type WaitedFor = [f64; LIMITS.len()];

/// An observer that asks of each run of steps why requests waited meanwhile.
pub struct LimitsOverTime {
    interval: Span,
    servers: Vec<LimitsOfServer>,
    /// Whether what happens is told server by server.
    is_fleet: bool,
    /// For how long requests waited until each instant, since the one before [ps].
    picos: Vec<[u128; LIMITS.len()]>,
}

struct LimitsOfServer {
    limits: AdmissionLimits,
    counts: CountsAtSteps,
}

impl LimitsOverTime {
    /// Looks at these servers at every multiple of an interval, which must be longer than nothing.
    pub fn new<'a>(servers: impl Iterator<Item = &'a ServerSettings>, is_fleet: bool, interval: Span) -> Self {
        assert!(interval > Span::ZERO, "instants are apart");
        let servers = servers.map(|server| LimitsOfServer {
            limits: AdmissionLimits::of(&server.policy),
            counts: CountsAtSteps::default(),
        });
        Self {
            interval,
            servers: servers.collect(),
            is_fleet,
            picos: Vec::new(),
        }
    }

    /// What was seen at each of the first so many instants.
    pub fn finish(mut self, instants: usize) -> Vec<WaitedFor> {
        self.picos.resize(instants, [0; LIMITS.len()]);
        let all = self.interval.picos() as f64 * self.servers.len() as f64;
        let shares = self.picos.iter().map(|picos| picos.map(|picos| picos as f64 / all));
        shares.collect()
    }

    fn ran_on_place(&mut self, place: usize, run: &StepRun<'_>) {
        let server = &mut self.servers[place];
        let at_start = server.counts.ran(run);
        if at_start.waiting == 0 {
            return;
        }
        let reason = server.limits.reason(at_start.running, run);
        let limit = LIMITS.iter().position(|limit| *limit == reason);
        let limit = limit.expect("a limit of admission");
        let interval = self.interval.picos();
        let (mut from, end) = (run.start.picos(), run.end().picos());
        while from < end {
            let instant = from / interval + 1;
            let until = end.min(instant * interval);
            let place = instant as usize;
            if self.picos.len() <= place {
                self.picos.resize(place + 1, [0; LIMITS.len()]);
            }
            self.picos[place][limit] += u128::from(until - from);
            from = until;
        }
    }
}

impl Observer for LimitsOverTime {
    fn on(&mut self, at: Time, _id: RequestId, event: &Event) {
        if !self.is_fleet {
            self.servers[0].counts.hear(at, event);
        }
    }

    fn ran(&mut self, run: &StepRun<'_>) {
        self.ran_on_place(0, run);
    }

    fn on_server(&mut self, server: ServerId, at: Time, _id: RequestId, event: &Event) {
        self.servers[server.place()].counts.hear(at, event);
    }

    fn ran_on(&mut self, server: ServerId, run: &StepRun<'_>) {
        self.ran_on_place(server.place(), run);
    }
}
