//! Writes spans as they end.

use std::cell::Cell;
use std::io::{self, Write};
use std::rc::Rc;

use serde_json::json;

use super::document::{Attributes, EventDocument, SpanDocument};
use crate::report::files::observed::WallClock;
use crate::units::Time;

/// The most spans of a file: some 2 GB of JSON.
pub const MOST_SPANS: u64 = 3_000_000;

/// What happened within a span, beyond which it is only counted (OpenTelemetry's usual `EventCountLimit`).
const MOST_EVENTS: usize = 128;

/// A file of spans.
pub(super) struct SpanWriter<Output: Write> {
    output: Output,
    result: io::Result<()>,
    spans: u64,
    too_long: Rc<Cell<bool>>,
}

/// What happened within a span.
#[derive(Clone, Debug, Default)]
pub(super) struct SpanEvents {
    pub(super) kept: Vec<EventDocument>,
    pub(super) dropped: u32,
}

impl SpanEvents {
    pub(super) fn add(&mut self, clock: WallClock, at: Time, name: &'static str, attributes: Attributes) {
        if self.kept.len() == MOST_EVENTS {
            self.dropped += 1;
            return;
        }
        self.kept.push(EventDocument {
            time_unix_nano: clock.nanos(at).to_string(),
            name,
            attributes,
        });
    }
}

impl<Output: Write> SpanWriter<Output> {
    /// Starts the file.
    pub(super) fn new(mut output: Output) -> Self {
        let resource = Attributes::default()
            .text("service.name", "tailcast")
            .text("service.version", env!("CARGO_PKG_VERSION"));
        let resource = json!({ "attributes": resource });
        let scope = json!({ "name": "tailcast" });
        let result = write!(
            output,
            "{{\"resourceSpans\":[{{\"resource\":{resource},\"scopeSpans\":[{{\"scope\":{scope},\"spans\":["
        );
        Self {
            output,
            result,
            spans: 0,
            too_long: Rc::default(),
        }
    }

    pub(super) fn too_long(&self) -> Rc<Cell<bool>> {
        Rc::clone(&self.too_long)
    }

    pub(super) fn write(&mut self, span: &SpanDocument) {
        if self.spans == MOST_SPANS {
            return self.too_long.set(true);
        }
        self.spans += 1;
        let before = if self.spans == 1 { "\n" } else { ",\n" };
        if self.result.is_ok() {
            self.result = self.output.write_all(before.as_bytes());
        }
        if self.result.is_ok() {
            self.result = serde_json::to_writer(&mut self.output, span).map_err(io::Error::from);
        }
    }

    pub(super) fn finish(mut self) -> io::Result<Output> {
        self.result?;
        writeln!(self.output, "\n]}}]}}]}}")?;
        Ok(self.output)
    }
}
