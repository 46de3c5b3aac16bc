//! What a calibration is made from.

use crate::config::{Measured, MeasuredStep};

/// What was measured.
#[derive(Clone, Debug)]
pub enum Data {
    /// Requests, or a summary of them.
    Served(Measured),
    /// Steps in which every request decodes.
    Steps(Vec<MeasuredStep>),
}
