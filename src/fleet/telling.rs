//! Tells listeners in the order of time what servers did that are not looked at in the order of time.

use std::collections::VecDeque;

use super::attempt::{Attempts, request_of};
use super::brief::Brief;
use super::gauges::Gauges;
use crate::engine::{Event, Finished, FleetSize, Observer, ServerChange, ServerId, StepRun, Streamed};
use crate::units::Time;
use crate::workload::{Request, RequestId};

/// Who did something: the router, or a server. Of what happens at one instant the router's part is told first, then
/// that of each server in the order of their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Location {
    Router,
    Server(ServerId),
}

impl Location {
    /// Its place among all at one instant.
    const fn rank(self) -> u64 {
        match self {
            Self::Router => 0,
            Self::Server(server) => server.0 as u64 + 1,
        }
    }
}

/// Holds back what happened until nothing can have happened before it that is still unknown.
pub(super) struct Telling<'a, O: ?Sized> {
    pub(super) observer: &'a mut O,
    /// What is known of attempts beside what their servers know.
    pub(super) attempts: Attempts,
    /// What servers have produced lately, if anybody looks at it.
    pub(super) gauges: Option<Gauges>,
    /// What is held back, in the order of telling.
    held: Vec<Held>,
    /// What became known long after it had happened, in the order in which it did: that is little.
    late: Vec<Held>,
    /// The histories that [`Brief`] events have in here.
    histories: Vec<Finished>,
    /// Those that are held on to when others are told; memory to work with.
    kept_histories: Vec<Finished>,
    /// The requests whose sending is held back, in the order of time.
    sent: VecDeque<Request>,
    /// Tokens need no order among themselves, only what happened before them.
    streamed: Vec<Streamed>,
    /// How much is held back before it is worth looking at all servers.
    most_held: usize,
    /// The same, unless more happens at one instant.
    usually_held: usize,
}

/// Something that happened, and who did it by their place among all at one instant.
#[derive(Clone, Copy)]
struct Held {
    at: Time,
    rank: u64,
    what: What,
}

#[derive(Clone, Copy)]
enum What {
    Sent,
    Event(RequestId, Brief),
    Change(ServerId, ServerChange, FleetSize),
    Scaled(u32),
}

impl Held {
    const fn is_told_before(&self, other: &Self) -> bool {
        let (at, later) = (self.at.picos(), other.at.picos());
        at < later || at == later && self.rank < other.rank
    }
}

/// What is told before more than so many others that were known earlier is sorted in later, all of it at once.
const NEAR: usize = 32;

impl<'a, O: Observer + ?Sized> Telling<'a, O> {
    pub(super) fn new(observer: &'a mut O, most_held: usize) -> Self {
        Self {
            observer,
            attempts: Attempts::default(),
            gauges: None,
            held: Vec::new(),
            late: Vec::new(),
            histories: Vec::new(),
            kept_histories: Vec::new(),
            sent: VecDeque::new(),
            streamed: Vec::new(),
            most_held,
            usually_held: most_held,
        }
    }

    /// A client sends a request, and this becomes of it at once.
    pub(super) fn sent(&mut self, request: Request, event: Event) {
        let (at, id) = (request.arrival, request.id);
        self.sent.push_back(request);
        self.hold(at, Location::Router, What::Sent);
        self.event(at, Location::Router, id, &event);
    }

    /// Something happened to an attempt: of its request, as its client sees it.
    #[inline]
    pub(super) fn event(&mut self, at: Time, place: Location, attempt: RequestId, event: &Event) {
        let brief = Brief::of(event, &mut self.histories);
        self.hold(at, place, What::Event(request_of(attempt), brief));
    }

    /// Something has become of a server; there are so many now.
    pub(super) fn change(&mut self, at: Time, server: ServerId, change: ServerChange, size: FleetSize) {
        self.hold(at, Location::Router, What::Change(server, change, size));
    }

    /// A server has run steps.
    #[inline]
    pub(super) fn ran(&mut self, server: ServerId, run: &StepRun<'_>) {
        self.observer.ran_on(server, run);
        if let Some(gauges) = &mut self.gauges {
            gauges.produced(u64::from(run.streaming) * run.steps);
        }
        if run.streaming > 0 {
            self.streamed.push(Streamed::of(run));
        }
    }

    /// An autoscaler has looked at the servers.
    pub(super) fn scaled(&mut self, at: Time, wanted: u32) {
        self.hold(at, Location::Router, What::Scaled(wanted));
    }

    /// Servers are looked at nearly in the order of time, so most that is heard comes after what is held, or shortly
    /// before its end.
    #[inline]
    fn hold(&mut self, at: Time, place: Location, what: What) {
        let held = Held {
            at,
            rank: place.rank(),
            what,
        };
        if self.held.last().is_none_or(|last| !held.is_told_before(last)) {
            return self.held.push(held);
        }
        let near = self.held.len().saturating_sub(NEAR);
        if self.held.get(near).is_some_and(|other| held.is_told_before(other)) {
            return self.late.push(held);
        }
        let place = near + self.held[near..].partition_point(|other| !held.is_told_before(other));
        self.held.insert(place, held);
    }

    /// Whether it is time to look at all servers, and to tell what is held back.
    pub(super) fn is_full(&self) -> bool {
        self.count() >= self.most_held
    }

    fn count(&self) -> usize {
        self.held.len() + self.late.len() + self.streamed.len()
    }

    /// Tells what happened before `now`, up to which all is known.
    pub(super) fn tell_before(&mut self, now: Time) {
        // What one server does at an instant stays in its order: what is late has become known after what is held.
        self.late.sort_by_key(|late| (late.at, late.rank));
        let held = self.held.partition_point(|held| held.at < now);
        let late = self.late.partition_point(|late| late.at < now);
        if held + late == 0 {
            // All of it happens now: it is not worth asking again soon.
            self.most_held = self.most_held.max(2 * self.count());
        } else {
            self.most_held = self.usually_held;
        }
        let mut next = 0;
        for place in 0..late {
            let late = self.late[place];
            while next < held && !late.is_told_before(&self.held[next]) {
                self.tell(self.held[next]);
                next += 1;
            }
            self.tell(late);
        }
        for place in next..held {
            self.tell(self.held[place]);
        }
        self.streamed.retain(|tokens| {
            let is_held = tokens.start >= now;
            if !is_held {
                self.observer.streamed(tokens);
            }
            is_held
        });
        self.held.drain(..held);
        self.late.drain(..late);
        self.keep_histories();
    }

    #[inline]
    fn tell(&mut self, Held { at, what, .. }: Held) {
        match what {
            What::Sent => {
                let request = self.sent.pop_front().expect("it was sent");
                self.observer.sent(&request);
            }
            What::Event(id, brief) => brief.in_full(&self.histories, |event| self.observer.on(at, id, event)),
            What::Change(server, change, size) => self.observer.server_changed(at, server, change, size),
            What::Scaled(wanted) => self.observer.scaled(at, wanted),
        }
    }

    /// Forgets the histories that were told.
    fn keep_histories(&mut self) {
        self.kept_histories.clear();
        for held in self.held.iter_mut().chain(&mut self.late) {
            if let What::Event(_, Brief::Finished { place }) = &mut held.what {
                self.kept_histories.push(self.histories[*place as usize]);
                *place = self.kept_histories.len() as u32 - 1;
            }
        }
        std::mem::swap(&mut self.histories, &mut self.kept_histories);
    }

    /// Tells all that is left: nothing more will happen.
    pub(super) fn tell_all(&mut self) {
        self.tell_before(Time::from_picos(u64::MAX));
    }
}
