//! TOML and JSON text to domain values, with good errors.

pub mod scheduler_log;
