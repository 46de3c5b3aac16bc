//! Costs that no price list of GPUs or tokens has, a line each.

use super::cost_facts::CostFacts;
use super::cost_rules::CostRules;
use super::day_traffic::DayTraffic;
use super::energy::EnergyOfDay;
use super::{DAYS_PER_MONTH, HOURS_PER_DAY, SECONDS_PER_DAY};

/// A cost of a day beside the rent of servers or the price of tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct HiddenCost {
    /// What it is.
    pub name: &'static str,
    /// With servers of one's own [$]; `None` if nobody says what their GPUs cost.
    pub own: Option<f64>,
    /// With an API [$].
    pub api: f64,
    /// How it goes with what is paid anyhow.
    pub share: Share,
    /// How it comes about, with what is assumed.
    pub why: String,
}

/// How a cost goes with the rent of servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// It is paid beside it, and in the total.
    OnTop,
    /// It is a part of the rent: what the rent is spent on. At an API it is paid beside the tokens.
    Within,
    /// It is paid if somebody wants it, and in no total.
    IfBought,
}

impl Share {
    /// Its name in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OnTop => "on_top",
            Self::Within => "within",
            Self::IfBought => "if_bought",
        }
    }
}

/// What a day is seen by.
pub(super) struct DayOfWork<'a> {
    pub(super) rules: &'a CostRules,
    pub(super) facts: &'a CostFacts,
    pub(super) traffic: &'a DayTraffic,
    /// The rent of the servers of the day [$].
    pub(super) rent: Option<f64>,
    /// What the tokens of the day cost at an API [$].
    pub(super) api_tokens: f64,
}

const BYTES_PER_GB: f64 = 1e9;

impl DayOfWork<'_> {
    /// All of them, on top of the rent first.
    pub(super) fn hidden_costs(&self) -> Vec<HiddenCost> {
        let mut lines = vec![self.egress(), self.logs(), self.metrics()];
        lines.extend(self.power());
        lines.extend(self.people());
        lines.extend([self.retries(), self.cold_starts(), self.headroom(), self.redundancy()]);
        lines
    }

    fn egress(&self) -> HiddenCost {
        let figures = &self.rules.figures;
        let gb = self.traffic.output_tokens * figures.egress_bytes_per_token.value / BYTES_PER_GB;
        let dollars = gb * figures.egress_per_gb.value;
        HiddenCost {
            name: "egress",
            own: Some(dollars),
            api: dollars,
            share: Share::OnTop,
            why: format!(
                "{gb:.3} GB of answers: {} bytes a token ({})",
                figures.egress_bytes_per_token.value, figures.egress_bytes_per_token.source
            ),
        }
    }

    /// What is kept grows to the retention's worth of days, and that is what is paid.
    fn logs(&self) -> HiddenCost {
        let figures = &self.rules.figures;
        let gb = self.traffic.requests * figures.log_bytes_per_request.value / BYTES_PER_GB;
        let kept = gb * figures.retention_days.value;
        let dollars = gb * figures.log_ingest_per_gb.value + kept * figures.storage_per_gb_month.value / DAYS_PER_MONTH;
        HiddenCost {
            name: "logs",
            own: Some(dollars),
            api: dollars,
            share: Share::OnTop,
            why: format!(
                "{gb:.3} GB a day taken in, {kept:.3} GB kept: {} bytes a request ({}), for {} days ({})",
                figures.log_bytes_per_request.value,
                figures.log_bytes_per_request.source,
                figures.retention_days.value,
                figures.retention_days.source
            ),
        }
    }

    fn metrics(&self) -> HiddenCost {
        let figures = &self.rules.figures;
        let series = figures.metrics_series_per_server.value * self.traffic.servers;
        HiddenCost {
            name: "metrics",
            own: Some(series * figures.metrics_per_series_month.value / DAYS_PER_MONTH),
            api: 0.0,
            share: Share::OnTop,
            why: format!(
                "{series:.0} time series: {} a server ({})",
                figures.metrics_series_per_server.value, figures.metrics_series_per_server.source
            ),
        }
    }

    /// Rented GPUs come with their power.
    fn power(&self) -> Option<HiddenCost> {
        let energy = EnergyOfDay::of(self.rules, self.facts, self.traffic);
        let energy = energy.filter(|_| self.rules.pays_for_power)?;
        Some(HiddenCost {
            name: "power",
            own: Some(energy.dollars),
            api: 0.0,
            share: Share::OnTop,
            why: format!(
                "{:.1} kWh at ${} each, as cost.electricity_per_kwh says",
                energy.kwh, self.rules.region.electricity_per_kwh.value
            ),
        })
    }

    fn people(&self) -> Option<HiddenCost> {
        let per_month = self.rules.people_per_month?;
        Some(HiddenCost {
            name: "people",
            own: Some(per_month / DAYS_PER_MONTH),
            api: 0.0,
            share: Share::OnTop,
            why: format!("${per_month} a month, as cost.people_per_month says"),
        })
    }

    fn retries(&self) -> HiddenCost {
        let extra = self.facts.extra_attempts;
        let of_work = extra / (1.0 + extra);
        HiddenCost {
            name: "retries",
            own: self
                .rent
                .map(|rent| rent * self.traffic.busy_fraction(self.facts) * of_work),
            api: self.api_tokens * extra,
            share: Share::Within,
            why: format!(
                "{:.2} % more attempts than requests, retries and hedges, each taken to be worked on in full",
                100.0 * extra
            ),
        }
    }

    fn cold_starts(&self) -> HiddenCost {
        let seconds = &self.rules.figures.cold_start_s;
        let starts = self.facts.starts_per_s * SECONDS_PER_DAY;
        let server_second = self.rules.fleet_second_dollars(1.0);
        HiddenCost {
            name: "cold_starts",
            own: server_second.map(|dollars| dollars * starts * seconds.value),
            api: 0.0,
            share: Share::Within,
            why: format!(
                "{starts:.1} starts of a server, {} s each ({})",
                seconds.value, seconds.source
            ),
        }
    }

    fn headroom(&self) -> HiddenCost {
        let idle = 1.0 - self.traffic.busy_fraction(self.facts);
        HiddenCost {
            name: "headroom",
            own: self.rent.map(|rent| rent * idle),
            api: 0.0,
            share: Share::Within,
            why: format!(
                "{:.1} % of the time that is paid for GPUs have nothing to do, if requests come as densely as \
                 they were simulated while they come",
                100.0 * idle
            ),
        }
    }

    fn redundancy(&self) -> HiddenCost {
        let mut hours = self.rules.servers.iter().map(|of| {
            let commitment = self.rules.commitment;
            self.rules.server_hour_dollars(of, commitment)
        });
        let dearest = hours.try_fold(0.0_f64, |dearest, hour| Some(dearest.max(hour?)));
        HiddenCost {
            name: "redundancy",
            own: dearest.map(|hour| hour * HOURS_PER_DAY),
            api: 0.0,
            share: Share::IfBought,
            why: "one server more than the load needs, so that one may fail".to_owned(),
        }
    }
}
