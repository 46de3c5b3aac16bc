//! Clients of a fleet that wait for their answers, and give up when these take too long.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::telling::Location;
use crate::units::{Span, Time};
use crate::workload::RequestId;

/// The requests that clients may give up.
pub(super) struct Clients {
    /// `None`: they wait for ever, and nothing is kept.
    timeout: Option<Span>,
    /// When they give up, earliest first; of requests that have ended too.
    deadlines: VecDeque<(Time, RequestId)>,
    /// Where their requests are.
    places: FxHashMap<RequestId, Location>,
}

impl Clients {
    pub(super) fn new(timeout: Option<Span>) -> Self {
        Self {
            timeout,
            deadlines: VecDeque::new(),
            places: FxHashMap::default(),
        }
    }

    /// A request is sent, and is there now.
    pub(super) fn sent(&mut self, id: RequestId, at: Time, place: Location) {
        if let Some(timeout) = self.timeout {
            self.deadlines.push_back((at + timeout, id));
            self.places.insert(id, place);
        }
    }

    /// A request that waited at the router is there now.
    pub(super) fn moved(&mut self, id: RequestId, place: Location) {
        if self.timeout.is_some() {
            self.places.insert(id, place);
        }
    }

    /// A request has ended.
    pub(super) fn ended(&mut self, id: RequestId) {
        if self.timeout.is_some() {
            self.places.remove(&id);
        }
    }

    /// When the next client gives up, if no answer comes.
    pub(super) fn next_deadline(&mut self) -> Option<Time> {
        while let Some((deadline, id)) = self.deadlines.front() {
            if self.places.contains_key(id) {
                return Some(*deadline);
            }
            self.deadlines.pop_front();
        }
        None
    }

    /// The next client gives up on a request that is there.
    pub(super) fn give_up(&mut self) -> (RequestId, Location) {
        let (_, id) = self.deadlines.pop_front().expect("a client waits");
        let place = self.places.remove(&id);
        (id, place.expect("it has not ended"))
    }
}
