//! What a calibration is made from.

use crate::config::{Measured, MeasuredStep, Scenario};

/// What was measured.
#[derive(Clone, Debug)]
pub enum Data {
    /// Requests, or a summary of them.
    Served(Box<Measured>),
    /// Steps in which every request decodes.
    Steps(Vec<MeasuredStep>),
}

/// What was measured at one load.
#[derive(Clone, Debug)]
pub struct MeasuredLoad {
    /// What people call the load, such as "16 clients" or a file's name.
    pub label: String,
    /// The scenario that sends what was sent.
    pub scenario: Scenario,
    /// What came of it.
    pub data: Data,
}
