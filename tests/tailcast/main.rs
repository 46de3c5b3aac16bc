//! Tests by kind of promise, in one binary.

mod twin;
mod worlds;
