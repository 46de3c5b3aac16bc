//! What a scenario says of money, with the prices that it means.

use super::price_book::{ApiPrice, CostFigure, GpuPrice, PriceBook, Region, warning_of_old_prices};
use super::{MILLION, SECONDS_PER_HOUR};
use crate::units::Day;

/// How GPUs are rented.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Commitment {
    /// Whenever they are wanted.
    #[default]
    OnDemand,
    /// For a year or more.
    Reserved,
    /// As long as nobody else wants them: they may be taken away at any time.
    Spot,
}

/// Servers of one kind, as somebody pays for them.
#[derive(Clone, Debug, PartialEq)]
pub struct PaidServers {
    /// The name of their pool; `None` if all servers are alike.
    pub pool: Option<String>,
    /// How many there are, at most.
    pub servers: u32,
    /// GPUs of each.
    pub gpus: u32,
    /// The name of the GPU.
    pub gpu: String,
    /// What the list says of it; `None` if it has no such GPU.
    pub price: Option<GpuPrice>,
}

/// Everything that decides what a run costs.
#[derive(Clone, Debug, PartialEq)]
pub struct CostRules {
    /// The price list.
    pub file: String,
    /// Its date.
    pub date: Day,
    /// Whether nobody wrote `[cost]`, so that all of it is assumed.
    pub is_assumed: bool,
    /// What is paid for, a kind of servers each.
    pub servers: Vec<PaidServers>,
    /// How the GPUs are rented.
    pub commitment: Commitment,
    /// What an hour of any GPU costs as it is rented, whatever the list says [$/h].
    pub gpu_hour: Option<f64>,
    /// What an API takes.
    pub api: ApiPrice,
    /// What that is the price of, and who says so.
    pub api_source: String,
    /// Whether the scenario gives that price.
    pub is_api_written: bool,
    /// Users of a day, and requests of each; `None` if nobody says.
    pub users: Option<(f64, f64)>,
    /// Where the servers stand.
    pub region: Region,
    /// Whether power is paid beside the GPUs, as it is for one's own.
    pub pays_for_power: bool,
    /// People who run the servers, if somebody said so [$/month].
    pub people_per_month: Option<f64>,
    /// What a GPU without work takes [W], if somebody said so.
    pub power_idle_w: Option<f64>,
    /// What a GPU at work takes [W], if somebody said so.
    pub power_busy_w: Option<f64>,
    /// The rest, as listed or as written.
    pub figures: CostFigures,
}

/// Numbers that are listed, or written in the place of it: see [`PriceBook`].
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct CostFigures {
    pub egress_per_gb: CostFigure,
    pub egress_bytes_per_token: CostFigure,
    pub storage_per_gb_month: CostFigure,
    /// Of a hosted vector database.
    pub vectors_per_gb_month: CostFigure,
    pub log_ingest_per_gb: CostFigure,
    pub log_bytes_per_request: CostFigure,
    pub retention_days: CostFigure,
    pub metrics_per_series_month: CostFigure,
    pub metrics_series_per_server: CostFigure,
    /// What is usual, whether somebody is paid or not.
    pub usual_people_per_month: CostFigure,
    pub cold_start_s: CostFigure,
    pub idle_share: CostFigure,
    pub busy_share: CostFigure,
    pub energy_overhead: CostFigure,
}

impl Commitment {
    /// All of them, the dearest first.
    pub const ALL: [Self; 3] = [Self::OnDemand, Self::Reserved, Self::Spot];

    /// Its name in scenarios and results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OnDemand => "on_demand",
            Self::Reserved => "reserved",
            Self::Spot => "spot",
        }
    }
}

impl CostRules {
    /// What holds for these servers, of a model with so many parameters, if nobody says anything.
    pub fn default_for(prices: &PriceBook, servers: Vec<PaidServers>, parameters: f64) -> Self {
        let api = prices.api_for(parameters);
        let api = api.expect("a price list has a kind of model by its size");
        let region = prices.region(&prices.usual_region);
        Self {
            file: prices.file.clone(),
            date: prices.date,
            is_assumed: true,
            servers,
            commitment: Commitment::OnDemand,
            gpu_hour: None,
            api: api.price,
            api_source: format!("{}: {}", api.name, api.source),
            is_api_written: false,
            users: None,
            region: region.expect("a price list has its usual region").clone(),
            pays_for_power: false,
            people_per_month: None,
            power_idle_w: None,
            power_busy_w: None,
            figures: CostFigures::of(prices),
        }
    }

    /// What to tell whoever reads its prices on a day when they are old; `None` if they are not.
    pub fn warning_on(&self, today: Day) -> Option<String> {
        warning_of_old_prices(&self.file, self.date, today)
    }

    /// What an hour of a server costs if it is rented so [$]; `None` if nobody says what its GPU costs.
    pub fn server_hour_dollars(&self, of: &PaidServers, commitment: Commitment) -> Option<f64> {
        let listed = || of.price.as_ref()?.per_hour(commitment);
        let written = self.gpu_hour.filter(|_| commitment == self.commitment);
        let gpu_hour = written.or_else(listed)?;
        Some(gpu_hour * f64::from(of.gpus))
    }

    /// What an hour of all servers costs if they are rented so, of which so many are there on the average [$].
    pub fn fleet_hour_dollars(&self, mean_servers: f64, commitment: Commitment) -> Option<f64> {
        let all = self.servers.iter().map(|of| {
            let hour = self.server_hour_dollars(of, commitment)?;
            Some(hour * f64::from(of.servers))
        });
        let all: f64 = all.sum::<Option<f64>>()?;
        Some(all * mean_servers / self.most_servers())
    }

    /// What a second of them costs, as they are rented [$].
    pub fn fleet_second_dollars(&self, mean_servers: f64) -> Option<f64> {
        let hour = self.fleet_hour_dollars(mean_servers, self.commitment)?;
        Some(hour / SECONDS_PER_HOUR)
    }

    /// How many servers there are at most.
    pub fn most_servers(&self) -> f64 {
        self.servers.iter().map(|of| f64::from(of.servers)).sum()
    }

    /// GPUs whose price nobody says.
    pub fn unpriced_gpus(&self) -> Vec<&str> {
        let unpriced = |of: &&PaidServers| self.server_hour_dollars(of, self.commitment).is_none();
        let mut names: Vec<&str> = self.servers.iter().filter(unpriced).map(|of| of.gpu.as_str()).collect();
        names.dedup();
        names
    }
}

impl CostFigures {
    fn of(prices: &PriceBook) -> Self {
        Self {
            egress_per_gb: prices.egress_per_gb.clone(),
            egress_bytes_per_token: prices.egress_bytes_per_token.clone(),
            storage_per_gb_month: prices.storage_per_gb_month.clone(),
            vectors_per_gb_month: prices.vectors_per_gb_month.clone(),
            log_ingest_per_gb: prices.log_ingest_per_gb.clone(),
            log_bytes_per_request: prices.log_bytes_per_request.clone(),
            retention_days: prices.retention_days.clone(),
            metrics_per_series_month: prices.metrics_per_series_month.clone(),
            metrics_series_per_server: prices.metrics_series_per_server.clone(),
            usual_people_per_month: prices.people_per_month.clone(),
            cold_start_s: prices.cold_start_s.clone(),
            idle_share: prices.idle_share.clone(),
            busy_share: prices.busy_share.clone(),
            energy_overhead: prices.energy_overhead.clone(),
        }
    }

    /// Those that the money of a day comes from, each with its name in a scenario, or in the price list.
    pub fn named(&self) -> [(&'static str, &CostFigure); 13] {
        [
            ("egress_per_gb", &self.egress_per_gb),
            ("egress_bytes_per_token", &self.egress_bytes_per_token),
            ("storage_per_gb_month", &self.storage_per_gb_month),
            ("log_ingest_per_gb", &self.log_ingest_per_gb),
            ("log_bytes_per_request", &self.log_bytes_per_request),
            ("retention_days", &self.retention_days),
            ("metrics_per_series_month", &self.metrics_per_series_month),
            ("metrics_series_per_server", &self.metrics_series_per_server),
            ("people_per_month", &self.usual_people_per_month),
            ("cold_start_s", &self.cold_start_s),
            ("idle_share", &self.idle_share),
            ("busy_share", &self.busy_share),
            ("energy_overhead", &self.energy_overhead),
        ]
    }
}

impl GpuPrice {
    /// What an hour costs if it is rented so [$].
    pub const fn per_hour(&self, commitment: Commitment) -> Option<f64> {
        match commitment {
            Commitment::OnDemand => self.on_demand,
            Commitment::Reserved => self.reserved,
            Commitment::Spot => self.spot,
        }
    }
}

impl ApiPrice {
    /// What so many tokens cost [$].
    pub fn of_tokens(&self, input: f64, cached_input: f64, output: f64) -> f64 {
        (input * self.input + cached_input * self.cached_input + output * self.output) / MILLION
    }
}
