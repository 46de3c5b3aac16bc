//! The report of each verb.

mod also_differs;
mod breakdown_document;
mod calibration;
pub mod capacity;
pub mod compare;
pub mod cost;
pub mod curve;
mod curve_page;
pub mod formula;
mod group_table;
mod log_lines;
mod measured_beside;
mod path_budget;
mod path_document;
pub mod plan;
mod run;
pub mod scheduler_log;
pub mod serve_command;
pub mod servers;
pub mod sglang_log;
mod slo_document;
mod study_setting;
pub mod sweep;
mod validation;

pub use calibration::CalibrationReport;
pub use run::{Headline, MemoryReport, ModelError, PoolFacts, RunReport};
pub use study_setting::StudySetting;
pub use validation::{ErrorLimit, ValidatedExperiment, ValidationReport};
