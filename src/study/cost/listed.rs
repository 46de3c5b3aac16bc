//! What a price list says, beside what comes of it.

use serde::Serialize;

use crate::metrics::CostNumbers;
use crate::money::{ApiPrice, CostFacts, CostRules, DayTraffic, EnergyOfDay, EnergyUse};

/// A price list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PricesReport {
    /// Where it stands.
    pub file: String,
    /// When its prices were looked up.
    pub date: String,
    /// GPUs that it has no price of for the way they are rented.
    pub unknown_gpus: Vec<String>,
    /// What to write so that they have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// A million tokens of each kind.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct TokenPrices {
    pub input: f64,
    pub cached_input: f64,
    pub output: f64,
}

/// Power, and what comes of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EnergyReport {
    /// Of all GPUs while the run was simulated, on the average.
    pub gpu_watts: f64,
    /// With the rest of the servers, and what cools them.
    pub watts: f64,
    /// The GPUs alone, for a token of an answer, if prompts take nothing.
    pub joules_per_output_token: Option<f64>,
    /// Of prompts and answers, with the rest of the servers.
    pub carbon_kg_per_million_tokens: Option<f64>,
    /// On the average of the day.
    pub gpu_watts_of_day: f64,
    /// Of the day.
    pub kwh_per_day: f64,
    /// What that costs where the servers stand, whether it is paid beside them or not.
    pub electricity_dollars_per_day: f64,
    /// What comes of it there.
    pub carbon_kg_per_day: f64,
    /// Where the servers stand.
    pub region: String,
    /// Where the watts come from.
    pub source: String,
}

/// A number that is no result, and where it comes from.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct SourceReport {
    pub name: String,
    pub value: f64,
    pub source: String,
    /// Whether the scenario says so.
    pub written: bool,
}

impl PricesReport {
    pub(super) fn of(rules: &CostRules) -> Self {
        let unknown: Vec<String> = rules.unpriced_gpus().into_iter().map(str::to_owned).collect();
        let help = unknown.first().map(|gpu| {
            format!(
                "what GPUs cost is not known: write cost.gpu_hour = 2.5, in dollars, or give [gpu.{gpu}] its \
                 `{}` in a price list of your own (cost.prices)",
                rules.commitment.name()
            )
        });
        Self {
            file: rules.file.clone(),
            date: rules.date.to_string(),
            unknown_gpus: unknown,
            help,
        }
    }
}

impl TokenPrices {
    pub(super) const fn of_api(price: &ApiPrice) -> Self {
        Self {
            input: price.input,
            cached_input: price.cached_input,
            output: price.output,
        }
    }

    /// The rent, shared out over the kinds of tokens as the API's prices share theirs: no meter tells how much of a
    /// step a prompt's token takes, and how much an answer's, for one step reads the weights for both.
    pub(super) fn split(rules: &CostRules, numbers: &CostNumbers) -> Option<Self> {
        let of_api = numbers.per_request? / numbers.api_per_request;
        of_api.is_finite().then_some(Self {
            input: rules.api.input * of_api,
            cached_input: rules.api.cached_input * of_api,
            output: rules.api.output * of_api,
        })
    }
}

impl EnergyReport {
    pub(super) fn of(rules: &CostRules, facts: &CostFacts, traffic: &DayTraffic) -> Option<Self> {
        let energy = EnergyUse::of_run(rules, facts)?;
        let day = EnergyOfDay::of(rules, facts, traffic)?;
        Some(Self {
            gpu_watts: energy.gpu_watts,
            watts: energy.watts,
            joules_per_output_token: energy.joules_per_token(facts.output_tokens_per_s),
            carbon_kg_per_million_tokens: energy.carbon_kg_per_million(facts.tokens_per_s(), rules),
            gpu_watts_of_day: day.mean.gpu_watts,
            kwh_per_day: day.kwh,
            electricity_dollars_per_day: day.dollars,
            carbon_kg_per_day: day.carbon_kg,
            region: rules.region.name.clone(),
            source: match (rules.power_idle_w, rules.power_busy_w) {
                (Some(_), Some(_)) => "cost.power_idle_w and cost.power_peak_w".to_owned(),
                (None, Some(_)) => "cost.power_peak_w at work, a share of the datasheet's peak without".to_owned(),
                (Some(_), None) => "cost.power_idle_w without work, a share of the datasheet's peak at work".to_owned(),
                (None, None) => "shares of the datasheet's peak".to_owned(),
            },
        })
    }
}

/// Every number that is no result.
pub(super) fn sources(rules: &CostRules) -> Vec<SourceReport> {
    let mut all = Vec::new();
    let mut add = |name: String, value: f64, source: &str, written: bool| {
        all.push(SourceReport {
            name,
            value,
            source: source.to_owned(),
            written,
        });
    };
    for of in &rules.servers {
        let name = format!("gpu_hour.{}", of.gpu);
        match (rules.gpu_hour, &of.price) {
            (Some(dollars), _) => add(name, dollars, "cost.gpu_hour", true),
            (None, Some(price)) => {
                if let Some(dollars) = price.per_hour(rules.commitment) {
                    add(name, dollars, &price.source, false);
                }
            }
            (None, None) => {}
        }
        if let Some(peak) = of.price.as_ref().and_then(|price| price.peak_w.as_ref()) {
            add(format!("peak_w.{}", of.gpu), peak.value, &peak.source, false);
        }
    }
    for (name, figure) in rules.figures.named() {
        add(name.to_owned(), figure.value, &figure.source, figure.is_written);
    }
    let region = &rules.region;
    for (name, figure) in [
        ("carbon_kg_per_kwh", &region.carbon_kg_per_kwh),
        ("electricity_per_kwh", &region.electricity_per_kwh),
    ] {
        add(name.to_owned(), figure.value, &figure.source, figure.is_written);
    }
    all
}
