//! From TOML text to domain values that are valid by construction, with errors that show the place and the remedy.
//!
//! A scenario is read in layers: a file, then the flags of the command line. Each value knows where it was written, so
//! that every message can show its line. What is left out takes a default that the ledger explains.

mod arrivals;
pub mod axis;
mod batching;
mod calibration;
pub mod catalogue;
mod declared;
mod diagnostic;
mod document;
mod fidelity;
mod fields;
mod fingerprint;
mod flag;
pub mod hugging_face;
mod key;
mod lengths;
mod load;
mod manifest;
mod measured;
mod model;
mod overheads;
mod priority;
mod profile;
mod quantity;
mod read_once;
mod reading;
mod sampling;
mod scenario;
pub mod scheduler_log;
mod server;
mod sharing;
mod slo;
mod speculative;
mod step_table;
mod step_time;
mod study_file;
mod text;
mod text_file;
mod trace;
mod workload;
mod written;

pub use calibration::{Calibration, FittedOn};
pub use diagnostic::{Diagnostic, Snippet, did_you_mean};
pub use fidelity::Knowledge;
pub use fingerprint::Fingerprint;
pub use flag::Flag;
pub use load::{Layers, Overrides, ScenarioText};
pub use manifest::{Experiment, Manifest};
pub use measured::{METRICS, Measured, MeasuredRequest, Values, is_latency};
pub use overheads::CpuTime;
pub use quantity::{DURATION_HELP, duration};
pub use read_once::Files;
pub use reading::Resolved;
pub use scenario::{Problem, Scenario};
pub use slo::Objective;
pub use speculative::Drafts;
pub use step_table::{MeasuredStep, is_step_table, parse_step_table, read_step_table};
pub use study_file::StudyFile;
pub use text_file::{is_standard_input, read_text};
pub use workload::Workload;
