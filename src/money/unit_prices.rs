//! What a request and a token cost, on servers of one's own and at an API.

use super::cost_facts::CostFacts;
use super::cost_rules::CostRules;
use super::{MILLION, SECONDS_PER_HOUR};

/// Prices of requests and tokens [$]. Own ones are the rent of the servers that were there, over what they answered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UnitPrices {
    /// An hour of all servers that were there on the average; `None`, like all that follows from it, if nobody says
    /// what a GPU costs.
    pub fleet_hour: Option<f64>,
    /// A request.
    pub per_request: Option<f64>,
    /// A million tokens of prompts and answers.
    pub per_million_tokens: Option<f64>,
    /// A million tokens of answers, if prompts cost nothing.
    pub per_million_output_tokens: Option<f64>,
    /// The same request at an API.
    pub api_per_request: f64,
    /// The same million tokens at an API.
    pub api_per_million_tokens: f64,
}

impl UnitPrices {
    /// What the requests of a run cost that answered any; `None` without.
    pub fn of(rules: &CostRules, facts: &CostFacts) -> Option<Self> {
        if facts.requests_per_s.is_nan() || facts.requests_per_s <= 0.0 {
            return None;
        }
        let (fresh, cached) = (facts.fresh_input_tokens(), facts.cached_input_tokens());
        let tokens = facts.tokens_per_s() / facts.requests_per_s;
        let api_per_request = rules.api.of_tokens(fresh, cached, facts.output_tokens());
        let second = rules.fleet_second_dollars(facts.mean_servers);
        let own = |per_s: f64, unit: f64| second.and_then(|dollars| finite(dollars / per_s * unit));
        Some(Self {
            fleet_hour: second.map(|dollars| dollars * SECONDS_PER_HOUR),
            per_request: own(facts.requests_per_s, 1.0),
            per_million_tokens: own(facts.tokens_per_s(), MILLION),
            per_million_output_tokens: own(facts.output_tokens_per_s, MILLION),
            api_per_request,
            api_per_million_tokens: api_per_request / tokens * MILLION,
        })
    }
}

/// The number, unless it is none: what costs nothing is no part of anything.
pub(super) fn finite(number: f64) -> Option<f64> {
    Some(number).filter(|number| number.is_finite())
}
