//! A scenario: one file a table, and what they are put together to. [`deployment`] is what is bought and how it is set
//! up, [`traffic`] who asks for what, [`operation`] how it is run; [`resolved`] is all three.

pub mod arrivals;
pub mod batching;
pub mod calibration;
pub mod client;
pub mod deployment;
pub mod fidelity;
pub mod fleet;
pub mod form;
pub mod idle_keys;
pub mod lengths;
pub mod load;
pub mod model;
pub mod no_scenario;
pub mod operation;
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
pub mod starter;
pub mod step_time;
pub mod tables;
pub mod think;
pub mod trace;
pub mod traffic;
pub mod warm_up;
pub mod workload;
