//! A request as its client sees it, before a router.

use super::document::{Attributes, CLIENT, SpanDocument, StatusDocument};
use super::served::reason;
use super::span_ids::{SpanIds, SpanPart};
use super::span_writer::SpanEvents;
use crate::engine::{Event, Finished};
use crate::report::files::observed::WallClock;
use crate::units::Time;
use crate::workload::RequestId;

/// A request that has not ended.
#[derive(Clone, Debug)]
pub(super) struct RootSpan {
    sent: Time,
    attempts: u32,
    about: Attributes,
    events: SpanEvents,
}

impl RootSpan {
    pub(super) fn new(sent: Time, about: Attributes) -> Self {
        Self {
            sent,
            attempts: 1,
            about,
            events: SpanEvents::default(),
        }
    }

    /// Something happened to it, which may have ended it.
    pub(super) fn hear(&mut self, clock: WallClock, at: Time, event: &Event) {
        let (name, why) = match *event {
            Event::SentAgain { hedges } => {
                self.attempts += 1;
                (if hedges { "hedged" } else { "retried" }, None)
            }
            Event::Lost { why, .. } => ("attempt lost", Some(reason(why))),
            _ => return,
        };
        let attributes = why.map_or_else(Attributes::default, |why| Attributes::default().text("error.type", why));
        self.events.add(clock, at, name, attributes);
    }

    /// The span of a request that has ended with this, or has not when the run did.
    pub(super) fn document(
        self,
        id: RequestId,
        (ids, clock): (SpanIds, WallClock),
        name: String,
        (end, event): (Time, Option<&Event>),
    ) -> SpanDocument {
        let attributes = self.about.integer("tailcast.attempts", self.attempts);
        let (attributes, end, status) = match event {
            Some(Event::Finished(history)) => {
                let end = end.max(history.finished);
                (of_answer(attributes, history), end, StatusDocument::OK)
            }
            Some(event) => {
                let why = match event {
                    Event::Rejected => "rejected",
                    Event::Lost { why, .. } => reason(*why),
                    _ => "timed_out",
                };
                (attributes.text("error.type", why), end, StatusDocument::error(why))
            }
            None => (attributes, end, StatusDocument::UNSET),
        };
        SpanDocument {
            trace_id: ids.trace(id),
            span_id: ids.span(id, SpanPart::Root),
            parent_span_id: None,
            name,
            kind: CLIENT,
            start_time_unix_nano: clock.nanos(self.sent).to_string(),
            end_time_unix_nano: clock.nanos(end).to_string(),
            attributes,
            events: self.events.kept,
            dropped_events_count: self.events.dropped,
            status,
        }
    }
}

fn of_answer(attributes: Attributes, history: &Finished) -> Attributes {
    attributes
        .integer("gen_ai.usage.output_tokens", history.output_tokens)
        .seconds(
            "gen_ai.latency.time_to_first_token",
            history.first_token - history.arrival,
        )
        .seconds("gen_ai.latency.e2e", history.finished - history.arrival)
}
