//! What a day costs, on servers of one's own and at an API.

use super::cost_facts::CostFacts;
use super::cost_rules::{Commitment, CostRules};
use super::hidden_costs::{DayOfWork, HiddenCost, Share};
use super::{HOURS_PER_DAY, SECONDS_PER_DAY};

/// What is asked for in a day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DayTraffic {
    /// What says how much.
    pub basis: TrafficBasis,
    /// Users who ask; `None` if nobody says how many.
    pub users: Option<f64>,
    /// Requests of the day.
    pub requests: f64,
    /// Tokens of prompts, of which nothing was found in a cache.
    pub input_tokens: f64,
    /// Tokens of prompts that were found in a cache.
    pub cached_input_tokens: f64,
    /// Tokens of answers.
    pub output_tokens: f64,
    /// Servers that are there for it, on the average of the day.
    pub servers: f64,
}

/// What says how much is asked for in a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrafficBasis {
    /// Users and requests of each, with the mean tokens of the run.
    Users,
    /// The mean rate of the run, for 24 hours.
    Rate,
}

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

/// So much more than what was simulated still goes onto the same servers.
const SOME_MORE: f64 = 1.1;

impl TrafficBasis {
    /// Its name in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Rate => "rate",
        }
    }
}

impl DayTraffic {
    /// The day of a scenario whose run was like this.
    pub fn of(rules: &CostRules, facts: &CostFacts) -> Self {
        let simulated = facts.requests_per_s * SECONDS_PER_DAY;
        let users = rules.users;
        let (basis, requests) = match users {
            Some((users, of_each)) => (TrafficBasis::Users, users * of_each),
            None => (TrafficBasis::Rate, simulated),
        };
        Self {
            basis,
            users: users.map(|(users, _)| users),
            requests,
            input_tokens: requests * facts.fresh_input_tokens(),
            cached_input_tokens: requests * facts.cached_input_tokens(),
            output_tokens: requests * facts.output_tokens(),
            servers: servers_for(requests / simulated, facts.mean_servers),
        }
    }
}

/// How many servers there are for so many times the requests that were simulated on `simulated` of them. They are there
/// all day, however few come; if many more come, so many more that none has much more to do than was simulated.
fn servers_for(times: f64, simulated: f64) -> f64 {
    if times <= SOME_MORE {
        simulated
    } else {
        (simulated * times / SOME_MORE).ceil()
    }
}

impl DayTraffic {
    /// How much of their time its servers are at work, if requests come as densely as they were simulated while they
    /// come: one by one they would keep a GPU busy for longer.
    pub fn busy_fraction(&self, facts: &CostFacts) -> f64 {
        let simulated = facts.requests_per_s / facts.mean_servers;
        let of_day = self.requests_per_s() / self.servers;
        (facts.busy_fraction * of_day / simulated).min(1.0)
    }

    /// The mean rate of the day [requests/s].
    pub fn requests_per_s(&self) -> f64 {
        self.requests / SECONDS_PER_DAY
    }
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
