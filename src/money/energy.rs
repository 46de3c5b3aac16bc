//! What power servers take, and what comes of it.

use super::cost_facts::CostFacts;
use super::cost_rules::{CostRules, PaidServers};
use super::day_traffic::DayTraffic;
use super::unit_prices::finite;
use super::{HOURS_PER_DAY, MILLION};

/// What servers take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EnergyUse {
    /// The GPUs alone, on the average [W].
    pub gpu_watts: f64,
    /// With the rest of the servers, and what cools them [W].
    pub watts: f64,
}

/// What they take in a day, and what comes of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EnergyOfDay {
    /// On the average of the day.
    pub mean: EnergyUse,
    /// So much [kWh].
    pub kwh: f64,
    /// What that costs where the servers stand [$].
    pub dollars: f64,
    /// What comes of it there [kg of CO2].
    pub carbon_kg: f64,
}

const SECONDS_PER_KWH: f64 = 3.6e6;

/// What a GPU takes that is at work for a part of the time [W].
pub fn watts_at_load(idle_watts: f64, busy_watts: f64, busy_fraction: f64) -> f64 {
    idle_watts + (busy_watts - idle_watts) * busy_fraction
}

impl EnergyUse {
    /// While a run was simulated; `None` if nobody says what a GPU takes.
    pub fn of_run(rules: &CostRules, facts: &CostFacts) -> Option<Self> {
        Self::of(rules, facts.mean_servers, facts.busy_fraction)
    }

    /// Of so many servers, which are at work for a part of the time.
    pub fn of(rules: &CostRules, servers: f64, busy_fraction: f64) -> Option<Self> {
        let figures = &rules.figures;
        let of_kind = |of: &PaidServers| {
            let peak = of.price.as_ref().and_then(|price| price.peak_w.as_ref());
            let share = |figure: f64| peak.map(|peak| peak.value * figure);
            let idle = rules.power_idle_w.or_else(|| share(figures.idle_share.value))?;
            let busy = rules.power_busy_w.or_else(|| share(figures.busy_share.value))?;
            let watts = watts_at_load(idle, busy, busy_fraction);
            Some(watts * f64::from(of.gpus) * f64::from(of.servers))
        };
        let all: f64 = rules.servers.iter().map(of_kind).sum::<Option<f64>>()?;
        let gpu_watts = all * servers / rules.most_servers();
        Some(Self {
            gpu_watts,
            watts: gpu_watts * figures.energy_overhead.value,
        })
    }

    /// What the GPUs alone take for each of so many tokens a second [J].
    pub fn joules_per_token(&self, tokens_per_s: f64) -> Option<f64> {
        finite(self.gpu_watts / tokens_per_s)
    }

    /// What comes of a million of so many tokens a second [kg of CO2].
    pub fn carbon_kg_per_million(&self, tokens_per_s: f64, rules: &CostRules) -> Option<f64> {
        let kwh = finite(self.watts / tokens_per_s / SECONDS_PER_KWH)?;
        Some(kwh * MILLION * rules.region.carbon_kg_per_kwh.value)
    }
}

impl EnergyOfDay {
    /// Of a day; `None` if nobody says what a GPU takes.
    pub fn of(rules: &CostRules, facts: &CostFacts, traffic: &DayTraffic) -> Option<Self> {
        let mean = EnergyUse::of(rules, traffic.servers, traffic.busy_fraction(facts))?;
        let kwh = mean.watts / 1e3 * HOURS_PER_DAY;
        Some(Self {
            mean,
            kwh,
            dollars: kwh * rules.region.electricity_per_kwh.value,
            carbon_kg: kwh * rules.region.carbon_kg_per_kwh.value,
        })
    }
}
