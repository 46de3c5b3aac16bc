//! How far the budget of a day goes: arithmetic on the money of the day, not a simulation of what happens then.

use serde::Serialize;

use super::day_profile::{MINUTES, rent_by_minute, requests_by_minute};
use crate::config::Scenario;
use crate::metrics::FleetReport;
use crate::money::{Beyond, Budget, HOURS_PER_DAY, MoneyOfDay, PartOfDay, moment_spent};

/// How far the budget of a day goes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct BudgetReport {
    /// What may be spent [$].
    pub per_day: f64,
    /// `degrade`, `queue` or `refuse`.
    pub beyond: &'static str,
    /// With own servers: money goes as they are there, whatever they do, and they are given back when it is spent.
    /// `None` if nobody says what their GPUs cost.
    pub own: Option<BudgetOutcome>,
    /// With an API: money goes with the requests.
    pub api: BudgetOutcome,
}

/// What becomes of a day.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct BudgetOutcome {
    /// Hours from midnight; `None` if it lasts.
    pub spent_at_hour: Option<f64>,
    /// What the day would cost.
    pub wanted: f64,
    /// Requests that come after it is spent, of all of the day.
    pub share_after: f64,
    pub requests_after: f64,
    /// What becomes of them; `None` if none come.
    pub they_are: Option<&'static str>,
    /// How long the first of them waits for the next day, if they wait.
    pub longest_wait_hours: Option<f64>,
}

impl BudgetReport {
    pub(super) fn of(scenario: &Scenario, fleet: Option<&FleetReport>, money: &MoneyOfDay) -> Option<Self> {
        let budget = scenario.budget?;
        let requests = requests_by_minute(scenario);
        let rent = rent_by_minute(scenario, fleet);
        let outcome = |dollars: f64, paid: &[f64]| {
            let parts = requests.iter().zip(paid).map(|(came, paid)| PartOfDay {
                hours: HOURS_PER_DAY / MINUTES as f64,
                requests: came * money.traffic.requests,
                dollars: paid * dollars,
            });
            BudgetOutcome::of(&budget, &parts.collect::<Vec<_>>(), dollars)
        };
        Some(Self {
            per_day: budget.per_day_dollars,
            beyond: budget.beyond.name(),
            own: money.own.map(|dollars| outcome(dollars, &rent)),
            api: outcome(money.api, &requests),
        })
    }
}

impl BudgetOutcome {
    fn of(budget: &Budget, parts: &[PartOfDay], dollars: f64) -> Self {
        let spent = moment_spent(parts, budget.per_day_dollars);
        let they_are = match budget.beyond {
            Beyond::Degrade => "degraded",
            Beyond::Queue => "queued",
            Beyond::Refuse => "refused",
        };
        Self {
            spent_at_hour: spent.spent_at_hour,
            wanted: dollars,
            share_after: spent.share_after,
            requests_after: spent.requests_after,
            they_are: Some(they_are).filter(|_| spent.requests_after > 0.0),
            longest_wait_hours: spent.longest_wait_hours.filter(|_| budget.beyond == Beyond::Queue),
        }
    }
}
