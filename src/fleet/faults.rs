//! What fails, and when.

use crate::engine::ServerId;
use crate::stats::streams::{Xoshiro256PlusPlus, mix, stream};
use crate::units::{Span, Time};
use crate::workload::draw_exponential;

/// Something that becomes of a server, once or again and again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fault {
    /// What.
    pub kind: FaultKind,
    /// When.
    pub when: FaultTime,
    /// Of which server; `None` of each by itself.
    pub server: Option<ServerId>,
    /// How long it takes until the router knows that a server cannot be reached.
    pub detect: Span,
}

/// What becomes of a server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FaultKind {
    /// It fails: everything in it is lost.
    Crash {
        /// How long it takes until it is back, with an empty cache; `None` if it never is.
        restart: Option<Span>,
    },
    /// It is taken away, as spot machines are.
    Reclaim {
        /// How long before that it takes nothing more.
        notice: Span,
        /// How long after it another one has taken its place; `None` if none does.
        restart: Option<Span>,
    },
    /// Its steps take longer.
    Slow {
        /// So many times as long; at least 1.
        factor: f64,
        /// For how long.
        duration: Span,
    },
    /// A GPU of it runs out of memory: what runs in it is lost, and a circuit breaker keeps the batch small for a
    /// while.
    OutOfMemory {
        /// What part of the most requests that it may run at once may be outstanding for the router to send another
        /// one; from 0, where it sends none, to 1.
        factor: f64,
        /// For how long.
        duration: Span,
    },
    /// Nobody reaches it, while it goes on with what it has.
    Partition {
        /// For how long.
        duration: Span,
    },
}

/// When something fails.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FaultTime {
    /// Once, then.
    At(Time),
    /// Again and again, after times from one exponential distribution with this mean, counted from when all is well
    /// again.
    Mtbf(Span),
}

impl FaultKind {
    /// How long it lasts; `None` if for ever.
    fn lasts(&self) -> Option<Span> {
        match *self {
            Self::Crash { restart } => restart,
            Self::Reclaim { notice, restart } => {
                let picos = notice.picos().saturating_add(restart?.picos());
                Some(Span::from_picos(picos))
            }
            Self::Slow { duration, .. } | Self::OutOfMemory { duration, .. } | Self::Partition { duration } => {
                Some(duration)
            }
        }
    }
}

/// A fault of one server.
pub(super) struct Failing {
    pub(super) fault: Fault,
    pub(super) server: ServerId,
    random: Xoshiro256PlusPlus,
}

/// The faults of so many servers, each by itself.
pub(super) fn failing(faults: &[Fault], servers: usize, seed: u64) -> Vec<Failing> {
    let mut all = Vec::new();
    for (number, &fault) in (0_u64..).zip(faults) {
        let of = |server: ServerId| Failing {
            fault,
            server,
            random: stream(seed ^ mix(number << 32 | u64::from(server.0)), "faults"),
        };
        match fault.server {
            Some(server) => all.push(of(server)),
            None => all.extend((0..servers as u32).map(|server| of(ServerId(server)))),
        }
    }
    all
}

impl Failing {
    /// When it happens first.
    pub(super) fn first(&mut self) -> Option<Time> {
        match self.fault.when {
            FaultTime::At(at) => Some(at),
            FaultTime::Mtbf(mean) => self.after(0, mean),
        }
    }

    /// When it happens again after it has happened at `now`.
    pub(super) fn next(&mut self, now: Time) -> Option<Time> {
        let FaultTime::Mtbf(mean) = self.fault.when else {
            return None;
        };
        let lasts = self.fault.kind.lasts()?;
        self.after(now.picos().saturating_add(lasts.picos()), mean)
    }

    /// A time drawn after so many picoseconds; `None` if that is beyond the end of any run.
    fn after(&mut self, start_picos: u64, mean: Span) -> Option<Time> {
        let picos = draw_exponential(&mut self.random) * mean.picos() as f64;
        let at = Time::from_picos(start_picos.saturating_add(picos as u64));
        Some(at).filter(|at| *at < Time::LIMIT)
    }
}
