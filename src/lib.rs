//! tailcast: forecast the latency tail of an LLM inference server before you rent the GPUs.
//!
//! A discrete-event simulator of one inference server: GPU memory, the KV cache of every request, and no, static or
//! continuous batching. A program asks what the command line asks: a question of [`answer`] is a plain struct, and its
//! answer gives the JSON, the text, the page and the figures that the command prints and writes.
//!
//! ```
//! use tailcast::answer::{Base, Control, Problem, RunQuestion};
//!
//! let scenario = r#"
//!     model.name = "llama-3.1-8b"
//!     server.gpu = "h100-sxm"
//!     workload.requests = 500
//!     workload.arrivals = { process = "poisson", rate = 8.0 }
//!     workload.prompt = { dist = "lognormal", median = 512, sigma = 0.8, max = 8000 }
//!     workload.output = { dist = "lognormal", median = 200, sigma = 0.6, max = 2000 }
//! "#;
//! let question = RunQuestion::of(Base::from_toml(scenario));
//! let answer = question.answer(&Control::default())?;
//! println!("{}", answer.to_json()); // as `tailcast run --format json` prints it
//! # Ok::<(), Problem>(())
//! ```
//!
//! Nothing is global, and questions and answers are [`Send`]: any number of scenarios may run at once, each from a
//! thread of its own. By a [`answer::Control`] another thread stops a run and hears of its warnings and progress.
//!
//! What is stable: the text of scenarios and studies (their keys, see the reference), the JSON of answers (each names
//! its schema and version), and the questions and answers of [`answer`]; they change with the minor version only, and
//! the changelog says how. What is not: every module below. They are public so that a study of one's own can be put
//! together from them, and change whenever that makes them better.
//!
//! The modules are floors; each imports only from floors below its own:
//!
//! ```text
//! 11  cli  web                verbs, the only place that prints · answers over HTTP, the only place that listens
//! 10  answer                  every verb as a question and a function
//!  9  report                  tables, figures, files
//!  8  study                   questions that take more than one simulation
//!  7  metrics   config        listens: latencies, queue depth, KV, GPU use · TOML text to domain values
//!  6  fleet                   clients and servers: who sends which request where
//!  5  engine                  one server: moves time
//!  4  policy                  queue state and what the next step holds
//!  3  step_time  kv  path     how long a step takes · how many blocks tokens need · what stands before the model
//!  2  hardware   workload     what is bought · who asks for what, when; trace formats
//!     retrieval               what documents take to be searched
//!     money                   what it costs: prices and the arithmetic on them
//!  1  settings                what may be written in a scenario, as data
//!  0  units      stats        quantities · quantiles, intervals, random streams
//!     files                   how files are opened
//! ```

pub mod answer;
pub mod cli;
pub mod config;
pub mod engine;
mod files;
pub mod fleet;
pub mod hardware;
pub mod kv;
pub mod metrics;
pub mod money;
pub mod path;
pub mod policy;
pub mod report;
pub mod retrieval;
pub mod settings;
pub mod stats;
pub mod step_time;
pub mod study;
pub mod units;
#[cfg(feature = "serve")]
pub mod web;
pub mod workload;
