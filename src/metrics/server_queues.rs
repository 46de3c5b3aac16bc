//! How many requests wait on each server of a fleet, over time.

use super::population::Counts;
use crate::engine::{Event, Observer, ServerId, StepRun};
use crate::units::{Span, Time};
use crate::workload::RequestId;

/// An observer that looks at every server at regular instants. What happens on one is told in the order of time, and
/// not always before what happened earlier on another, so that each goes on by itself.
pub struct ServerQueues {
    interval: Span,
    servers: Vec<QueueOfServer>,
}

#[derive(Clone, Default)]
struct QueueOfServer {
    counts: Counts,
    /// The most that waited since the latest instant.
    most: u32,
    /// That, at each instant so far.
    waiting: Vec<u32>,
}

impl ServerQueues {
    /// Looks at so many servers at every multiple of an interval, which must be longer than nothing.
    pub fn new(servers: u32, interval: Span) -> Self {
        assert!(interval > Span::ZERO, "instants are apart");
        Self {
            interval,
            servers: vec![QueueOfServer::default(); servers as usize],
        }
    }

    /// How many waited on each server, in the order of their numbers, at each instant until the run's end: the most
    /// since the instant before.
    pub fn finish(mut self, end: Time) -> Vec<Vec<u32>> {
        let after = Time::from_picos(end.picos() + 1);
        for server in &mut self.servers {
            server.go_on_to(after, self.interval);
        }
        self.servers.into_iter().map(|server| server.waiting).collect()
    }
}

impl QueueOfServer {
    fn go_on_to(&mut self, at: Time, interval: Span) {
        while self.waiting.len() as u64 * interval.picos() < at.picos() {
            self.waiting.push(self.most);
            self.most = self.counts.waiting;
        }
    }
}

impl Observer for ServerQueues {
    fn on(&mut self, _at: Time, _id: RequestId, _event: &Event) {}

    fn ran(&mut self, _run: &StepRun<'_>) {}

    fn on_server(&mut self, server: ServerId, at: Time, _id: RequestId, event: &Event) {
        let queue = &mut self.servers[server.place()];
        queue.go_on_to(at, self.interval);
        queue.counts.hear(event);
        queue.most = queue.most.max(queue.counts.waiting);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_since_the_instant_before_counts_whichever_server_is_heard_of_first() {
        let mut queues = ServerQueues::new(3, Span::from_picos(10));
        let arrives = Event::Arrived { input_tokens: 1 };
        let is_admitted = Event::Admitted {
            tokens: 1,
            resumed: false,
        };
        let heard = [
            (1, 5, arrives),
            (1, 7, arrives),
            (1, 10, is_admitted),
            (1, 31, is_admitted),
            (0, 20, arrives),
            (0, 25, is_admitted),
        ];
        for (server, at, event) in heard {
            queues.on_server(ServerId(server), Time::from_picos(at), RequestId(at), &event);
        }
        let waiting = queues.finish(Time::from_picos(40));
        assert_eq!(waiting, [vec![0, 0, 1, 1, 0], vec![0, 2, 1, 1, 1], vec![0; 5]]);
    }
}
