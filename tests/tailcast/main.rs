//! Tests by kind of promise, in one binary.

mod bad_traces;
mod golden_draws;
mod reader_fuzz;
mod synthetic;
mod trace_facts;
mod traces;
