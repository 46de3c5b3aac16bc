//! Recorded arrivals: one file a format, listed in [`FORMATS`].

mod azure;
mod burstgpt;
mod csv;
mod cursor;
mod detect;
mod error;
mod fast_path;
mod file;
mod first_line;
mod followers;
mod format;
mod formats;
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
mod token_counts;

pub use detect::FormatName;
pub use error::TraceError;
pub use file::{TraceFile, TraceReader};
pub use format::TraceFormat;
pub use formats::FORMATS;
pub use info::{TraceInfo, info};
pub use prefix_sharing::PrefixSharing;
pub use rate::recorded_rate;
pub use replay::{LENGTH_SCALES, MOST_CONCURRENCY, Replay, SPEEDUPS};
pub use source::{Skipped, TraceSource, open, open_seeded};
pub use stamp::picos_since_1970;
pub use token_counts::TokenSummary;

pub(super) use lines::Lines;
pub(super) use table::CsvTable;
