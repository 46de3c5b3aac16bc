//! What power servers take, and what comes of it.

use super::cost_facts::CostFacts;
use super::cost_rules::{CostRules, PaidServers};
use super::unit_prices::finite;
use super::{HOURS_PER_DAY, MILLION};

/// What all servers take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EnergyUse {
    /// The GPUs alone, on the average [W].
    pub gpu_watts: f64,
    /// With the rest of the servers, and what cools them [W].
    pub watts: f64,
    /// The GPUs alone, for a token of a prompt or an answer [J].
    pub joules_per_token: Option<f64>,
    /// The GPUs alone, for a token of an answer, if prompts take nothing [J].
    pub joules_per_output_token: Option<f64>,
    /// Of a day [kWh].
    pub kwh_per_day: f64,
    /// What that costs where the servers stand [$].
    pub dollars_per_day: f64,
    /// What comes of it there [kg of CO2].
    pub carbon_kg_per_day: f64,
    /// The same for a million tokens of prompts and answers [kg].
    pub carbon_kg_per_million_tokens: Option<f64>,
}

/// What a GPU takes that is at work for a part of the time [W].
pub fn watts_at_load(idle_watts: f64, busy_watts: f64, busy_fraction: f64) -> f64 {
    idle_watts + (busy_watts - idle_watts) * busy_fraction
}

const SECONDS_PER_KWH: f64 = 3.6e6;

impl EnergyUse {
    /// Of a run; `None` if nobody says what a GPU takes.
    pub fn of(rules: &CostRules, facts: &CostFacts) -> Option<Self> {
        let figures = &rules.figures;
        let of_kind = |of: &PaidServers| {
            let peak = of.price.as_ref().and_then(|price| price.peak_w.as_ref());
            let share = |figure: f64| peak.map(|peak| peak.value * figure);
            let idle = rules.power_idle_w.or_else(|| share(figures.idle_share.value))?;
            let busy = rules.power_busy_w.or_else(|| share(figures.busy_share.value))?;
            let watts = watts_at_load(idle, busy, facts.busy_fraction);
            Some(watts * f64::from(of.gpus) * f64::from(of.servers))
        };
        let all: f64 = rules.servers.iter().map(of_kind).sum::<Option<f64>>()?;
        let gpu_watts = all * facts.mean_servers / rules.most_servers();
        let watts = gpu_watts * figures.energy_overhead.value;
        let kwh_per_day = watts / 1e3 * HOURS_PER_DAY;
        let carbon_kg_per_kwh = rules.region.carbon_kg_per_kwh.value;
        let kwh_per_token = finite(watts / facts.tokens_per_s() / SECONDS_PER_KWH);
        Some(Self {
            gpu_watts,
            watts,
            joules_per_token: finite(gpu_watts / facts.tokens_per_s()),
            joules_per_output_token: finite(gpu_watts / facts.output_tokens_per_s),
            kwh_per_day,
            dollars_per_day: kwh_per_day * rules.region.electricity_per_kwh.value,
            carbon_kg_per_day: kwh_per_day * carbon_kg_per_kwh,
            carbon_kg_per_million_tokens: kwh_per_token.map(|kwh| kwh * MILLION * carbon_kg_per_kwh),
        })
    }

    /// The same of so many times the servers, each at the same load.
    pub(super) fn of_servers(self, times: f64) -> Self {
        Self {
            gpu_watts: self.gpu_watts * times,
            watts: self.watts * times,
            kwh_per_day: self.kwh_per_day * times,
            dollars_per_day: self.dollars_per_day * times,
            carbon_kg_per_day: self.carbon_kg_per_day * times,
            ..self
        }
    }
}
