//! Tests by kind of promise, in one binary.

mod known;
mod metrics;
mod oracle;
mod tidy;
mod twin;
mod worlds;
