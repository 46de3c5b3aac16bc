//! TOML and JSON text to domain values, with good errors.

pub mod catalogue;
pub mod hugging_face;
pub mod scheduler_log;
