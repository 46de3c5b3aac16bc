//! Tests by kind of promise, in one binary.

mod metrics;
