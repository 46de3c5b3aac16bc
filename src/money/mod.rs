//! What a deployment costs: prices as they were listed, and the arithmetic on them. Dollars, nothing else: names end in
//! `_dollars`, or stand in a struct that says so.
//!
//! Plain functions of plain numbers. [`CostRules`] is what a scenario says of money, [`CostFacts`] what a run was like;
//! [`UnitPrices`] and [`MoneyOfDay`] come of the two, [`SpentBudget`] of a day's budget.

mod bill;
mod break_even;
mod budget;
mod cost_facts;
mod cost_rules;
mod day_traffic;
mod energy;
mod hidden_costs;
mod price_book;
mod unit_prices;

pub use bill::{MoneyOfDay, rent_of_day};
pub use break_even::{BreakEven, RuleOfThumb, break_even_requests_per_s};
pub use budget::{Beyond, Budget, PartOfDay, SpentBudget, moment_spent};
pub use cost_facts::CostFacts;
pub use cost_rules::{Commitment, CostFigures, CostRules, PaidServers};
pub use day_traffic::{DayTraffic, TrafficBasis};
pub use energy::{EnergyOfDay, EnergyUse, watts_at_load};
pub use hidden_costs::{HiddenCost, Share};
pub use price_book::{ApiClass, ApiPrice, CostFigure, GpuPrice, PriceBook, Region};
pub use unit_prices::UnitPrices;

/// A month is 30 days.
pub const DAYS_PER_MONTH: f64 = 30.0;
/// Hours of a day.
pub const HOURS_PER_DAY: f64 = 24.0;
/// Seconds of an hour.
pub const SECONDS_PER_HOUR: f64 = 3_600.0;
/// Seconds of a day.
pub const SECONDS_PER_DAY: f64 = 86_400.0;
/// Tokens are priced by the million.
pub const MILLION: f64 = 1e6;
