//! What `run` found, as a screen, as JSON or as a page.

mod classes;
mod json;
mod page;
mod report;
mod screen;

pub use report::{Headline, MemoryReport, ModelError, PoolFacts, RunReport};
