//! Questions that take more than one simulation.

pub mod calibrate;
mod simulate;
mod validation;

pub use simulate::{SimulationError, engine, recorder, simulate};
pub use validation::{Compared, Comparison, MetricErrors, Prediction, errors_of, metrics_of};
