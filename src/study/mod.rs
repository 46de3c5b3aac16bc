//! Questions that take more than one simulation.

pub mod calibrate;
mod simulate;

pub use simulate::{SimulationError, engine, recorder, simulate};
