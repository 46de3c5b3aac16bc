//! The list of trace formats. A new one is a file and a line here.

use super::format::TraceFormat;
use super::{azure, burstgpt, csv, mooncake, sharegpt};

/// Every format, in the order in which messages list them.
pub static FORMATS: [&dyn TraceFormat; 5] = [
    &csv::Csv,
    &azure::Azure,
    &mooncake::Mooncake,
    &burstgpt::BurstGpt,
    &sharegpt::ShareGpt,
];
