//! The verbs, one a file: each turns its flags into a question, and prints and writes the answer.

pub mod calibrate;
pub mod capacity;
pub mod check;
pub mod compare;
pub mod completions;
pub mod curve;
pub mod gpus;
pub mod help;
pub mod init;
pub mod man;
pub mod merge;
pub mod models;
pub mod plan;
pub mod report;
pub mod run;
pub mod schema;
pub mod serve;
pub mod steps;
pub mod sweep;
pub mod trace;
pub mod validate;
