//! What a study found, as a screen, JSON or files.

mod atomic_file;
mod calibration;
pub mod capacity;
pub mod chart;
pub mod compare;
pub mod curve;
pub mod draw;
pub mod figure;
mod figure_file;
mod formula;
mod json;
mod number;
pub mod numbers;
pub mod page;
mod requests_csv;
pub mod results;
mod run_report;
pub mod scheduler_log;
mod screen;
mod setting;
pub mod table;
mod timeline_csv;
mod validation;
mod why;

pub use atomic_file::{remove_unfinished, write_atomically};
pub use calibration::CalibrationReport;
pub use figure_file::{FigureFormat, write_figure};
pub use requests_csv::write_requests_csv;
pub use run_report::{Headline, Memory, ModelError, RunReport, Verdict};
pub use screen::Style;
pub use setting::Setting;
pub use timeline_csv::TimelineCsv;
pub use validation::{ErrorLimit, ValidatedExperiment, ValidationReport};
