//! Files beside scenarios: GPUs and models, studies and manifests, what was measured of servers.

pub mod axis;
pub mod catalogue;
pub(in crate::config) mod csv_table;
pub(in crate::config) mod draft_counters;
pub mod fingerprint;
pub mod hugging_face;
pub mod manifest;
pub mod measured;
pub mod price_file;
pub mod scheduler_log;
pub mod step_table;
pub mod study_file;
pub(in crate::config) mod table_rows;
mod wording;
