//! An attempt in a server, and its phases there.

use super::document::{Attributes, INTERNAL, SERVER, SpanDocument, StatusDocument};
use super::span_ids::{SpanIds, SpanPart, number_of};
use super::span_writer::SpanEvents;
use crate::engine::{End, Event, Finished, Loss, ServerId};
use crate::report::files::observed::WallClock;
use crate::units::Time;
use crate::workload::RequestId;

/// An attempt that is in a server.
#[derive(Clone, Debug)]
pub(super) struct ServedSpan {
    id: RequestId,
    /// `None` if there is no router, and the server's span is the root.
    server: Option<ServerId>,
    arrived: Time,
    input_tokens: u32,
    scheduled: Option<Time>,
    first_token: Option<Time>,
    cached_tokens: u32,
    preemptions: u32,
    events: SpanEvents,
}

/// How it left.
#[derive(Clone, Copy, Debug)]
pub(super) enum AttemptEnd {
    Answered(Finished),
    /// With the reason.
    Unanswered(&'static str),
    /// The run ended first.
    Inside,
}

impl ServedSpan {
    pub(super) fn new(id: RequestId, server: Option<ServerId>, arrived: Time, input_tokens: u32) -> Self {
        Self {
            id,
            server,
            arrived,
            input_tokens,
            scheduled: None,
            first_token: None,
            cached_tokens: 0,
            preemptions: 0,
            events: SpanEvents::default(),
        }
    }

    /// Something that does not end it.
    pub(super) fn hear(&mut self, clock: WallClock, at: Time, event: &Event) {
        match *event {
            Event::Admitted { resumed: false, tokens } => {
                self.scheduled = Some(at);
                self.cached_tokens = self.input_tokens.saturating_sub(tokens);
            }
            Event::Admitted { resumed: true, .. } => self.events.add(clock, at, "resumed", Attributes::default()),
            Event::Preempted => {
                self.preemptions += 1;
                self.events.add(clock, at, "preempted", Attributes::default());
            }
            Event::FirstToken => self.first_token = Some(at),
            _ => {}
        }
    }

    /// The spans of it that is over, itself first; `about` is said of it beside its own.
    pub(super) fn documents(
        self,
        (ids, clock): (SpanIds, WallClock),
        (name, about): (String, Attributes),
        end: Time,
        left: AttemptEnd,
    ) -> Vec<SpanDocument> {
        let own = if self.server.is_some() {
            SpanPart::Attempt
        } else {
            SpanPart::Root
        };
        let span = |part: SpanPart, name: &str, start: Time, end: Time| SpanDocument {
            trace_id: ids.trace(self.id),
            span_id: ids.span(self.id, part),
            parent_span_id: (part != SpanPart::Root).then(|| {
                let parent = if part == SpanPart::Attempt { SpanPart::Root } else { own };
                ids.span(self.id, parent)
            }),
            name: name.to_owned(),
            kind: INTERNAL,
            start_time_unix_nano: clock.nanos(start).to_string(),
            end_time_unix_nano: clock.nanos(end.max(start)).to_string(),
            attributes: Attributes::default(),
            events: Vec::new(),
            dropped_events_count: 0,
            status: StatusDocument::UNSET,
        };
        let whole_end = match left {
            AttemptEnd::Answered(history) => end.max(history.finished),
            AttemptEnd::Unanswered(_) | AttemptEnd::Inside => end,
        };
        let mut spans = vec![SpanDocument {
            kind: SERVER,
            attributes: self.attributes(about, end, &left),
            events: self.events.kept.clone(),
            dropped_events_count: self.events.dropped,
            status: status(&left),
            ..span(own, &name, self.arrived, whole_end)
        }];
        spans.push(span(
            SpanPart::Queue,
            "queue",
            self.arrived,
            self.scheduled.unwrap_or(end),
        ));
        if let Some(scheduled) = self.scheduled {
            let first_token = self.first_token;
            spans.push(span(
                SpanPart::Prefill,
                "prefill",
                scheduled,
                first_token.unwrap_or(end),
            ));
            spans.extend(first_token.map(|first| span(SpanPart::Decode, "decode", first, end)));
        }
        spans
    }

    fn attributes(&self, about: Attributes, end: Time, left: &AttemptEnd) -> Attributes {
        let mut all = about
            .integer("gen_ai.usage.input_tokens", self.input_tokens)
            .integer("gen_ai.usage.prompt_tokens", self.input_tokens)
            .integer("gen_ai.usage.cache_read.input_tokens", self.cached_tokens);
        if let Some(server) = self.server {
            all = all
                .text("server.address", format!("server-{}", server.0))
                .integer("tailcast.attempt", number_of(self.id));
        }
        if self.preemptions > 0 {
            all = all.integer("tailcast.preemptions", self.preemptions);
        }
        if let Some(scheduled) = self.scheduled {
            all = all.seconds("gen_ai.latency.time_in_queue", scheduled - self.arrived);
        }
        if let (Some(scheduled), Some(first)) = (self.scheduled, self.first_token) {
            all = all.seconds("gen_ai.latency.time_in_model_prefill", first - scheduled);
        }
        match *left {
            AttemptEnd::Answered(history) => self.of_answer(all, end, &history),
            AttemptEnd::Unanswered(why) => all.text("error.type", why),
            AttemptEnd::Inside => all,
        }
    }

    fn of_answer(&self, all: Attributes, end: Time, history: &Finished) -> Attributes {
        let first = self.first_token.unwrap_or(end);
        let why = match history.end {
            End::Stop => "stop",
            End::Length => "length",
        };
        all.integer("gen_ai.usage.output_tokens", history.output_tokens)
            .integer("gen_ai.usage.completion_tokens", history.output_tokens)
            .seconds(
                "gen_ai.latency.time_to_first_token",
                history.first_token.max(first) - self.arrived,
            )
            .seconds("gen_ai.latency.e2e", history.finished.max(end) - self.arrived)
            .seconds("gen_ai.latency.time_in_model_decode", end - first)
            .seconds("gen_ai.latency.time_in_model_inference", end - history.scheduled)
            .texts("gen_ai.response.finish_reasons", why)
    }
}

fn status(left: &AttemptEnd) -> StatusDocument {
    match left {
        AttemptEnd::Answered(_) => StatusDocument::OK,
        AttemptEnd::Unanswered(why) => StatusDocument::error(why),
        AttemptEnd::Inside => StatusDocument::UNSET,
    }
}

/// Why an attempt came to nothing, in a word.
pub(super) const fn reason(why: Loss) -> &'static str {
    match why {
        Loss::Failure => "server_failed",
        Loss::Refused => "refused",
        Loss::TimedOut => "timed_out",
        Loss::Unneeded => "unneeded",
    }
}
