//! Flags that several verbs have, and what they amount to.

pub mod exit;
pub mod figures;
pub mod format;
pub mod load;
pub mod outputs;
pub mod recorded;
pub mod scenario;
mod server_flags;
pub mod study;
pub mod table_format;
