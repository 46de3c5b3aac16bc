//! Recorded arrivals: one file a format, listed in [`FORMATS`].

mod azure;
mod burstgpt;
mod clients;
mod csv;
mod cursor;
mod detect;
mod error;
mod fast_path;
mod file;
mod followers;
mod info;
mod json_lines;
mod lines;
mod mooncake;
mod number;
mod prefix_sharing;
mod rate;
mod replay;
mod row;
mod row_ids;
mod scales;
mod sharegpt;
mod source;
mod stamp;
mod table;
mod ties;

pub use detect::FormatName;
pub use error::TraceError;
pub use file::{TraceFile, TraceReader};
pub use info::{TokenSummary, TraceInfo, info};
pub use prefix_sharing::PrefixSharing;
pub use rate::recorded_rate;
pub use replay::{LENGTH_SCALES, MOST_CONCURRENCY, Replay, SPEEDUPS};
pub use source::{Skipped, TraceSource, open, open_seeded};

pub(super) use lines::Lines;
pub(super) use table::Table;

use detect::FirstLine;
use row::Rows;

/// A way to write down requests. Laws: [`Format::recognises`] looks at names only, never at the magnitude of numbers;
/// reading any bytes yields rows or errors that name the place, never a panic.
pub trait Format: Sync {
    /// The name in a scenario.
    fn name(&self) -> &'static str;

    /// What its first line must hold, for the error that says what was looked for.
    fn looks_like(&self) -> &'static str;

    /// Whether a file that starts with this line is of this format.
    #[doc(hidden)]
    fn recognises(&self, first: &FirstLine) -> bool;

    /// The rows of a file of this format.
    #[doc(hidden)]
    fn rows(&self, lines: Lines) -> Result<Box<dyn Rows>, TraceError>;

    /// Tokens in a block for measuring how much content is shared: the granularity at which the format identifies
    /// content.
    fn block_tokens(&self) -> u32 {
        16
    }
}

/// Every format.
pub static FORMATS: [&dyn Format; 5] = [
    &csv::Csv,
    &azure::Azure,
    &mooncake::Mooncake,
    &burstgpt::BurstGpt,
    &sharegpt::ShareGpt,
];
