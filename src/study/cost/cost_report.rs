//! What a run costs: the report, as JSON shows it. Dollars, unless a name says otherwise.

use serde::Serialize;

use super::against_api::AgainstApi;
use super::budget_report::BudgetReport;
use super::listed::{EnergyReport, PricesReport, SourceReport, TokenPrices, sources};
use crate::config::{Scenario, Workload};
use crate::metrics::{CostNumbers, FleetReport, Summary};
use crate::money::{
    Commitment, CostFacts, CostRules, DAYS_PER_MONTH, HiddenCost, MILLION, MoneyOfDay, SECONDS_PER_DAY,
    SECONDS_PER_HOUR, rent_of_day,
};
use crate::workload::LengthDistribution;

/// What a run costs.
#[derive(Clone, Copy)]
pub struct CostQuestion<'a> {
    /// What was simulated.
    pub scenario: &'a Scenario,
    /// What the run was like.
    pub summary: &'a Summary,
    /// Its servers, if there are several.
    pub fleet: Option<&'a FleetReport>,
    /// The most requests that all servers together answer within the objectives [1/s], requests and not sessions, and
    /// its interval; `None` if nobody has looked for it.
    pub best_rate_per_s: Option<(f64, Option<[f64; 2]>)>,
}

/// What a run costs, and what an API would take for the same.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CostReport {
    /// Whether the scenario says nothing of money, so that all of it is assumed.
    pub assumed: bool,
    /// The price list.
    pub prices: PricesReport,
    /// The numbers that studies can name.
    #[serde(flatten)]
    pub numbers: CostNumbers,
    /// How the GPUs are rented.
    pub commitment: &'static str,
    /// An hour of a server, of the dearest kind.
    pub server_hour: Option<f64>,
    /// A million tokens of each kind on the own servers, if the rent is shared out as the API's prices share theirs.
    pub split: Option<TokenPrices>,
    /// How much of their time the GPUs were at work, which says little of how much more they could do.
    pub busy_fraction: f64,
    /// What it would cost if the servers did as much as the objectives let them; `None` if nobody has looked for it.
    pub best: Option<BestRate>,
    /// A session; `None` without sessions, or if nobody knows how many requests one has.
    pub per_session: Option<SessionCost>,
    /// A day.
    pub day: DayReport,
    /// The own servers beside the API.
    pub against_api: AgainstApi,
    /// The same servers, rented in other ways.
    pub commitments: Vec<CommitmentReport>,
    /// What stands on no price list, a line each.
    pub hidden: Vec<HiddenCostReport>,
    /// Power; `None` if nobody says what a GPU takes.
    pub energy: Option<EnergyReport>,
    /// How far the budget of a day goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetReport>,
    /// Where each number comes from that is no result.
    pub sources: Vec<SourceReport>,
}

/// What it costs if the servers do as much as the objectives let them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct BestRate {
    /// All servers together.
    pub requests_per_s: f64,
    pub ci95: Option<[f64; 2]>,
    pub per_request: Option<f64>,
    pub per_million_tokens: Option<f64>,
    /// As the rate is known within its interval.
    pub per_million_tokens_ci95: Option<[f64; 2]>,
    pub per_million_output_tokens: Option<f64>,
    /// What the simulated rate is of it.
    pub utilisation: f64,
}

/// What a session costs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct SessionCost {
    pub requests: f64,
    pub own: Option<f64>,
    pub api: f64,
}

/// What is asked for in a day, and what it costs; a month is 30 of them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct DayReport {
    /// `users`: users and requests of each; `rate`: the mean rate of the run for 24 hours.
    pub basis: &'static str,
    pub users: Option<f64>,
    pub requests: f64,
    /// Prompt tokens that were not found in the prefix cache.
    pub input_tokens: f64,
    pub cached_input_tokens: f64,
    pub output_tokens: f64,
    /// Servers on the average of the day.
    pub servers: f64,
    pub rent: Option<f64>,
    pub rent_per_month: Option<f64>,
    /// The rent with all that comes on top.
    pub own: Option<f64>,
    pub api_tokens: f64,
    pub api: f64,
}

/// A way to rent the same servers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct CommitmentReport {
    pub name: &'static str,
    pub fleet_hour: Option<f64>,
    pub per_day: Option<f64>,
    pub per_month: Option<f64>,
    pub per_million_tokens: Option<f64>,
    pub break_even_requests_per_s: Option<f64>,
}

/// A cost of a day that stands on no price list.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct HiddenCostReport {
    pub name: &'static str,
    pub own_per_day: Option<f64>,
    pub api_per_day: f64,
    /// `on_top` of the rent, `within` it, or `if_bought`.
    pub share: &'static str,
    pub why: String,
}

impl CostReport {
    /// What the run costs; `None` if it answered nothing.
    pub fn of(question: &CostQuestion<'_>) -> Option<Self> {
        let CostQuestion {
            scenario,
            summary,
            fleet,
            best_rate_per_s,
        } = *question;
        let rules = &scenario.cost_rules();
        let facts = summary.cost_facts(fleet)?;
        let numbers = CostNumbers::of(rules, &facts)?;
        let money = MoneyOfDay::of(rules, &facts);
        let best = best_rate_per_s.map(|(rate, within)| BestRate::of(rules, &facts, rate, within));
        Some(Self {
            assumed: rules.is_assumed,
            prices: PricesReport::of(rules),
            commitment: rules.commitment.name(),
            server_hour: dearest_server_hour(rules),
            split: TokenPrices::split(rules, &numbers),
            busy_fraction: facts.busy_fraction,
            best,
            per_session: SessionCost::of(scenario, &facts, &money),
            day: DayReport::of(&money),
            against_api: AgainstApi::of(rules, &money, &numbers, best_rate_per_s),
            commitments: commitments(rules, &facts, &money, &numbers),
            hidden: money.hidden.iter().map(HiddenCostReport::of).collect(),
            energy: EnergyReport::of(rules, &facts, &money.traffic),
            budget: BudgetReport::of(scenario, fleet, &money),
            sources: sources(rules),
            numbers,
        })
    }
}

fn dearest_server_hour(rules: &CostRules) -> Option<f64> {
    let hours = rules.servers.iter();
    let hours = hours.map(|of| rules.server_hour_dollars(of, rules.commitment));
    hours.collect::<Option<Vec<f64>>>()?.into_iter().reduce(f64::max)
}

impl BestRate {
    /// Of all servers at their most, which is what somebody has looked for.
    fn of(rules: &CostRules, facts: &CostFacts, requests_per_s: f64, ci95: Option<[f64; 2]>) -> Self {
        let second = rules.fleet_second_dollars(rules.most_servers());
        let tokens = facts.tokens_per_s() / facts.requests_per_s;
        let over = |per_s: f64| {
            let dollars = second.map(|dollars| dollars / per_s);
            dollars.filter(|it| it.is_finite())
        };
        let million = |per_s: f64| Some(over(per_s)? * MILLION);
        Self {
            requests_per_s,
            ci95,
            per_request: over(requests_per_s),
            per_million_tokens: million(requests_per_s * tokens),
            per_million_tokens_ci95: ci95
                .and_then(|[low, high]| Some([million(high * tokens)?, million(low * tokens)?])),
            per_million_output_tokens: million(requests_per_s * facts.output_tokens()),
            utilisation: facts.requests_per_s / requests_per_s,
        }
    }
}

impl SessionCost {
    fn of(scenario: &Scenario, facts: &CostFacts, money: &MoneyOfDay) -> Option<Self> {
        let requests = requests_of_session(scenario, facts)?;
        let each = requests / money.traffic.requests;
        Some(Self {
            requests,
            own: money.own.map(|dollars| dollars * each),
            api: money.api * each,
        })
    }
}

/// How many requests a session has: as many as it has turns or, where these differ, as many as come for each that
/// starts.
fn requests_of_session(scenario: &Scenario, facts: &CostFacts) -> Option<f64> {
    let Some(Workload::Synthetic(workload)) = scenario.traffic.only_workload() else {
        return None;
    };
    match workload.session.as_ref()?.turns.distribution {
        LengthDistribution::Fixed { value } => Some(f64::from(value)),
        LengthDistribution::Uniform { min, max } => Some(f64::midpoint(f64::from(min), f64::from(max))),
        _ => Some(facts.requests_per_s / scenario.traffic.rate_per_s()?).filter(|requests| *requests >= 1.0),
    }
}

impl DayReport {
    const fn month(dollars: f64) -> f64 {
        dollars * DAYS_PER_MONTH
    }

    fn of(money: &MoneyOfDay) -> Self {
        let traffic = &money.traffic;
        Self {
            basis: traffic.basis.name(),
            users: traffic.users,
            requests: traffic.requests,
            input_tokens: traffic.input_tokens,
            cached_input_tokens: traffic.cached_input_tokens,
            output_tokens: traffic.output_tokens,
            servers: traffic.servers,
            rent: money.rent,
            rent_per_month: money.rent.map(Self::month),
            own: money.own,
            api_tokens: money.api_tokens,
            api: money.api,
        }
    }
}

/// The servers of the day, and of the run, in each way that they can be rented.
fn commitments(
    rules: &CostRules,
    facts: &CostFacts,
    money: &MoneyOfDay,
    numbers: &CostNumbers,
) -> Vec<CommitmentReport> {
    let each = Commitment::ALL.into_iter().map(|commitment| {
        let fleet_hour = rules.fleet_hour_dollars(facts.mean_servers, commitment);
        let per_day = rent_of_day(rules, &money.traffic, commitment);
        let per_second = fleet_hour.map(|dollars| dollars / SECONDS_PER_HOUR);
        let of_day = per_day.map(|dollars| dollars / SECONDS_PER_DAY);
        let finite = |number: f64| Some(number).filter(|number| number.is_finite());
        CommitmentReport {
            name: commitment.name(),
            fleet_hour,
            per_day,
            per_month: per_day.map(DayReport::month),
            per_million_tokens: per_second.and_then(|dollars| finite(dollars / facts.tokens_per_s() * MILLION)),
            break_even_requests_per_s: of_day.and_then(|dollars| finite(dollars / numbers.api_per_request)),
        }
    });
    each.collect()
}

impl HiddenCostReport {
    fn of(cost: &HiddenCost) -> Self {
        Self {
            name: cost.name,
            own_per_day: cost.own,
            api_per_day: cost.api,
            share: cost.share.name(),
            why: cost.why.clone(),
        }
    }
}
