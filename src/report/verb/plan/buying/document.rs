//! What to buy, in the plan's JSON.

use serde::Serialize;

use super::NEVER_TRIED;
use crate::report::verb::plan::part::PlanPart;
use crate::report::verb::plan::report::PlanReport;
use crate::report::verb::serve_command::ServeCommand;
use crate::stats::Interval;
use crate::study::{Answered, Capacity, NotTried, Offer, Shopping};

#[derive(Serialize)]
pub(in crate::report::verb::plan) struct BuyingDocument {
    over: Vec<String>,
    load: LoadToCarryDocument,
    prices: OfferPrices,
    /// The cheapest; null if none meets the SLOs, or none has a price.
    best: Option<OfferDocument>,
    /// What else was looked at, the cheapest first.
    tried: Vec<OfferDocument>,
    not_tried: Vec<NotTriedDocument>,
    never_tried: Vec<&'static str>,
    commands: Option<PlanPart<CommandsDocument>>,
}

#[derive(Serialize)]
struct LoadToCarryDocument {
    of: &'static str,
    value: f64,
    of_busiest_stage: bool,
    mean_share: f64,
}

#[derive(Serialize)]
struct OfferPrices {
    file: String,
    date: String,
    commitment: &'static str,
}

#[derive(Serialize)]
struct OfferDocument {
    label: String,
    own: bool,
    gpu: String,
    tensor_parallel: u32,
    weights: &'static str,
    kv_cache: &'static str,
    /// What one server carries.
    capacity: Option<f64>,
    capacity_ci95: Option<[f64; 2]>,
    /// Why it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown: Option<String>,
    /// The fewest that carry the load.
    fewest: Option<u32>,
    /// With one that may fail.
    servers: Option<u32>,
    gpus: Option<u32>,
    server_hour: Option<f64>,
    per_hour: Option<f64>,
    per_month: Option<f64>,
    per_million_tokens: Option<f64>,
    margin: Option<f64>,
    margin_ci95: Option<[f64; 2]>,
    margin_one_down: Option<f64>,
    margin_one_down_ci95: Option<[f64; 2]>,
    verified: bool,
    behind_router: bool,
}

#[derive(Serialize)]
struct NotTriedDocument {
    label: String,
    why: String,
}

#[derive(Serialize)]
struct CommandsDocument {
    serve: String,
    servers: u32,
    remarks: Vec<String>,
}

/// What came of the search, if it was asked for.
pub(in crate::report::verb::plan) fn document(report: &PlanReport) -> Option<PlanPart<BuyingDocument>> {
    let shopping: &Answered<Shopping> = report.shopping.as_ref()?;
    Some(PlanPart::of(shopping, buying))
}

fn buying(shopping: &Shopping) -> BuyingDocument {
    let load = &shopping.load;
    BuyingDocument {
        over: shopping.keys.clone(),
        load: LoadToCarryDocument {
            of: load.kind.name(),
            value: load.load,
            of_busiest_stage: load.is_of_busiest_stage(),
            mean_share: load.mean_share,
        },
        prices: prices(shopping),
        best: shopping.best().map(offer),
        tried: shopping.offers.iter().map(offer).collect(),
        not_tried: shopping.not_tried.iter().map(not_tried).collect(),
        never_tried: NEVER_TRIED.to_vec(),
        commands: shopping.best().map(|best| {
            PlanPart::of(&ServeCommand::of(&best.purchase.input.scenario), |command| {
                commands(command, best)
            })
        }),
    }
}

fn prices(shopping: &Shopping) -> OfferPrices {
    let rules = shopping.own().purchase.input.scenario.cost_rules();
    OfferPrices {
        file: rules.file.clone(),
        date: rules.date.to_string(),
        commitment: rules.commitment.name(),
    }
}

fn offer(offer: &Offer) -> OfferDocument {
    let deployment = &offer.purchase.input.scenario.deployment;
    let capacity = offer.capacity.as_ref().ok();
    let margin = |servers: Option<u32>| servers.and_then(|servers| offer.margin(servers));
    let (all, one_down) = (margin(offer.servers()), margin(offer.fewest));
    let interval = |it: Interval| [it.low, it.high];
    OfferDocument {
        label: offer.purchase.label.clone(),
        own: offer.purchase.is_own,
        gpu: offer.purchase.gpu().to_owned(),
        tensor_parallel: offer.purchase.gpus(),
        weights: deployment.weights.name(),
        kv_cache: deployment.kv_cache.name(),
        capacity: capacity.map(Capacity::mean),
        capacity_ci95: capacity.and_then(Capacity::interval).map(interval),
        unknown: offer.capacity.as_ref().err().cloned(),
        fewest: offer.fewest,
        servers: offer.servers(),
        gpus: offer.gpus(),
        server_hour: offer.purchase.server_hour,
        per_hour: offer.per_hour(),
        per_month: offer.per_month(),
        per_million_tokens: offer.per_million_tokens(),
        margin: all.map(|(margin, _)| margin),
        margin_ci95: all.and_then(|(_, it)| it).map(interval),
        margin_one_down: one_down.map(|(margin, _)| margin),
        margin_one_down_ci95: one_down.and_then(|(_, it)| it).map(interval),
        verified: offer.is_verified,
        behind_router: offer.is_behind_router,
    }
}

fn not_tried(it: &NotTried) -> NotTriedDocument {
    NotTriedDocument {
        label: it.label.clone(),
        why: it.why.clone(),
    }
}

fn commands(command: &ServeCommand, best: &Offer) -> CommandsDocument {
    CommandsDocument {
        serve: command.to_shell(),
        servers: best.servers().expect("the best carries the load"),
        remarks: command.remarks.clone(),
    }
}
