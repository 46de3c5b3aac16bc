//! Questions that take more than one simulation.

mod simulate;

pub use simulate::{SimulationError, engine, recorder, simulate};
