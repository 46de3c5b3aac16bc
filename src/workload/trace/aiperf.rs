//! Records of requests that `AIPerf` sent (github.com/ai-dynamo/aiperf, `profile_export.jsonl`): JSON lines with
//! `metadata.request_start_ns` and, in tokens, `metrics.input_sequence_length` and `metrics.output_sequence_length`.
//!
//! They are written as requests end. Requests that failed or were cancelled, and those of the warm-up, are left out.

use super::first_line::Needs;
use super::hints::TimeUnit;
use super::log_format::{FailureSign, LogFormat};

/// The format of `AIPerf`'s records.
pub static AIPERF: LogFormat = LogFormat {
    name: "aiperf",
    looks_like: "JSON lines with the keys metadata.request_start_ns and metrics (with the lengths of sequences)",
    needs: Needs::Keys(&[&["metadata.request_start_ns"], &["metrics"]]),
    is_by_end: true,
    arrival: &["metadata.request_start_ns"],
    unit: Some(TimeUnit::Nanoseconds),
    input: &["metrics.input_sequence_length.value", "metrics.input_sequence_length"],
    output: &["metrics.output_sequence_length.value", "metrics.output_sequence_length"],
    session: &[
        "metadata.x_correlation_id",
        "metadata.conversation_id",
        "metadata.session_num",
    ],
    turn: (&["metadata.turn_index"], 0),
    failures: &[
        (&["error"], FailureSign::Any),
        (&["metadata.was_cancelled"], FailureSign::IfTrue),
        (&["metadata.benchmark_phase"], FailureSign::Unless("profiling")),
    ],
    ..LogFormat::NONE
};
