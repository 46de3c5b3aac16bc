//! Questions that take more than one simulation.

pub mod calibrate;
mod simulate;
mod validation;

pub use simulate::{SimulationError, engine, recorder, replay, replay_source, simulate};
pub use validation::{Compared, Comparison, MetricErrors, Prediction, errors_of, metrics_of};
