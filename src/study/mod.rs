//! Questions that take more than one simulation.

pub mod calibrate;
mod capacity;
mod contest;
mod curve;
mod formula;
mod in_order;
mod input;
mod load;
mod met;
mod overview;
mod plan;
mod remedies;
mod simulate;
mod stopped;
mod sweep;
mod validation;

pub use crate::metrics::{Better, MEASURES, Measure, Quantity};
pub use capacity::{Bracket, Capacity, CapacityQuestion, PRECISION, USUAL_START};
pub use contest::{Contender, Contest, Difference, Variation, contest};
pub use curve::{Curve, CurvePoint, CurveQuestion};
pub use formula::{ContextLengths, DraftsCost, Filled, FormulaCheck, FormulaQuestion};
pub use in_order::{Next, Workers};
pub use input::{Base, Input};
pub use load::{LoadDial, LoadKind};
pub use met::{MOST_REJECTED, is_met};
pub use overview::overview;
pub use plan::{MOST_POINTS, Plan, label, short};
pub use remedies::{Remedy, Tried, fewest_servers, remedies, try_remedy};
pub use simulate::{SimulationError, engine, recorder, replay, replay_source, simulate};
pub use stopped::{Simulate, Stopped};
pub use sweep::{RUN_COLUMNS, RunNumbers, Sweep, usual_measures};
pub use validation::{Compared, Comparison, MetricErrors, Prediction, errors_of, metrics_of};
