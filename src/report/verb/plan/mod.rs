//! A plan for production: the verdict, six answers, rules of thumb beside them, and the decisions that follow.
//!
//! Each answer is a section, which a screen and a page show alike, and a part of the JSON.

mod buying;
mod capacity_rule;
mod checks;
mod concurrency;
mod cost;
mod decisions;
mod json;
mod latency_budget;
mod observability;
mod part;
mod reliability;
mod report;
mod section;
mod shown;
mod storage;
mod verdict;

pub use checks::{Check, CheckOutcome};
pub use report::PlanReport;
