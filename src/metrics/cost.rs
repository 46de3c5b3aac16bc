//! What a run costs, in numbers that studies can name.

use serde::Serialize;

use super::fleet::FleetReport;
use super::meters::Summary;
use super::named_number::{Better, NamedNumber, PlaceInList, Quantity};
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
    pub fn of(rules: &CostRules, summary: &Summary, fleet: Option<&FleetReport>) -> Option<Self> {
        let facts = summary.cost_facts(fleet)?;
        let unit = UnitPrices::of(rules, &facts)?;
        let day = MoneyOfDay::of(rules, &facts);
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
            joules_per_token: EnergyUse::of_run(rules, &facts)
                .and_then(|energy| energy.joules_per_token(facts.tokens_per_s())),
        })
    }

    /// Those that studies can name, of a run of which somebody wants to know what it costs.
    pub(super) fn named_numbers() -> Vec<NamedNumber<Summary>> {
        let price = |name, read: fn(&Self) -> Option<f64>| {
            let of_run = move |run: &Summary| read(run.cost.as_ref()?);
            NamedNumber::new(name, Quantity::Price, Better::Lower, of_run).at(PlaceInList::Last)
        };
        let break_even = |run: &Summary| run.cost?.break_even_requests_per_s;
        let joules = |run: &Summary| run.cost?.joules_per_token;
        vec![
            price("cost.per_request", |it| it.per_request),
            price("cost.per_million_tokens", |it| it.per_million_tokens),
            price("cost.per_million_output_tokens", |it| it.per_million_output_tokens),
            price("cost.fleet_hour", |it| it.fleet_hour),
            price("cost.per_day", |it| it.per_day),
            price("cost.per_month", |it| it.per_month),
            price("cost.per_user_day", |it| it.per_user_day),
            price("cost.api_per_request", |it| Some(it.api_per_request)),
            price("cost.api_per_million_tokens", |it| Some(it.api_per_million_tokens)),
            price("cost.api_per_day", |it| Some(it.api_per_day)),
            price("cost.api_per_month", |it| Some(it.api_per_month)),
            price("cost.api_per_user_day", |it| it.api_per_user_day),
            NamedNumber::new(
                "cost.break_even_requests_per_s",
                Quantity::Rate,
                Better::Lower,
                break_even,
            )
            .at(PlaceInList::Last),
            NamedNumber::new("cost.joules_per_token", Quantity::Count, Better::Lower, joules).at(PlaceInList::Last),
        ]
    }
}

impl Summary {
    /// What a run of these servers was like, as far as money is concerned; `None` if it answered nothing.
    pub fn cost_facts(&self, fleet: Option<&FleetReport>) -> Option<CostFacts> {
        let rates = &self.throughput;
        let extra = fleet.map_or(0.0, |fleet| {
            let attempts = &fleet.attempts;
            // Who is refused costs nothing.
            let extra = (attempts.retries + attempts.hedged).saturating_sub(attempts.refused);
            let first = attempts.attempts - attempts.retries - attempts.hedged;
            extra as f64 / first.max(1) as f64
        });
        let facts = CostFacts {
            requests_per_s: rates.requests_per_s?,
            input_tokens_per_s: rates.input_tokens_per_s?,
            output_tokens_per_s: rates.output_tokens_per_s?,
            cached_share: self.kv.prefix_hit_ratio.unwrap_or(0.0),
            mean_servers: fleet.map_or(1.0, |fleet| fleet.provisioned.mean),
            busy_fraction: self.gpu.busy_fraction.unwrap_or(0.0),
            extra_attempts: extra,
            starts_per_s: fleet.map_or(0.0, |fleet| fleet.starts as f64) / rates.duration_s,
        };
        let answers = facts.requests_per_s > 0.0 && facts.mean_servers > 0.0 && rates.duration_s > 0.0;
        answers.then_some(facts)
    }
}
