//! Clients that wait for their last request to end before they send the next.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rustc_hash::FxHashMap;

use super::RequestId;
use super::arrivals::{ClosedStart, MOST_CLIENTS};
use super::think::Think;
use super::trace::TraceError;
use crate::stats::streams::{Xoshiro256PlusPlus, hash_bytes, mix, stream};
use crate::units::{Span, Time};

/// A fixed number of clients. Those due at the same time go in the order of their numbers.
pub(super) struct ClosedLoop {
    think: Think,
    /// What the pauses of each client are drawn from, so that they do not depend on the server; empty without pauses.
    random: Vec<Xoshiro256PlusPlus>,
    /// When each idle client sends its next request.
    due: BinaryHeap<Reverse<(Time, u32)>>,
    /// Whose the requests in the system are; never iterated over.
    clients: FxHashMap<RequestId, u32>,
    stall: Stall,
}

impl ClosedLoop {
    pub fn new(concurrency: u32, think: Think, start: ClosedStart, seed: u64) -> Self {
        let of_client = |client: u32| stream(mix(seed ^ mix(u64::from(client) ^ hash_bytes(b"client"))), "think");
        let pausing = if think.is_none() { 0 } else { concurrency };
        let mut random: Vec<_> = (0..pausing).map(of_client).collect();
        let mut first = |client: u32| match start {
            ClosedStart::Spread => random
                .get_mut(client as usize)
                .map_or(Span::ZERO, |random| think.draw_rest(random)),
            ClosedStart::Together => Span::ZERO,
        };
        Self {
            due: (0..concurrency)
                .map(|client| Reverse((Time::from_picos(first(client).picos()), client)))
                .collect(),
            think,
            random,
            clients: FxHashMap::default(),
            stall: Stall::default(),
        }
    }

    /// When the next client is due; `None` if all wait for an answer or would send at `end` or later.
    pub fn next(&self, end: Option<Time>) -> Result<Option<Time>, TraceError> {
        let next = self.due.peek().map(|&Reverse((time, _))| time);
        let next = next.filter(|&time| end.is_none_or(|end| time < end));
        if next.is_some_and(|time| time > Time::LIMIT) {
            return Err(TraceError::of_run(
                "a client's next request would arrive after 200 days of simulated time, more than a run may last; \
                 ask for fewer requests, a shorter duration or a shorter think time",
            ));
        }
        self.stall.check()?;
        Ok(next)
    }

    /// The next client sends `request`.
    pub fn send(&mut self, request: RequestId) -> Time {
        let Reverse((time, client)) = self.due.pop().expect("a client must be due");
        self.clients.insert(request, client);
        self.stall.sent(time);
        time
    }

    pub fn finished(&mut self, request: RequestId, at: Time) {
        let client = self.clients.remove(&request);
        let client = client.expect("a request ends once, and only if it was sent");
        let random = self.random.get_mut(client as usize);
        let pause = random.map_or(Span::ZERO, |random| self.think.draw(random));
        // Their sum may not fit 64 bits; `next` refuses what lies beyond the limit.
        let next = at.picos().saturating_add(pause.picos());
        self.due.push(Reverse((Time::from_picos(next), client)));
    }
}

/// Notices clients that send for ever at one instant: their requests are all rejected at once, and they do not think.
#[derive(Default)]
struct Stall {
    at: Time,
    sent: u64,
}

impl Stall {
    fn sent(&mut self, at: Time) {
        self.sent = if at == self.at { self.sent + 1 } else { 1 };
        self.at = at;
    }

    fn check(&self) -> Result<(), TraceError> {
        // Twice as many as there can be clients, so that all may start at time 0 and have one request rejected.
        if self.sent <= 2 * u64::from(MOST_CLIENTS) {
            return Ok(());
        }
        Err(TraceError::of_run(
            "clients send request after request at one instant, as every one ends the moment it arrives; \
             give them a think time, or check why no request can be served",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_thinks_after_its_request_has_ended() {
        let seconds = |seconds| Time::ZERO + Span::from_seconds(seconds).unwrap();
        let mut clients = ClosedLoop::new(
            2,
            Think::Fixed(Span::from_seconds(1.0).unwrap()),
            ClosedStart::Together,
            1,
        );
        assert_eq!(clients.next(None).unwrap(), Some(Time::ZERO));
        assert_eq!(clients.send(RequestId(0)), Time::ZERO);
        assert_eq!(clients.send(RequestId(1)), Time::ZERO);
        assert_eq!(clients.next(None).unwrap(), None);
        clients.finished(RequestId(1), seconds(5.0));
        clients.finished(RequestId(0), seconds(5.5));
        assert_eq!(clients.next(None).unwrap(), Some(seconds(6.0)));
        assert_eq!(clients.send(RequestId(2)), seconds(6.0));
        assert_eq!(clients.next(None).unwrap(), Some(seconds(6.5)));
    }

    #[test]
    fn a_think_time_that_passes_200_days_is_refused() {
        let mut clients = ClosedLoop::new(1, Think::Fixed(Span::MAX), ClosedStart::Together, 1);
        clients.send(RequestId(0));
        clients.finished(RequestId(0), Time::from_picos(5));
        assert!(clients.next(None).unwrap_err().to_string().contains("200 days"));
    }

    #[test]
    fn clients_that_never_let_time_pass_are_noticed() {
        let mut clients = ClosedLoop::new(1, Think::NONE, ClosedStart::Spread, 1);
        let stalled = (0..10_000_000).find(|&id| {
            let stalled = clients.next(None).is_err();
            if !stalled {
                clients.send(RequestId(id));
                clients.finished(RequestId(id), Time::ZERO);
            }
            stalled
        });
        assert!(stalled.is_some());
    }
}
