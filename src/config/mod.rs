//! From TOML text to domain values that are valid by construction, with errors that show the place and the remedy.
//!
//! A scenario is read in layers: a file, then the flags of the command line. Each value knows where it was written, so
//! that every message can show its line. What is left out takes a default that the ledger explains.

mod files;
mod reader;
mod scenario;

pub use files::fingerprint::Fingerprint;
pub use files::manifest::{Experiment, Manifest};
pub use files::measured::{
    BenchmarkLoad, CountedHistogram, METRICS, Measured, MeasuredLength, MeasuredRequest, NotedSetting, ServerCounters,
    Values, is_latency,
};
pub use files::price_file::embedded as price_list;
pub use files::step_table::{MeasuredStep, is_step_table, parse_step_table, read_step_table};
pub use files::study_file::StudyFile;
pub use files::{axis, catalogue, hugging_face, scheduler_log};
pub use reader::diagnostic::{Diagnostic, Snippet, did_you_mean};
pub use reader::flag::Flag;
pub use reader::layers::{Layers, Overrides};
pub use reader::printable::{is_unprintable, on_one_line, printable};
pub use reader::quantity::{DURATION_HELP, duration};
pub use reader::read_once::Files;
pub use reader::reading::Resolved;
pub use reader::text_file::{is_standard_input, read_text};
pub use scenario::calibration::{Calibration, FittedOn};
pub use scenario::capacity_rule::MemoryRule;
pub use scenario::custom::Custom;
pub use scenario::deployment::Deployment;
pub use scenario::expected_error::{CAUSES, CauseErrors, ErrorCause, ErrorPart, ExpectedError, joined};
pub use scenario::fidelity::Knowledge;
pub use scenario::idle_keys::{IdleKey, warnings_of_idle_keys};
pub use scenario::load::ScenarioText;
pub use scenario::no_scenario::NoScenario;
pub use scenario::operation::{Fleet, FleetPool, Operation, WarmUp};
pub use scenario::overheads::CpuTime;
pub use scenario::planning::Planning;
pub use scenario::reference::reference;
pub use scenario::reliability::Promise;
pub use scenario::resolved::Scenario;
pub use scenario::schema::schema;
pub use scenario::slo::{Bound, Objective};
pub use scenario::speculative::Drafts;
pub use scenario::starter::starter;
pub use scenario::tables::{flags as settings_with_flags, settings};
pub use scenario::traffic::{Class, Traffic};
pub use scenario::unit_of_key::unit_of_key;
pub use scenario::workload::Workload;
