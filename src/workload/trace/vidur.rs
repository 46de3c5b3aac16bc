//! Traces of Vidur (github.com/microsoft/vidur): CSV with `arrived_at` in seconds, `num_prefill_tokens` and
//! `num_decode_tokens`.

use super::first_line::Needs;
use super::hints::TimeUnit;
use super::log_format::LogFormat;

/// The format of Vidur's traces.
pub static VIDUR: LogFormat = LogFormat {
    name: "vidur",
    looks_like: "CSV with the columns arrived_at (in seconds), num_prefill_tokens and num_decode_tokens",
    needs: Needs::Columns(&[&["arrived_at"], &["num_prefill_tokens"], &["num_decode_tokens"]]),
    arrival: &["arrived_at"],
    unit: Some(TimeUnit::Seconds),
    input: &["num_prefill_tokens"],
    output: &["num_decode_tokens"],
    ..LogFormat::NONE
};
