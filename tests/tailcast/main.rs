//! Tests by kind of promise, in one binary.

mod bad_catalogue;
mod known_models;
