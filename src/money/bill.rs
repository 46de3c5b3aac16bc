//! What a day costs, on servers of one's own and at an API.

use super::HOURS_PER_DAY;
use super::cost_facts::CostFacts;
use super::cost_rules::{Commitment, CostRules};
use super::day_traffic::DayTraffic;
use super::hidden_costs::{DayOfWork, HiddenCost, Share};

/// A day in dollars.
#[derive(Clone, Debug, PartialEq)]
pub struct MoneyOfDay {
    /// What is asked for.
    pub traffic: DayTraffic,
    /// The rent of the servers; `None` if nobody says what their GPUs cost.
    pub rent: Option<f64>,
    /// The rent, and all that comes on top of it.
    pub own: Option<f64>,
    /// What the tokens cost at an API.
    pub api_tokens: f64,
    /// The tokens, and all that comes beside them.
    pub api: f64,
    /// What stands on no price list, a line each.
    pub hidden: Vec<HiddenCost>,
}

impl MoneyOfDay {
    /// The day of a scenario whose run was like this.
    pub fn of(rules: &CostRules, facts: &CostFacts) -> Self {
        let traffic = DayTraffic::of(rules, facts);
        let rent = rent_of_day(rules, &traffic, rules.commitment);
        let (input, cached) = (traffic.input_tokens, traffic.cached_input_tokens);
        let api_tokens = rules.api.of_tokens(input, cached, traffic.output_tokens);
        let day = DayOfWork {
            rules,
            facts,
            traffic: &traffic,
            rent,
            api_tokens,
        };
        let hidden = day.hidden_costs();
        let on_top = hidden.iter().filter(|line| line.share == Share::OnTop);
        let own_on_top: Option<f64> = on_top.map(|line| line.own).sum();
        let beside_tokens = hidden.iter().map(|line| line.api).sum::<f64>();
        Self {
            traffic,
            rent,
            own: rent.and_then(|rent| Some(rent + own_on_top?)),
            api_tokens,
            api: api_tokens + beside_tokens,
            hidden,
        }
    }
}

/// The rent of the servers of a day, if they are rented so [$].
pub fn rent_of_day(rules: &CostRules, traffic: &DayTraffic, commitment: Commitment) -> Option<f64> {
    let hour = rules.fleet_hour_dollars(traffic.servers, commitment)?;
    Some(hour * HOURS_PER_DAY)
}
