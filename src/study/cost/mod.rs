//! What a run costs, in full: from its numbers, the scenario, and what its servers could do at best.

mod against_api;
mod budget_report;
mod cost_report;
mod day_profile;
mod listed;

pub use against_api::{AgainstApi, BreakEvenReport, RuleOfThumbReport};
pub use budget_report::{BudgetOutcome, BudgetReport};
pub use cost_report::{BestRate, CommitmentReport, CostQuestion, CostReport, DayReport, HiddenCostReport, SessionCost};
pub use listed::{EnergyReport, PricesReport, SourceReport, TokenPrices};
