//! What is asked for in a day, and the servers that are there for it.

use super::SECONDS_PER_DAY;
use super::cost_facts::CostFacts;
use super::cost_rules::CostRules;

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
