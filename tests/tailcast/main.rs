//! Tests by kind of promise, in one binary.

mod oracle;
mod twin;
mod worlds;
