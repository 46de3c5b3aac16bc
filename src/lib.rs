//! tailcast: forecast the latency tail of an LLM inference server before you rent the GPUs.
//!
//! A discrete-event simulator of one inference server: GPU memory, the KV cache of every request, and no, static or
//! continuous batching. The modules are floors; each imports only from floors below its own:
//!
//! ```text
//! 9  cli                      verbs; the only place that prints
//! 8  report                   tables, figures, files
//! 7  study                    questions that take more than one simulation
//! 6  metrics   config         listens: latencies, queue depth, KV, GPU use · TOML text to domain values
//! 5  fleet                    clients and servers: who sends which request where
//! 4  engine                   one server: moves time
//! 3  policy                   queue state and what the next step holds
//! 2  step_time  kv            how long a step takes · how many blocks tokens need
//! 1  hardware   workload      what is bought · who asks for what, when; trace formats
//! 0  units      stats         quantities · quantiles, intervals, random streams
//! ```

pub mod cli;
pub mod config;
pub mod engine;
pub mod fleet;
pub mod hardware;
pub mod kv;
pub mod metrics;
pub mod policy;
pub mod report;
pub mod stats;
pub mod step_time;
pub mod study;
pub mod units;
pub mod workload;
