//! Files that reports are written to, complete or not at all.

mod atomic_file;
mod figure_file;
mod observed;
mod packed_file;
mod perfetto;
mod recorded;
pub mod results;
mod rows;

pub use atomic_file::{AtomicFile, is_standard_output, remove_unfinished, write_atomically};
pub use figure_file::{FigureFormat, write_figure};
pub use observed::{
    LogLines, MOST_LOG_LINES, MOST_SPANS, Spans, SpansSettings, WallClock, write_metrics_text, write_openmetrics,
};
pub use packed_file::PackedFile;
pub use perfetto::{MOST_TRACE_EVENTS, PerfettoTrace, USUALLY_TRACED_REQUESTS};
pub use recorded::{RecordedColumns, RecordedFormat, RecordedWriter};
pub use rows::{RowForm, TimelineColumns, TimelineRows, write_requests};
