//! Tests by kind of promise, in one binary.

mod distributions;
mod metrics;
mod reports;
