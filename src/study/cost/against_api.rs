//! Servers of one's own beside an API, on the same requests.

use serde::Serialize;

use super::listed::TokenPrices;
use crate::metrics::CostNumbers;
use crate::money::{BreakEven, CostRules, DAYS_PER_MONTH, MoneyOfDay, RuleOfThumb, SECONDS_PER_DAY};

/// Own servers beside an API.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AgainstApi {
    /// What the API takes for a million tokens.
    pub price: TokenPrices,
    /// What that is the price of, and who says so.
    pub source: String,
    /// What costs less on the traffic of the day, all that comes on top included; `None` if nobody says what GPUs cost.
    pub cheaper: Option<&'static str>,
    /// The same with people to run the own servers, as many as are usual if nobody says.
    pub cheaper_with_people: Option<&'static str>,
    /// What the own servers cost, of what the API takes.
    pub own_of_api: Option<f64>,
    /// Where both cost the same, by the rent alone.
    pub break_even: Option<BreakEvenReport>,
    /// Where both cost the same if the servers' metrics, power that is paid beside them, and people are paid too.
    pub break_even_with_people: Option<BreakEvenReport>,
    /// What people in that cost in a month.
    pub people_per_month: f64,
    /// What people say without arithmetic.
    pub rule_of_thumb: RuleOfThumbReport,
    /// What may decide all the same.
    pub no_price_holds: [&'static str; 3],
}

/// Where own servers and an API cost the same.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct BreakEvenReport {
    pub requests_per_s: f64,
    pub requests_per_day: f64,
    /// What that is of the most that the servers answer within the objectives; above 1 the API always costs less.
    pub utilisation: Option<f64>,
    pub utilisation_ci95: Option<[f64; 2]>,
    /// What it is of the mean rate of the day.
    pub of_day: f64,
}

/// What people say without arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RuleOfThumbReport {
    /// The rule.
    pub rule: &'static str,
    /// What the mean rate of the day is of the most that its servers answer within the objectives; `None` if nobody has
    /// looked for that: how long GPUs are at work says nothing of it.
    pub utilisation: Option<f64>,
    /// `own`, `api`, or `open`.
    pub says: Option<&'static str>,
}

const RULE: &str = "own GPUs above 50 % utilisation, an API below 30 %, and people to run them are a cost";
const NO_PRICE_HOLDS: [&str; 3] = [
    "compliance: whether prompts may leave the house at all",
    "data residency: in which country they may be worked on",
    "lock-in: what it takes to leave a provider, a model or a kind of GPU",
];

impl AgainstApi {
    pub(super) fn of(
        rules: &CostRules,
        money: &MoneyOfDay,
        numbers: &CostNumbers,
        best_rate_per_s: Option<(f64, Option<[f64; 2]>)>,
    ) -> Self {
        let usual = rules.figures.usual_people_per_month.value;
        let people_per_month = rules.people_per_month.unwrap_or(usual);
        let unpaid = if rules.people_per_month.is_some() {
            0.0
        } else {
            people_per_month / DAYS_PER_MONTH
        };
        // What somebody has looked for is of all servers.
        let of_all = money.traffic.servers / rules.most_servers();
        let best_of_day =
            best_rate_per_s.map(|(rate, within)| (rate * of_all, within.map(|ends| ends.map(|end| end * of_all))));
        let cheaper = |own: f64| if own < money.api { "own" } else { "api" };
        let break_even = |own_per_s: f64| {
            let found = BreakEven::of(own_per_s, numbers.api_per_request, best_of_day)?;
            Some(BreakEvenReport::of(&found, money))
        };
        let rent = money.rent.map(|dollars| dollars / SECONDS_PER_DAY);
        Self {
            price: TokenPrices::of_api(&rules.api),
            source: rules.api_source.clone(),
            cheaper: money.own.map(cheaper),
            cheaper_with_people: money.own.map(|own| cheaper(own + unpaid)),
            own_of_api: money.own.map(|own| own / money.api).filter(|it| it.is_finite()),
            break_even: rent.and_then(break_even),
            break_even_with_people: fixed_per_s(money, people_per_month).and_then(break_even),
            people_per_month,
            rule_of_thumb: RuleOfThumbReport::of(money, best_of_day.map(|(rate, _)| rate)),
            no_price_holds: NO_PRICE_HOLDS,
        }
    }
}

/// What own servers cost whatever they do: not egress and logs, which an API's answers have too [$/s].
fn fixed_per_s(money: &MoneyOfDay, people_per_month: f64) -> Option<f64> {
    let of_servers = money
        .hidden
        .iter()
        .filter(|line| ["metrics", "power"].contains(&line.name));
    let of_servers: f64 = of_servers.map(|line| line.own).sum::<Option<f64>>()?;
    let day = money.rent? + of_servers + people_per_month / DAYS_PER_MONTH;
    Some(day / SECONDS_PER_DAY)
}

impl BreakEvenReport {
    fn of(found: &BreakEven, money: &MoneyOfDay) -> Self {
        Self {
            requests_per_s: found.requests_per_s,
            requests_per_day: found.requests_per_day,
            utilisation: found.utilisation,
            utilisation_ci95: found.utilisation_within,
            of_day: found.requests_per_s / money.traffic.requests_per_s(),
        }
    }
}

impl RuleOfThumbReport {
    fn of(money: &MoneyOfDay, best_rate_per_s: Option<f64>) -> Self {
        let best = best_rate_per_s.filter(|best| *best > 0.0);
        let utilisation = best.map(|best| money.traffic.requests_per_s() / best);
        Self {
            rule: RULE,
            utilisation,
            says: utilisation.map(|utilisation| RuleOfThumb::at(utilisation).name()),
        }
    }
}
