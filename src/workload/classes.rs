//! Classes of traffic: requests of several kinds that come to the same servers, each kind from a source of its own.

use super::trace::TraceError;
use super::{ClassId, Request, RequestId, SessionId, Source};
use crate::stats::streams::mix;
use crate::units::{Span, Time};

/// Where the requests of a class come from.
pub struct ClassSource<'a> {
    /// Its requests, numbered as if there were no others.
    pub source: Box<dyn Source + 'a>,
    /// How urgent all of them are; `None` if they say so themselves.
    pub priority: Option<i32>,
}

/// The requests of several classes in the order of their arrival; at the same instant those of the earlier class go
/// first. What requests of different classes hold is never the same.
pub struct Classes<'a> {
    sources: Vec<ClassSource<'a>>,
    /// How many more requests there may be in all.
    left: u64,
    /// Whose arrival was announced.
    next: ClassId,
}

impl<'a> Classes<'a> {
    /// At least one class and [`ClassId::MOST`] at most, which have so many requests together at most.
    pub fn new(sources: Vec<ClassSource<'a>>, requests: u64) -> Self {
        assert!(
            (1..=ClassId::MOST).contains(&sources.len()),
            "{} classes",
            sources.len()
        );
        Self {
            sources,
            left: requests,
            next: ClassId::default(),
        }
    }

    fn of(&mut self, id: RequestId) -> (&mut ClassSource<'a>, RequestId) {
        (&mut self.sources[id.class().place()], RequestId(id.number()))
    }
}

impl Source for Classes<'_> {
    fn next_arrival(&mut self) -> Result<Option<Time>, TraceError> {
        if self.left == 0 {
            return Ok(None);
        }
        let mut earliest = None;
        for (place, class) in self.sources.iter_mut().enumerate() {
            let arrival = class.source.next_arrival()?;
            if arrival.is_some_and(|at| earliest.is_none_or(|least| at < least)) {
                earliest = arrival;
                self.next = ClassId(place as u8);
            }
        }
        Ok(earliest)
    }

    fn take(&mut self) -> Request {
        self.left -= 1;
        let id = self.next;
        let class = &mut self.sources[id.place()];
        let mut request = class.source.take();
        request.id = request.id.in_class(id);
        request.prompt = request.prompt.in_class(id);
        request.output_name.content = request.output_name.content.in_class(id);
        if id != ClassId::default() {
            request.session = SessionId(mix(request.session.0 ^ mix(id.0.into())));
        }
        request.priority = class.priority.unwrap_or(request.priority);
        request
    }

    fn finished(&mut self, id: RequestId, at: Time) {
        let (class, id) = self.of(id);
        class.source.finished(id, at);
    }

    fn rejected(&mut self, id: RequestId, at: Time) {
        let (class, id) = self.of(id);
        class.source.rejected(id, at);
    }

    fn classes(&self) -> usize {
        self.sources.len()
    }

    fn timeout(&self, class: ClassId) -> Option<Span> {
        self.sources[class.place()].source.timeout(ClassId::default())
    }

    fn is_closed_loop(&self) -> bool {
        self.sources.iter().any(|class| class.source.is_closed_loop())
    }

    fn runs_out(&self) -> bool {
        self.sources.iter().all(|class| class.source.runs_out())
    }
}
