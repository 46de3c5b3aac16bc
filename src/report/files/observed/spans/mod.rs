//! The way of each request as spans, in the JSON form of OpenTelemetry's protocol (OTLP/JSON: ids in hex, 64-bit
//! numbers as strings, <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>).
//!
//! A request is a trace: its root span is the client's; under it there is one for each attempt where there is a router,
//! and under these the queue, the prefill and the decoding. Attributes have the names of the semantic conventions for
//! generative AI (<https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/>) and of vLLM's own traces
//! (`vllm/tracing.py`).

mod document;
mod observer;
mod root;
mod served;
mod span_ids;
mod span_writer;

pub use observer::{Spans, SpansSettings};
pub use span_writer::MOST_SPANS;
