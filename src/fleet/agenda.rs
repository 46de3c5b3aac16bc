//! What is due at a later time, apart from what servers do and when requests arrive.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::autoscale::Autoscale;
use super::faults::{Failing, Fault, failing};
use crate::engine::ServerId;
use crate::units::{Span, Time};
use crate::workload::RequestId;

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Due {
    /// Something fails, by its number among all that do.
    Fails(usize),
    /// The router finds out that a server cannot be reached, unless it was meanwhile.
    FoundMissing { server: ServerId, loss: u32 },
    /// A server that had notice is taken away, unless it has failed meanwhile.
    Gone {
        server: ServerId,
        starts: u32,
        detect: Span,
        restart: Option<Span>,
    },
    /// A server that had failed is back, or one that was started takes requests, unless it was stopped meanwhile.
    ComesUp { server: ServerId, starts: u32 },
    /// The autoscaler looks at the servers.
    Look,
    /// A server is reached again.
    Reached { server: ServerId },
    /// A server is no longer slowed down by this factor.
    AsFastAgain { server: ServerId, factor: f64 },
    /// A circuit breaker before a server lets everybody in again, which has let in so much.
    BreakerCloses { server: ServerId, factor: f64 },
    /// A client sends its request again.
    SendAgain(RequestId),
    /// A client sends a second attempt, if its request has not ended.
    Hedge(RequestId),
}

impl Due {
    const fn is_of_client(&self) -> bool {
        matches!(self, Self::SendAgain(_) | Self::Hedge(_))
    }
}

/// What is due, in the order of time and, at one time, in the order in which it was noted.
pub(super) struct Agenda {
    entries: BinaryHeap<Reverse<Entry>>,
    noted: u64,
    failing: Vec<Failing>,
}

#[derive(Debug)]
struct Entry {
    at: Time,
    number: u64,
    due: Due,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl Agenda {
    /// The first fault of each kind and server, and the first look of an autoscaler.
    pub(super) fn new(faults: &[Fault], autoscale: Option<Autoscale>, servers: usize, seed: u64) -> Self {
        let mut agenda = Self {
            entries: BinaryHeap::new(),
            noted: 0,
            failing: failing(faults, servers, seed),
        };
        for number in 0..agenda.failing.len() {
            if let Some(at) = agenda.failing[number].first() {
                agenda.note(at, Due::Fails(number));
            }
        }
        if let Some(rules) = autoscale {
            agenda.note_after(Time::ZERO, rules.interval, Due::Look);
        }
        agenda
    }

    /// Something is due a while after `now`; never, if that is after the end of any run.
    pub(super) fn note_after(&mut self, now: Time, span: Span, due: Due) {
        let at = Time::from_picos(now.picos().saturating_add(span.picos()));
        if at < Time::LIMIT {
            self.note(at, due);
        }
    }

    fn note(&mut self, at: Time, due: Due) {
        self.noted += 1;
        let number = self.noted;
        self.entries.push(Reverse(Entry { at, number, due }));
    }

    /// When something is due next.
    pub(super) fn next(&self) -> Option<Time> {
        self.entries.peek().map(|Reverse(entry)| entry.at)
    }

    /// Whether clients will do something.
    pub(super) fn has_clients(&self) -> bool {
        self.entries.iter().any(|Reverse(entry)| entry.due.is_of_client())
    }

    /// What is due next.
    pub(super) fn take(&mut self) -> Due {
        let Reverse(entry) = self.entries.pop().expect("something is due");
        entry.due
    }

    /// What fails now; it may fail again.
    pub(super) fn fault(&mut self, number: usize, now: Time) -> (ServerId, Fault) {
        let failing = &mut self.failing[number];
        let (server, fault) = (failing.server, failing.fault);
        if let Some(at) = failing.next(now) {
            self.note(at, Due::Fails(number));
        }
        (server, fault)
    }
}
