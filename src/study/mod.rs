//! Questions that take more than one simulation.

pub mod calibrate;
mod in_order;
mod input;
mod measure;
mod plan;
mod simulate;
mod stopped;
mod sweep;
mod validation;

pub use in_order::{Next, Workers};
pub use input::{Base, Input};
pub use measure::{Better, MEASURES, Measure, Quantity};
pub use plan::{MOST_POINTS, Plan, short};
pub use simulate::{SimulationError, engine, recorder, replay, replay_source, simulate};
pub use stopped::{Simulate, Stopped};
pub use sweep::{RunNumbers, Sweep, usual_measures};
pub use validation::{Compared, Comparison, MetricErrors, Prediction, errors_of, metrics_of};
