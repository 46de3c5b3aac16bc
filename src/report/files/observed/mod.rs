//! Files of a run that the tools read which watch real servers: Prometheus, collectors of OpenTelemetry, and those that
//! gather logs.

mod logs;
mod metrics_text;
mod spans;
mod wall_clock;

pub use logs::{LogLines, MOST_LOG_LINES};
pub use metrics_text::{write_metrics_text, write_openmetrics};
pub use spans::{MOST_SPANS, Spans, SpansSettings};
pub use wall_clock::WallClock;
