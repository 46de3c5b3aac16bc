//! What a run costs, in single numbers.

use serde::Serialize;

use crate::money::{
    CostFacts, CostRules, DAYS_PER_MONTH, EnergyUse, MoneyOfDay, SECONDS_PER_DAY, UnitPrices, break_even_requests_per_s,
};

/// Prices of a run in dollars; those of own servers are `None` if nobody says what their GPUs cost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CostNumbers {
    /// A request: the rent of the servers over what they answered.
    pub per_request: Option<f64>,
    /// A million tokens of prompts and answers, of the same rent.
    pub per_million_tokens: Option<f64>,
    /// A million tokens of answers, if prompts cost nothing.
    pub per_million_output_tokens: Option<f64>,
    /// An hour of all servers that were there.
    pub fleet_hour: Option<f64>,
    /// A day with all that comes on top of the rent.
    pub per_day: Option<f64>,
    /// The same for 30 days.
    pub per_month: Option<f64>,
    /// The same for a user and a day; `None` too if nobody says how many users there are.
    pub per_user_day: Option<f64>,
    /// The same requests at an API.
    pub api_per_request: f64,
    /// The same tokens at an API.
    pub api_per_million_tokens: f64,
    /// A day at an API.
    pub api_per_day: f64,
    /// The same for 30 days.
    pub api_per_month: f64,
    /// The same for a user and a day.
    pub api_per_user_day: Option<f64>,
    /// From how many requests on the servers of the day cost less than the API [1/s].
    pub break_even_requests_per_s: Option<f64>,
    /// What the GPUs take for a token of a prompt or an answer [J]; `None` if nobody says what a GPU takes.
    pub joules_per_token: Option<f64>,
}

impl CostNumbers {
    /// Of a run; `None` if it answered nothing.
    pub fn of(rules: &CostRules, facts: &CostFacts) -> Option<Self> {
        let unit = UnitPrices::of(rules, facts)?;
        let day = MoneyOfDay::of(rules, facts);
        let of_user = |dollars: f64| day.traffic.users.map(|users| dollars / users);
        Some(Self {
            per_request: unit.per_request,
            per_million_tokens: unit.per_million_tokens,
            per_million_output_tokens: unit.per_million_output_tokens,
            fleet_hour: unit.fleet_hour,
            per_day: day.own,
            per_month: day.own.map(|dollars| dollars * DAYS_PER_MONTH),
            per_user_day: day.own.and_then(of_user),
            api_per_request: unit.api_per_request,
            api_per_million_tokens: unit.api_per_million_tokens,
            api_per_day: day.api,
            api_per_month: day.api * DAYS_PER_MONTH,
            api_per_user_day: of_user(day.api),
            break_even_requests_per_s: day
                .rent
                .and_then(|rent| break_even_requests_per_s(rent / SECONDS_PER_DAY, unit.api_per_request)),
            joules_per_token: EnergyUse::of_run(rules, facts)
                .and_then(|energy| energy.joules_per_token(facts.tokens_per_s())),
        })
    }
}
