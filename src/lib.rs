//! tailcast: forecast the latency tail of an LLM inference server before you rent the GPUs.
//!
//! A discrete-event simulator of one inference server: GPU memory, the KV cache of every request, and no, static or
//! continuous batching. The modules are floors; each imports only from floors below its own:
//!
//! ```text
//! 11  cli                     verbs; the only place that prints
//! 10  answer                  every verb as a question and a function
//!  9  report                  tables, figures, files
//!  8  study                   questions that take more than one simulation
//!  7  metrics   config        listens: latencies, queue depth, KV, GPU use · TOML text to domain values
//!  6  fleet                   clients and servers: who sends which request where
//!  5  engine                  one server: moves time
//!  4  policy                  queue state and what the next step holds
//!  3  step_time  kv           how long a step takes · how many blocks tokens need
//!  2  hardware   workload     what is bought · who asks for what, when; trace formats
//!  1  settings                what may be written in a scenario, as data
//!  0  units      stats        quantities · quantiles, intervals, random streams
//! ```

pub mod answer;
pub mod cli;
pub mod config;
pub mod engine;
pub mod fleet;
pub mod hardware;
pub mod kv;
pub mod metrics;
pub mod policy;
pub mod report;
pub mod settings;
pub mod stats;
pub mod step_time;
pub mod study;
pub mod units;
pub mod workload;
