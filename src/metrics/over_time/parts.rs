//! The queue of each server of a fleet, or of each class of traffic, over time, and how long its requests took.

use super::answered::{AnswerTimes, AnsweredSince};
use crate::engine::{Event, Observer, ServerId, StepRun};
use crate::metrics::population::Counts;
use crate::units::{Span, Time};
use crate::workload::RequestId;

/// What was seen of a part since the instant before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartRow {
    /// The most that waited at once.
    pub waiting: u32,
    /// How long the requests took that were answered; `None` if none were.
    pub answered: Option<AnswerTimes>,
}

/// Parts of a run. What happens in one is told in the order of time, and not always before what happened earlier in
/// another, so that each goes on by itself.
struct PartsOverTime {
    interval: Span,
    parts: Vec<PartOverTime>,
}

#[derive(Clone, Default)]
struct PartOverTime {
    counts: Counts,
    /// The most that waited since the latest instant.
    most: u32,
    answered: AnsweredSince,
    /// At each instant so far.
    rows: Vec<PartRow>,
}

impl PartsOverTime {
    fn new(parts: usize, interval: Span) -> Self {
        assert!(interval > Span::ZERO, "instants are apart");
        Self {
            interval,
            parts: vec![PartOverTime::default(); parts],
        }
    }

    fn hear(&mut self, place: usize, at: Time, event: &Event) {
        let part = &mut self.parts[place];
        part.go_on_to(at, self.interval);
        part.counts.hear(event);
        part.most = part.most.max(part.counts.waiting);
        if let Event::Finished(history) = event {
            part.answered.add(history);
        }
    }

    /// What was seen of each part at each instant until the run's end.
    fn finish(mut self, end: Time) -> Vec<Vec<PartRow>> {
        let after = Time::from_picos(end.picos() + 1);
        for part in &mut self.parts {
            part.go_on_to(after, self.interval);
        }
        self.parts.into_iter().map(|part| part.rows).collect()
    }
}

impl PartOverTime {
    fn go_on_to(&mut self, at: Time, interval: Span) {
        while self.rows.len() as u64 * interval.picos() < at.picos() {
            self.rows.push(PartRow {
                waiting: self.most,
                answered: std::mem::take(&mut self.answered).times(),
            });
            self.most = self.counts.waiting;
        }
    }
}

/// An observer that looks at every server of a fleet at regular instants.
pub struct ServersOverTime(PartsOverTime);

impl ServersOverTime {
    /// Looks at so many servers at every multiple of an interval, which must be longer than nothing.
    pub fn new(servers: u32, interval: Span) -> Self {
        Self(PartsOverTime::new(servers as usize, interval))
    }

    /// What was seen of each server, in the order of their numbers, at each instant until the run's end. Latencies are
    /// those of its own requests, from when they reached it.
    pub fn finish(self, end: Time) -> Vec<Vec<PartRow>> {
        self.0.finish(end)
    }
}

impl Observer for ServersOverTime {
    fn on(&mut self, _at: Time, _id: RequestId, _event: &Event) {}

    fn ran(&mut self, _run: &StepRun<'_>) {}

    fn on_server(&mut self, server: ServerId, at: Time, _id: RequestId, event: &Event) {
        self.0.hear(server.place(), at, event);
    }
}

/// An observer that looks at every class of traffic at regular instants.
pub struct ClassesOverTime(PartsOverTime);

impl ClassesOverTime {
    /// Looks at so many classes at every multiple of an interval, which must be longer than nothing.
    pub fn new(classes: usize, interval: Span) -> Self {
        Self(PartsOverTime::new(classes, interval))
    }

    /// What was seen of each class, in their order, at each instant until the run's end.
    pub fn finish(self, end: Time) -> Vec<Vec<PartRow>> {
        self.0.finish(end)
    }
}

impl Observer for ClassesOverTime {
    fn on(&mut self, at: Time, id: RequestId, event: &Event) {
        self.0.hear(id.class().place(), at, event);
    }

    fn ran(&mut self, _run: &StepRun<'_>) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_since_the_instant_before_counts_whichever_server_is_heard_of_first() {
        let mut servers = ServersOverTime::new(3, Span::from_picos(10));
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
            servers.on_server(ServerId(server), Time::from_picos(at), RequestId(at), &event);
        }
        let seen = servers.finish(Time::from_picos(40));
        let waiting = seen.iter().map(|rows| rows.iter().map(|row| row.waiting).collect());
        let waiting: Vec<Vec<u32>> = waiting.collect();
        assert_eq!(waiting, [vec![0, 0, 1, 1, 0], vec![0, 2, 1, 1, 1], vec![0; 5]]);
    }
}
