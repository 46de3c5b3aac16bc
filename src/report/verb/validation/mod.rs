//! What `validate` found: predictions beside measurements, as a screen or as JSON.

mod experiments;
mod json;
mod table;

pub use experiments::{ErrorLimit, ValidatedExperiment, ValidationReport};
