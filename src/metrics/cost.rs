//! What a run was like, as far as money is concerned, and what it costs by name.

use super::cost_numbers::CostNumbers;
use super::fleet::FleetReport;
use super::meters::Summary;
use super::named_number::{Better, NamedNumber, PlaceInList, Quantity};
use crate::money::CostFacts;

/// Those that studies can name, of a run of which somebody wants to know what it costs.
pub(super) fn cost_measures() -> Vec<NamedNumber<Summary>> {
    let price = |name, read: fn(&CostNumbers) -> Option<f64>| {
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
