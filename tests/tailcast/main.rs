//! Tests by kind of promise, in one binary.

mod bad_catalogue;
mod bad_input;
mod bad_scenarios;
mod bad_traces;
mod cli;
mod command;
mod config;
mod distributions;
mod golden_draws;
mod known;
mod known_engines;
mod known_models;
mod laws_policy;
mod laws_step_time;
mod metrics;
mod oracle;
mod queueing;
mod reader_fuzz;
mod reports;
mod synthetic;
mod tidy;
mod trace_facts;
mod traces;
mod twin;
mod worlds;
