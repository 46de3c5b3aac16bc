//! `TraceV2` of BLIS (github.com/inference-sim/inference-sim): CSV with `arrival_time_us`, `input_tokens`,
//! `output_tokens` and more.
//!
//! The first `prefix_length` tokens of a prompt are those of its `prefix_group`. Arrivals were recorded, so no round of
//! a session waits for the one before; routers see the session. Whose `status` is not `ok` failed.

use super::first_line::Needs;
use super::hints::TimeUnit;
use super::log_format::{FailureSign, LogFormat};

/// The format of BLIS.
pub static BLIS: LogFormat = LogFormat {
    name: "blis",
    looks_like: "CSV with the columns arrival_time_us, input_tokens and output_tokens",
    needs: Needs::Columns(&[&["arrival_time_us"], &["input_tokens"], &["output_tokens"]]),
    arrival: &["arrival_time_us"],
    unit: Some(TimeUnit::Microseconds),
    input: &["input_tokens"],
    output: &["output_tokens"],
    session: &["session_id"],
    turn: (&["round_index"], 0),
    prefix: [&["prefix_group"], &["prefix_length"]],
    failures: &[(&["status"], FailureSign::Unless("ok"))],
    ..LogFormat::NONE
};
