//! What a study found, as a screen, JSON or files.

mod atomic_file;
mod calibration;
pub mod chart;
pub mod figure;
mod json;
mod packed_file;
pub mod page;
mod perfetto;
mod requests_csv;
mod run_report;
pub mod scheduler_log;
mod screen;
pub mod table;
mod timeline_csv;
mod validation;

pub use atomic_file::{AtomicFile, remove_unfinished, write_atomically};
pub use calibration::CalibrationReport;
pub use packed_file::PackedFile;
pub use perfetto::{MOST_TRACE_EVENTS, PerfettoTrace};
pub use requests_csv::write_requests_csv;
pub use run_report::{Headline, Memory, ModelError, RunReport, Verdict};
pub use screen::Style;
pub use timeline_csv::TimelineCsv;
pub use validation::{ErrorLimit, ValidatedExperiment, ValidationReport};
