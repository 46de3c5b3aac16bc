//! What `run` found, as a screen, as JSON or as a page.

mod classes;
mod cost_lines;
mod json;
mod page;
mod report;
mod screen;
mod vllm_bench;

pub(super) use cost_lines::outcome_in_words;
pub use report::{Headline, MemoryReport, ModelError, PoolFacts, RunReport};
