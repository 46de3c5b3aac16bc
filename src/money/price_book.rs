//! Prices as they were listed on some day, each with its source.

use crate::units::Day;

/// Prices older than this have to be looked up again [days].
const OLD_AFTER_DAYS: i64 = 90;

/// A number of the price list, or what somebody wrote in its place.
#[derive(Clone, Debug, PartialEq)]
pub struct CostFigure {
    /// The number, in the unit of its place.
    pub value: f64,
    /// Who says so.
    pub source: String,
    /// Whether the scenario says so, and not a list.
    pub is_written: bool,
}

/// A list of prices.
#[derive(Clone, Debug, PartialEq)]
pub struct PriceBook {
    /// The file that it was read from.
    pub file: String,
    /// When its prices were looked up.
    pub date: Day,
    /// GPUs by the hour.
    pub gpus: Vec<GpuPrice>,
    /// APIs by the kind of model, the smallest model first.
    pub api: Vec<ApiClass>,
    /// Where servers may stand.
    pub regions: Vec<Region>,
    /// The region of who names none.
    pub usual_region: String,
    /// Data that leave the data centre [$/GB].
    pub egress_per_gb: CostFigure,
    /// What a streamed token takes on its way [bytes].
    pub egress_bytes_per_token: CostFigure,
    /// Object storage [$/GB and month].
    pub storage_per_gb_month: CostFigure,
    /// Storage in a hosted vector database [$/GB and month].
    pub vectors_per_gb_month: CostFigure,
    /// Taking in logs [$/GB].
    pub log_ingest_per_gb: CostFigure,
    /// What is logged of a request [bytes].
    pub log_bytes_per_request: CostFigure,
    /// How long logs are kept [days].
    pub retention_days: CostFigure,
    /// Metrics by the time series [$/series and month].
    pub metrics_per_series_month: CostFigure,
    /// Time series of a server.
    pub metrics_series_per_server: CostFigure,
    /// The part of an engineer's time that GPUs of one's own take [$/month].
    pub people_per_month: CostFigure,
    /// How long a server works on nothing while it starts, if nobody says [s].
    pub cold_start_s: CostFigure,
    /// What a GPU without work takes of its peak power.
    pub idle_share: CostFigure,
    /// What a GPU at work takes of its peak power.
    pub busy_share: CostFigure,
    /// What a whole data centre takes of power for each watt of its GPUs.
    pub energy_overhead: CostFigure,
}

/// What an hour of a GPU costs, by how it is rented, and what it takes of power.
#[derive(Clone, Debug, PartialEq)]
pub struct GpuPrice {
    /// The GPU's name.
    pub name: String,
    /// Whenever it is wanted [$/h].
    pub on_demand: Option<f64>,
    /// For a year or more [$/h].
    pub reserved: Option<f64>,
    /// As long as nobody else wants it [$/h].
    pub spot: Option<f64>,
    /// Who says so.
    pub source: String,
    /// The most power that it takes [W].
    pub peak_w: Option<CostFigure>,
}

/// What an API takes for models of a kind.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiClass {
    /// What the kind is called.
    pub name: String,
    /// How many parameters its models have at most; `None` if no size belongs to it.
    pub most_parameters: Option<f64>,
    /// What it takes.
    pub price: ApiPrice,
    /// Who says so.
    pub source: String,
}

/// What an API takes for a million tokens [$].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ApiPrice {
    /// Of prompts.
    pub input: f64,
    /// Of answers.
    pub output: f64,
    /// Of prompts that are found in a cache.
    pub cached_input: f64,
}

/// A place where servers stand.
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    /// What it is called.
    pub name: String,
    /// What comes of the power that it takes [kg of CO2 for a kWh].
    pub carbon_kg_per_kwh: CostFigure,
    /// What power costs there [$/kWh].
    pub electricity_per_kwh: CostFigure,
}

impl PriceBook {
    /// What to tell whoever reads its prices on a day when they are old; `None` if they are not.
    pub fn warning_on(&self, today: Day) -> Option<String> {
        warning_of_old_prices(&self.file, self.date, today)
    }

    /// The kind of model that so many parameters make; the largest, if they are more than any has.
    pub fn api_for(&self, parameters: f64) -> Option<&ApiClass> {
        let sized = || self.api.iter().filter(|class| class.most_parameters.is_some());
        let fitting = sized().find(|class| class.most_parameters.is_some_and(|most| parameters <= most));
        fitting.or_else(|| sized().next_back())
    }

    /// The region of that name.
    pub fn region(&self, name: &str) -> Option<&Region> {
        self.regions.iter().find(|region| region.name == name)
    }
}

/// What to say of prices of a day that are read on another; `None` if they are not old.
pub(super) fn warning_of_old_prices(file: &str, date: Day, today: Day) -> Option<String> {
    let age = today.days_after(date);
    // A day ahead may be one in another time zone.
    if age < -1 {
        return Some(format!(
            "the prices of {file} are of {date}, which is still to come: whether they are old cannot be told; write \
             the day on which they were looked up"
        ));
    }
    (age > OLD_AFTER_DAYS).then(|| {
        format!(
            "the prices of {file} are of {date}, {age} days ago: look them up again, and write your own copy with its \
             date as cost.prices = \"my_prices.toml\""
        )
    })
}
