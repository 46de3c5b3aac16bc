//! A scenario: one file a table, and [`resolved`] that puts them together.

pub mod arrivals;
pub mod batching;
pub mod calibration;
pub mod fidelity;
pub mod form;
pub mod lengths;
pub mod load;
pub mod model;
pub mod overheads;
pub mod priority;
pub mod profile;
pub mod reference;
pub mod resolved;
pub mod sampling;
pub mod schema;
pub mod server;
pub mod sharing;
pub mod slo;
pub mod speculative;
pub mod step_time;
pub mod tables;
pub mod trace;
pub mod workload;
