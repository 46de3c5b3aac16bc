//! Tables and files.

pub mod scheduler_log;
