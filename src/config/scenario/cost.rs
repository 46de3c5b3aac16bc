//! `[cost]`: what GPUs, tokens, people and the rest cost, and how much is asked for in a day.

use super::deployment::Deployment;
use super::operation::Operation;
use crate::config::files::fingerprint::Fingerprint;
use crate::config::files::price_file::{self, EMBEDDED, EMBEDDED_NAME, MOST_DOLLARS};
use crate::config::reader::diagnostic::{Diagnostic, did_you_mean};
use crate::config::reader::fields::Fields;
use crate::config::reader::reading::Resolved;
use crate::fleet::FaultKind;
use crate::money::{ApiPrice, Commitment, CostFigure, CostRules, PaidServers, PriceBook};
use crate::settings::{Kind, Setting, Word};
use crate::stats::rounded;
use crate::units::Span;

/// The table `[cost]`: what things cost.
pub(super) const COST: Setting = Setting::new(
    "cost",
    Kind::Table(&[
        &PRICES,
        &GPU_HOUR,
        &COMMITMENT,
        &API,
        &API_CLASS,
        &USERS_PER_DAY,
        &REQUESTS_PER_USER,
        &PEOPLE_PER_MONTH,
        &EGRESS_PER_GB,
        &STORAGE_PER_GB_MONTH,
        &LOG_BYTES_PER_REQUEST,
        &RETENTION_DAYS,
        &REGION,
        &ELECTRICITY_PER_KWH,
        &POWER_IDLE_W,
        &POWER_PEAK_W,
        &COLD_START,
    ]),
    "What things cost, and how much is asked for in a day: results then say what a request, a token, a user and a \
     month cost, beside an API. What is left out comes from the price list",
);
const PRICES: Setting = Setting::new(
    "prices",
    Kind::Path,
    "A price list of your own: an edited copy of configs/prices.toml",
)
.depends("the list that comes with the program");
const GPU_HOUR: Setting = Setting::new(
    "gpu_hour",
    DOLLARS,
    "What an hour of a GPU costs, of whatever kind, rented as the commitment says",
)
.unit("$")
.depends("as the price list says for the GPU and the commitment");
const COMMITMENT: Setting = Setting::new(
    "commitment",
    Kind::Choice(COMMITMENTS),
    "How GPUs are rented, which decides which of their prices holds",
)
.default("\"on_demand\"", "what anybody can rent at once");
const COMMITMENTS: &[Word] = &[
    Word {
        name: "on_demand",
        help: "Whenever they are wanted",
    },
    Word {
        name: "reserved",
        help: "For a year or more",
    },
    Word {
        name: "spot",
        help: "As long as nobody else wants them; [[fleet.fault]] with kind = \"reclaim\" shows what that does",
    },
];
const API: Setting = Setting::new(
    "api",
    Kind::Table(&[&INPUT, &OUTPUT, &CACHED_INPUT]),
    "What an API takes for a million tokens, to compare with",
)
.depends("as the price list says for a model of the size");
const INPUT: Setting = Setting::new("input", DOLLARS, "A million tokens of prompts")
    .unit("$")
    .required("write input = 3, in dollars per million tokens");
const OUTPUT: Setting = Setting::new("output", DOLLARS, "A million tokens of answers")
    .unit("$")
    .required("write output = 15, in dollars per million tokens");
const CACHED_INPUT: Setting = Setting::new(
    "cached_input",
    DOLLARS,
    "A million tokens of prompts that a cache has: those that the prefix cache of the simulated servers has found",
)
.unit("$")
.depends("as input");
const API_CLASS: Setting = Setting::new(
    "api_class",
    Kind::Text,
    "The kind of model in the price list that an API is asked for, such as \"frontier\"",
)
.depends("the one of the model's size");
const USERS_PER_DAY: Setting = Setting::new(
    "users_per_day",
    Kind::Positive { max: MOST_USERS },
    "How many users are active in a day",
)
.unit("users")
.depends("the money of a day is that of the simulated rate for 24 hours");
const REQUESTS_PER_USER: Setting = Setting::new(
    "requests_per_user",
    Kind::Positive {
        max: MOST_REQUESTS_OF_USER,
    },
    "How many requests each of them sends in a day",
)
.unit("requests")
.depends("it has to be written beside users_per_day");
const PEOPLE_PER_MONTH: Setting = Setting::new(
    "people_per_month",
    DOLLARS,
    "What people who run servers of your own cost in a month of 30 days",
)
.unit("$")
.depends("nobody is counted, and where servers break even with people is said beside");
const EGRESS_PER_GB: Setting = Setting::new("egress_per_gb", DOLLARS, "What a GB costs that leaves the data centre")
    .unit("$")
    .depends("as the price list says");
const STORAGE_PER_GB_MONTH: Setting = Setting::new(
    "storage_per_gb_month",
    DOLLARS,
    "What it costs to keep a GB for a month of 30 days, of logs for one",
)
.unit("$")
.depends("as the price list says");
const LOG_BYTES_PER_REQUEST: Setting = Setting::new(
    "log_bytes_per_request",
    Kind::Number { min: 0.0, max: 1e9 },
    "How much is logged of a request; more, if prompts and answers are",
)
.unit("bytes")
.depends("as the price list says");
const RETENTION_DAYS: Setting = Setting::new(
    "retention_days",
    Kind::Number { min: 0.0, max: 1e5 },
    "How long logs are kept",
)
.unit("days")
.depends("as the price list says");
const REGION: Setting = Setting::new(
    "region",
    Kind::Text,
    "Where the servers stand: a region of the price list, which says what power costs there and what comes of it",
)
.depends("as the price list says");
const ELECTRICITY_PER_KWH: Setting = Setting::new(
    "electricity_per_kwh",
    DOLLARS,
    "What a kWh costs, for GPUs of your own: it then comes on top of what an hour of them costs",
)
.unit("$")
.depends("rented GPUs come with their power");
const POWER_IDLE_W: Setting = Setting::new("power_idle_w", WATTS, "What a GPU takes that has nothing to do")
    .unit("W")
    .depends("a share of its peak, as the price list says");
const POWER_PEAK_W: Setting = Setting::new(
    "power_peak_w",
    WATTS,
    "What a GPU takes at work, as measured with requests like these",
)
.unit("W")
.depends("a share of the peak on its datasheet, as the price list says");
const COLD_START: Setting = Setting::new(
    "cold_start",
    Kind::Duration,
    "How long a server that is started has been paid for before it takes requests",
)
.depends("`fleet.autoscale.start`, else the longest `restart` of faults, else as the price list says");

const DOLLARS: Kind = Kind::Number {
    min: 0.0,
    max: MOST_DOLLARS,
};
const WATTS: Kind = Kind::Number { min: 0.0, max: 1e5 };
/// More than there are people.
const MOST_USERS: f64 = 1e10;
/// Ten a second.
const MOST_REQUESTS_OF_USER: f64 = 1e6;
/// A thousand requests of everybody on earth.
const MOST_REQUESTS_OF_DAY: f64 = 1e13;
/// A larger file is no price list.
const LARGEST_FILE_BYTES: u64 = 1 << 20;

/// Reads `[cost]`, if it is written, for servers whose prices it then has.
pub fn read(
    root: &Fields<'_>,
    deployments: &[&Deployment],
    operation: &Operation,
) -> Result<Option<CostRules>, Diagnostic> {
    let Some(fields) = root.optional_section(COST.name)? else {
        return Ok(None);
    };
    let own: Vec<&str> = deployments.iter().map(|deployment| deployment.gpu.name()).collect();
    let prices = read_prices(&fields, &own)?;
    let mut rules = defaults(&prices, deployments, operation);
    rules.is_assumed = false;
    rules.gpu_hour = fields.find(&GPU_HOUR)?.declared_number()?.optional();
    rules.commitment = fields
        .find(&COMMITMENT)?
        .declared_choice(Commitment::ALL)?
        .or_default(Commitment::ALL);
    read_api(&fields, &prices, &mut rules)?;
    rules.users = read_users(&fields)?;
    rules.people_per_month = fields.find(&PEOPLE_PER_MONTH)?.declared_number()?.optional();
    read_region(&fields, &prices, &mut rules)?;
    rules.power_idle_w = fields.find(&POWER_IDLE_W)?.declared_number()?.optional();
    rules.power_busy_w = fields.find(&POWER_PEAK_W)?.declared_number()?.optional();
    let figures = &mut rules.figures;
    for (setting, figure) in [
        (&EGRESS_PER_GB, &mut figures.egress_per_gb),
        (&STORAGE_PER_GB_MONTH, &mut figures.storage_per_gb_month),
        (&LOG_BYTES_PER_REQUEST, &mut figures.log_bytes_per_request),
        (&RETENTION_DAYS, &mut figures.retention_days),
    ] {
        overlay(setting, fields.find(setting)?.declared_number()?.optional(), figure);
    }
    let cold_start = fields.find(&COLD_START)?.duration()?.optional();
    overlay(&COLD_START, cold_start.map(Span::seconds), &mut figures.cold_start_s);
    fields.finish()?;
    Ok(Some(rules))
}

/// What holds for servers of whose money nobody says anything.
pub fn assumed(deployments: &[&Deployment], operation: &Operation) -> CostRules {
    defaults(&price_file::embedded(), deployments, operation)
}

fn defaults(prices: &PriceBook, deployments: &[&Deployment], operation: &Operation) -> CostRules {
    let pools = operation.pools();
    let paid = |(place, deployment): (usize, &&Deployment)| {
        let gpu = deployment.gpu.name();
        PaidServers {
            pool: pools.get(place).map(|pool| pool.name.clone()),
            servers: pools
                .get(place)
                .map_or_else(|| operation.servers(), |pool| pool.servers),
            gpus: deployment.tensor_parallel,
            gpu: gpu.to_owned(),
            price: prices.gpus.iter().find(|price| price.name == gpu).cloned(),
        }
    };
    let servers = deployments.iter().enumerate().map(paid).collect();
    let largest = deployments.iter().map(|deployment| deployment.model.parameters()).max();
    let mut rules = CostRules::default_for(prices, servers, largest.unwrap_or(0) as f64);
    if let Some((seconds, source)) = start_time(operation) {
        rules.figures.cold_start_s = CostFigure {
            value: seconds,
            source: source.to_owned(),
            is_written: true,
        };
    }
    rules
}

/// How long servers of the scenario take to start, and which key says so.
fn start_time(operation: &Operation) -> Option<(f64, &'static str)> {
    let fleet = operation.fleet.as_ref()?;
    if let Some(rules) = &fleet.autoscale
        && rules.start > Span::ZERO
    {
        return Some((rules.start.seconds(), "fleet.autoscale.start"));
    }
    let restarts = fleet.hardships.faults.iter().filter_map(|fault| match fault.kind {
        FaultKind::Crash { restart } | FaultKind::Reclaim { restart, .. } => restart,
        FaultKind::Slow { .. } | FaultKind::OutOfMemory { .. } | FaultKind::Partition { .. } => None,
    });
    let longest = restarts.filter(|restart| *restart > Span::ZERO).max()?;
    Some((longest.seconds(), "the longest restart of faults"))
}

fn read_prices(fields: &Fields<'_>, own: &[&str]) -> Result<PriceBook, Diagnostic> {
    let outer = fields.reading();
    let key = fields.find(&PRICES)?;
    let place = key.node.map(|node| node.place);
    let (prices, content) = match key.path()?.unnoted() {
        None => (price_file::embedded(), EMBEDDED.to_owned()),
        Some(path) => {
            let name = path.display().to_string();
            let content = outer.files.text(&path, LARGEST_FILE_BYTES).map_err(|error| {
                fields
                    .error(PRICES.name, format!("cannot read {name}: {error}"))
                    .help("write the path of an edited copy of configs/prices.toml")
            })?;
            outer.note_file(&path);
            let base = path.parent().unwrap_or(&path);
            (price_file::parse(&name, content.clone(), base, own)?, content)
        }
    };
    let mut fingerprint = Fingerprint::EMPTY;
    fingerprint.add(content.as_bytes());
    outer.note(Resolved {
        key: format!("{}.{}", fields.path(), PRICES.name),
        value: format!(
            "{} of {}",
            if place.is_some() { &prices.file } else { EMBEDDED_NAME },
            prices.date
        ),
        content: Some(fingerprint.to_string()),
        origin: place.map_or_else(
            || "the list that comes with the program".to_owned(),
            |place| outer.texts.line_of(place),
        ),
        is_default: place.is_none(),
    });
    Ok(prices)
}

fn read_api(fields: &Fields<'_>, prices: &PriceBook, rules: &mut CostRules) -> Result<(), Diagnostic> {
    let name = fields.find(&API_CLASS)?.text()?.optional();
    let table = fields.table(&API)?;
    if let Some(name) = name {
        if table.is_some() {
            let message = "`cost.api` and `cost.api_class` are two prices of the same";
            return Err(fields.error(API_CLASS.name, message).help("keep one of the two"));
        }
        let Some(class) = prices.api.iter().find(|class| class.name == name) else {
            let names = prices.api.iter().map(|class| class.name.as_str());
            return Err(unknown(fields, &API_CLASS, &name, names, &prices.file));
        };
        rules.api = class.price;
        rules.api_source = format!("{}: {}", class.name, class.source);
        rules.is_api_written = true;
    }
    let Some(table) = table else {
        return Ok(());
    };
    let input = table.find(&INPUT)?.declared_number()?.needed()?;
    rules.api = ApiPrice {
        input,
        output: table.find(&OUTPUT)?.declared_number()?.needed()?,
        cached_input: table
            .find(&CACHED_INPUT)?
            .declared_number()?
            .optional()
            .unwrap_or(input),
    };
    "cost.api".clone_into(&mut rules.api_source);
    rules.is_api_written = true;
    table.finish()
}

fn read_users(fields: &Fields<'_>) -> Result<Option<(f64, f64)>, Diagnostic> {
    let users = fields.find(&USERS_PER_DAY)?.declared_number()?.optional();
    let requests = fields.find(&REQUESTS_PER_USER)?.declared_number()?.optional();
    let (written, missing, example) = match (users, requests) {
        (Some(users), Some(requests)) if users * requests > MOST_REQUESTS_OF_DAY => {
            let message = format!(
                "{} users with {} requests each are {} requests a day",
                rounded(users),
                rounded(requests),
                rounded(users * requests)
            );
            let help = format!(
                "write numbers whose product is {} at most",
                rounded(MOST_REQUESTS_OF_DAY)
            );
            return Err(fields.error(REQUESTS_PER_USER.name, message).help(help));
        }
        (Some(users), Some(requests)) => return Ok(Some((users, requests))),
        (None, None) => return Ok(None),
        (Some(_), None) => (&USERS_PER_DAY, &REQUESTS_PER_USER, "requests_per_user = 10"),
        (None, Some(_)) => (&REQUESTS_PER_USER, &USERS_PER_DAY, "users_per_day = 1000"),
    };
    let message = format!("`cost.{}` says nothing without `cost.{}`", written.name, missing.name);
    let help = format!("write {example} beside it, or leave both out");
    Err(fields.error(written.name, message).help(help))
}

fn read_region(fields: &Fields<'_>, prices: &PriceBook, rules: &mut CostRules) -> Result<(), Diagnostic> {
    if let Some(name) = fields.find(&REGION)?.text()?.optional() {
        let Some(region) = prices.region(&name) else {
            let names = prices.regions.iter().map(|region| region.name.as_str());
            return Err(unknown(fields, &REGION, &name, names, &prices.file));
        };
        rules.region = region.clone();
    }
    let electricity = fields.find(&ELECTRICITY_PER_KWH)?.declared_number()?.optional();
    rules.pays_for_power = electricity.is_some();
    overlay(&ELECTRICITY_PER_KWH, electricity, &mut rules.region.electricity_per_kwh);
    Ok(())
}

fn unknown<'a>(
    fields: &Fields<'_>,
    setting: &Setting,
    name: &str,
    known: impl Iterator<Item = &'a str> + Clone,
    file: &str,
) -> Diagnostic {
    let message = format!("`cost.{}`: {file} has no {name:?}", setting.name);
    let error = fields.error(setting.name, message);
    let error = match did_you_mean(name, known.clone()) {
        Some(hint) => error.help(hint),
        None => error,
    };
    error.help(format!("it has: {}", known.collect::<Vec<_>>().join(", ")))
}

/// Puts what is written in the place of what is listed.
fn overlay(setting: &Setting, written: Option<f64>, figure: &mut CostFigure) {
    if let Some(value) = written {
        *figure = CostFigure {
            value,
            source: format!("cost.{}", setting.name),
            is_written: true,
        };
    }
}
