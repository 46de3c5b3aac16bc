//! Tests by kind of promise, in one binary.

mod bad_catalogue;
mod known_models;
mod laws_step_time;
