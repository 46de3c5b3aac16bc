//! A run as a trace that <https://ui.perfetto.dev> and `chrome://tracing` open: what the GPU computed, and when each
//! request waited and ran.
//!
//! The format is Chrome's trace events (Google, "Trace Event Format"), as JSON. Viewers take events in any order, so
//! each is written as soon as it is known, and memory holds only the requests in the server.

mod counters;
mod events;
mod lanes;
mod requests;
mod steps;
mod trace;
mod tracks;

pub use trace::{MOST_TRACE_EVENTS, PerfettoTrace, USUALLY_TRACED_REQUESTS};
