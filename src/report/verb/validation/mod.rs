//! Predictions beside measurements.

mod experiments;
mod json;
mod table;

pub use experiments::{ErrorLimit, ValidatedExperiment, ValidationReport};
