//! Tests by kind of promise, in one binary.

mod known;
mod oracle;
mod tidy;
mod twin;
mod worlds;
