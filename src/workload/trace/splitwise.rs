//! Traces of Splitwise's simulator (github.com/Mutinifni/splitwise-sim): CSV with `arrival_timestamp` in seconds,
//! `prompt_size` and `token_size` in tokens.

use super::first_line::Needs;
use super::hints::TimeUnit;
use super::log_format::LogFormat;

/// The format of the traces of Splitwise's simulator.
pub static SPLITWISE: LogFormat = LogFormat {
    name: "splitwise",
    looks_like: "CSV with the columns arrival_timestamp (in seconds), prompt_size and token_size",
    needs: Needs::Columns(&[&["arrival_timestamp"], &["prompt_size"], &["token_size"]]),
    arrival: &["arrival_timestamp"],
    unit: Some(TimeUnit::Seconds),
    input: &["prompt_size"],
    output: &["token_size"],
    ..LogFormat::NONE
};
