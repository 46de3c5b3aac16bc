//! Tests by kind of promise, in one binary.

mod bad_catalogue;
mod known;
mod known_models;
mod laws_step_time;
mod oracle;
mod tidy;
mod twin;
mod worlds;
