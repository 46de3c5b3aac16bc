//! Requests as their clients see them: sent once or again, until there is an answer or nobody waits for one.

use rustc_hash::FxHashMap;

use super::attempt::{as_attempt, attempt_of, request_of};
use super::deadlines::Deadlines;
use super::telling::Location;
use crate::units::Time;
use crate::workload::{Request, RequestId, Source};

/// The requests that have not ended.
pub(super) struct Journeys {
    /// Whether attempts may come to nothing: otherwise nothing is kept.
    are_kept: bool,
    open: FxHashMap<RequestId, Journey>,
    /// When clients give up attempts; of those that have ended too.
    deadlines: Deadlines,
}

/// A request that has not ended.
struct Journey {
    /// As it was sent first.
    request: Request,
    /// How many attempts were made.
    attempts: u32,
    /// Whether one of them was sent beside another.
    is_hedged: bool,
    /// Those for which its client waits: two at most, as a request is hedged once.
    live: [Option<Attempt>; 2],
}

/// An attempt for which a client waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt {
    pub(super) id: RequestId,
    pub(super) place: Location,
}

impl Journey {
    fn live(&self) -> impl Iterator<Item = Attempt> {
        self.live.into_iter().flatten()
    }

    fn drop(&mut self, id: RequestId) {
        for live in &mut self.live {
            if live.is_some_and(|live| live.id == id) {
                *live = None;
            }
        }
    }
}

impl Journeys {
    /// Those of a source's clients; `may_lose` if attempts may come to nothing for other reasons than their patience.
    pub(super) fn of(source: &dyn Source, may_lose: bool) -> Self {
        let deadlines = Deadlines::of(source);
        Self {
            are_kept: deadlines.exist() || may_lose,
            open: FxHashMap::default(),
            deadlines,
        }
    }

    /// A request is sent for the first time, and at the router now.
    pub(super) fn start(&mut self, request: &Request) {
        let journey = Journey {
            request: request.clone(),
            attempts: 0,
            is_hedged: false,
            live: [None; 2],
        };
        self.open.insert(request.id, journey);
        self.sent(request.id, request.arrival);
    }

    /// The next attempt of a request, as it would be sent now.
    pub(super) fn next_attempt(&self, request: RequestId, now: Time) -> Request {
        let journey = &self.open[&request];
        as_attempt(&journey.request, journey.attempts, now)
    }

    /// That attempt is sent, and at the router now.
    pub(super) fn sent(&mut self, request: RequestId, now: Time) {
        let journey = self.open.get_mut(&request).expect("it has not ended");
        let id = attempt_of(request, journey.attempts);
        journey.attempts += 1;
        let place = Location::Router;
        let free = journey.live.iter_mut().find(|live| live.is_none());
        *free.expect("a request has two attempts at most") = Some(Attempt { id, place });
        self.deadlines.sent(id, now);
    }

    /// It is sent beside another.
    pub(super) fn hedged(&mut self, request: RequestId) {
        self.open.get_mut(&request).expect("it has not ended").is_hedged = true;
    }

    /// Whether attempts are numbered at all.
    pub(super) const fn are_kept(&self) -> bool {
        self.are_kept
    }

    /// An attempt that was at the router is there now. Returns when its request was first sent.
    pub(super) fn moved(&mut self, attempt: RequestId, to: Location) -> Option<Time> {
        let journey = self.open.get_mut(&request_of(attempt))?;
        for live in journey.live.iter_mut().flatten() {
            if live.id == attempt {
                live.place = to;
            }
        }
        Some(journey.request.arrival)
    }

    /// An attempt has come to nothing. Returns how many were made, one after the other, if none is left.
    pub(super) fn failed(&mut self, attempt: RequestId) -> Option<u32> {
        let journey = self.open.get_mut(&request_of(attempt)).expect("it has not ended");
        journey.drop(attempt);
        let in_turn = journey.attempts - u32::from(journey.is_hedged);
        journey.live().next().is_none().then_some(in_turn)
    }

    /// A request has ended. Returns the attempts that nobody waits for any more.
    pub(super) fn ended(&mut self, request: RequestId) -> impl Iterator<Item = Attempt> {
        let journey = self.open.remove(&request);
        journey
            .into_iter()
            .flat_map(|journey| journey.live.into_iter().flatten())
    }

    /// When the next client gives up an attempt, if no answer comes.
    pub(super) fn next_deadline(&mut self) -> Option<Time> {
        let open = &self.open;
        let next = self.deadlines.next(|attempt| find(open, attempt).is_some());
        next.map(|(deadline, _)| deadline)
    }

    /// The attempt that is given up next.
    pub(super) fn give_up(&mut self) -> Attempt {
        let (_, attempt) = self.deadlines.take();
        self.find(attempt).expect("it has not ended")
    }

    /// An attempt for which a client waits.
    pub(super) fn find(&self, attempt: RequestId) -> Option<Attempt> {
        find(&self.open, attempt)
    }

    /// The only attempt of a request that has not ended.
    pub(super) fn only_attempt(&self, request: RequestId) -> Option<Attempt> {
        let mut live = self.open.get(&request)?.live();
        live.next().filter(|_| live.next().is_none())
    }
}

fn find(open: &FxHashMap<RequestId, Journey>, attempt: RequestId) -> Option<Attempt> {
    let journey = open.get(&request_of(attempt))?;
    journey.live().find(|live| live.id == attempt)
}
