//! Tells listeners in the order of time what servers did that are not looked at in the order of time.

use std::collections::VecDeque;

use super::attempt::{Attempts, request_of};
use crate::engine::{Event, FleetSize, Observer, ServerChange, ServerId, StepRun, Streamed};
use crate::units::Time;
use crate::workload::{Request, RequestId};

/// Who did something: the router, or a server. Of what happens at one instant the router's part is told first, then
/// that of each server in the order of their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Location {
    Router,
    Server(ServerId),
}

/// Holds back what happened until nothing can have happened before it that is still unknown.
pub(super) struct Telling<'a, O: ?Sized> {
    pub(super) observer: &'a mut O,
    /// What is known of attempts beside what their servers know.
    pub(super) attempts: Attempts,
    /// When each thing happened and who did it, with its place in `held`.
    order: Vec<(Time, Location, u32)>,
    held: Vec<What>,
    /// The requests whose sending is held back, in the order of time.
    sent: VecDeque<Request>,
    /// How much is held back before it is worth looking at all servers.
    most_held: usize,
}

enum What {
    Sent,
    Event(RequestId, Event),
    Streamed(Streamed),
    Change(ServerId, ServerChange, FleetSize),
    Scaled(u32),
}

impl<'a, O: Observer + ?Sized> Telling<'a, O> {
    pub(super) fn new(observer: &'a mut O, most_held: usize) -> Self {
        Self {
            observer,
            attempts: Attempts::default(),
            order: Vec::new(),
            held: Vec::new(),
            sent: VecDeque::new(),
            most_held,
        }
    }

    /// A client sends a request, and this becomes of it at once.
    pub(super) fn sent(&mut self, request: Request, event: Event) {
        let (at, id) = (request.arrival, request.id);
        self.sent.push_back(request);
        self.hold(at, Location::Router, What::Sent);
        self.event(at, Location::Router, id, event);
    }

    /// Something happened to an attempt: of its request, as its client sees it.
    pub(super) fn event(&mut self, at: Time, place: Location, attempt: RequestId, event: Event) {
        self.hold(at, place, What::Event(request_of(attempt), event));
    }

    /// Something has become of a server; there are so many now.
    pub(super) fn change(&mut self, at: Time, server: ServerId, change: ServerChange, size: FleetSize) {
        self.hold(at, Location::Router, What::Change(server, change, size));
    }

    /// A server has run steps.
    pub(super) fn ran(&mut self, server: ServerId, run: &StepRun<'_>) {
        self.observer.ran_on(server, run);
        if run.streaming > 0 {
            self.hold(run.end(), Location::Server(server), What::Streamed(Streamed::of(run)));
        }
    }

    /// An autoscaler has looked at the servers.
    pub(super) fn scaled(&mut self, at: Time, wanted: u32) {
        self.hold(at, Location::Router, What::Scaled(wanted));
    }

    fn hold(&mut self, at: Time, place: Location, what: What) {
        self.order.push((at, place, self.held.len() as u32));
        self.held.push(what);
    }

    /// Whether it is time to look at all servers, and to tell what is held back.
    pub(super) fn is_full(&self) -> bool {
        self.held.len() >= self.most_held
    }

    /// Tells what happened before `now`, up to which all is known.
    pub(super) fn tell_before(&mut self, now: Time) {
        // What one server does at an instant stays in its order.
        self.order.sort_unstable();
        let known = self.order.partition_point(|&(at, ..)| at < now);
        if known == 0 {
            // All of it happens now: it is not worth asking again soon.
            self.most_held = self.most_held.max(2 * self.held.len());
        }
        for &(at, _, place) in &self.order[..known] {
            match self.held[place as usize] {
                What::Sent => {
                    let request = self.sent.pop_front().expect("it was sent");
                    self.observer.sent(&request);
                }
                What::Event(id, ref event) => self.observer.on(at, id, event),
                What::Streamed(ref tokens) => self.observer.streamed(tokens),
                What::Change(server, change, size) => self.observer.server_changed(at, server, change, size),
                What::Scaled(wanted) => self.observer.scaled(at, wanted),
            }
        }
        self.keep_from(known);
    }

    /// Forgets what was told: all but what follows in the order.
    fn keep_from(&mut self, known: usize) {
        let mut left: Vec<What> = Vec::with_capacity(self.most_held);
        self.order.drain(..known);
        for (_, _, place) in &mut self.order {
            left.push(std::mem::replace(&mut self.held[*place as usize], What::Sent));
            *place = left.len() as u32 - 1;
        }
        self.held = left;
    }

    /// Tells all that is left: nothing more will happen.
    pub(super) fn tell_all(&mut self) {
        self.tell_before(Time::from_picos(u64::MAX));
    }
}
