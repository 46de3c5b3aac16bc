//! When clients give up: each class waits its own time for whatever was sent.

use std::collections::VecDeque;

use crate::units::{Span, Time};
use crate::workload::{ClassId, RequestId, Source};

/// Deadlines of requests, or of attempts, of those that have ended too until somebody looks at them.
pub(super) struct Deadlines {
    /// By class.
    classes: Vec<OfClass>,
    sent: u64,
}

/// Those of a class, which come in the order in which requests were sent.
struct OfClass {
    /// `None`: for ever.
    timeout: Option<Span>,
    queue: VecDeque<Deadline>,
}

/// When a client gives up; of equals, whose was sent first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Deadline {
    at: Time,
    sent: u64,
    id: RequestId,
}

impl Deadlines {
    /// Those of a source's requests, none of which is sent yet.
    pub(super) fn of(source: &dyn Source) -> Self {
        let classes = (0..source.classes()).map(|place| OfClass {
            timeout: source.timeout(ClassId(place as u8)),
            queue: VecDeque::new(),
        });
        Self {
            classes: classes.collect(),
            sent: 0,
        }
    }

    /// Whether anybody ever gives up.
    pub(super) fn exist(&self) -> bool {
        self.classes.iter().any(|class| class.timeout.is_some())
    }

    /// Whether the client of this request may give up.
    pub(super) fn may_end(&self, id: RequestId) -> bool {
        self.classes[id.class().place()].timeout.is_some()
    }

    /// Something is sent.
    pub(super) fn sent(&mut self, id: RequestId, now: Time) {
        let class = &mut self.classes[id.class().place()];
        if let Some(timeout) = class.timeout {
            self.sent += 1;
            class.queue.push_back(Deadline {
                at: now + timeout,
                sent: self.sent,
                id,
            });
        }
    }

    /// The next one of those for which somebody still waits; the others are forgotten.
    pub(super) fn next(&mut self, mut is_waited_for: impl FnMut(RequestId) -> bool) -> Option<(Time, RequestId)> {
        for class in &mut self.classes {
            while class.queue.front().is_some_and(|first| !is_waited_for(first.id)) {
                class.queue.pop_front();
            }
        }
        let first = self.first()?.queue.front();
        first.map(|deadline| (deadline.at, deadline.id))
    }

    /// Takes the next one.
    pub(super) fn take(&mut self) -> (Time, RequestId) {
        let first = self.first().and_then(|class| class.queue.pop_front());
        let deadline = first.expect("a client waits");
        (deadline.at, deadline.id)
    }

    fn first(&mut self) -> Option<&mut OfClass> {
        let waiting = self.classes.iter_mut().filter(|class| !class.queue.is_empty());
        waiting.min_by_key(|class| class.queue.front().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::trace::TraceError;
    use crate::workload::{Request, Source};

    /// Clients of two classes, who wait 10 ps and 4 ps, and of one who wait for ever.
    struct Waiting;

    impl Source for Waiting {
        fn next_arrival(&mut self) -> Result<Option<Time>, TraceError> {
            Ok(None)
        }

        fn take(&mut self) -> Request {
            unreachable!("nothing is due")
        }

        fn finished(&mut self, _id: RequestId, _at: Time) {}

        fn classes(&self) -> usize {
            3
        }

        fn timeout(&self, class: ClassId) -> Option<Span> {
            [Some(10), None, Some(4)][class.place()].map(Span::from_picos)
        }

        fn is_closed_loop(&self) -> bool {
            false
        }
    }

    #[test]
    fn classes_give_up_each_after_their_own_time_and_of_equals_the_first_sent() {
        let mut deadlines = Deadlines::of(&Waiting);
        let id = |number, class| RequestId(number).in_class(ClassId(class));
        for (id, at) in [
            (id(0, 0), 0),
            (id(0, 1), 1),
            (id(0, 2), 3),
            (id(1, 2), 6),
            (id(2, 2), 6),
        ] {
            deadlines.sent(id, Time::from_picos(at));
        }
        assert!(deadlines.exist() && deadlines.may_end(id(9, 2)) && !deadlines.may_end(id(9, 1)));
        let mut order = Vec::new();
        while let Some((at, next)) = deadlines.next(|it| it != id(2, 2)) {
            assert_eq!(deadlines.take(), (at, next));
            order.push((at.picos(), next));
        }
        assert_eq!(order, [(7, id(0, 2)), (10, id(0, 0)), (10, id(1, 2))]);
    }
}
