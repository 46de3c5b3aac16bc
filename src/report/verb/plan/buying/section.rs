//! What to buy, as a screen and a page show it.

use super::NEVER_TRIED;
use super::shown_margin::margin_in_words;
use crate::report::text::numbers::{or_unknown, percent, price};
use crate::report::text::table::{Cell, Column, Table};
use crate::report::verb::plan::report::PlanReport;
use crate::report::verb::plan::section::PlanSection;
use crate::report::verb::serve_command::ServeCommand;
use crate::stats::rounded;
use crate::study::{Capacity, NotTried, Offer, Shopping};

const HEADING: &str = "What to buy";
/// More of what was not simulated is in the JSON alone.
const MOST_LISTED: usize = 20;

/// What came of the search, if it was asked for.
pub(in crate::report::verb::plan) fn section(report: &PlanReport) -> Option<PlanSection> {
    let shopping = match report.shopping.as_ref()? {
        Ok(shopping) => shopping,
        Err(why) => return Some(PlanSection::saying(HEADING, vec![format!("not known: {why}")])),
    };
    let mut tables = vec![offers(shopping)];
    if !shopping.not_tried.is_empty() {
        tables.push(not_tried(&shopping.not_tried));
    }
    Some(PlanSection {
        tables,
        ..PlanSection::saying(HEADING, in_words(shopping))
    })
}

fn in_words(shopping: &Shopping) -> Vec<String> {
    let mut lines = Vec::new();
    match shopping.best() {
        Some(best) => {
            lines.push(best_in_words(best));
            lines.extend(commands(best));
        }
        None => lines.push("no fleet that was tried meets the SLOs and has a price".to_owned()),
    }
    lines.push(load_in_words(shopping));
    let rules = shopping.own().purchase.input.scenario.cost_rules();
    let commitment = rules.commitment.name();
    lines.push(format!(
        "prices are those of {} of {}, {commitment}",
        rules.file, rules.date
    ));
    let own = shopping.own();
    if own.purchase.input.scenario.deployment.step_times.kind().is_all_there_is {
        let what = "server.step_time is given, so that every GPU is as fast: memory and prices alone tell them apart";
        lines.push(what.to_owned());
    }
    lines.push(String::from(
        "verified: searched with all seeds, and the fewest simulated together; the others with one seed. A margin is \
         how much more the servers carry, if each carries what one does alone; close: with one down it may be none",
    ));
    lines.push(format!("never tried: {}", NEVER_TRIED.join("; ")));
    lines
}

fn best_in_words(best: &Offer) -> String {
    let servers = best.servers().unwrap_or(0);
    let margin = margin_in_words(best, servers);
    let one_down = best.fewest.and_then(|fewest| margin_in_words(best, fewest));
    let own = if best.purchase.is_own {
        ", as in the scenario"
    } else {
        ""
    };
    format!(
        "{servers} servers of {} x {}, {} weights{own} ({} carry the load): {} an hour, {} a month; margin {}, and {} \
         with one down",
        best.purchase.gpus(),
        best.purchase.gpu(),
        best.purchase.input.scenario.deployment.weights,
        or_unknown(best.fewest.map(f64::from), rounded),
        or_unknown(best.per_hour(), price),
        or_unknown(best.per_month(), price),
        margin.unwrap_or_else(|| "unknown".to_owned()),
        one_down.unwrap_or_else(|| "unknown".to_owned())
    )
}

fn commands(best: &Offer) -> Vec<String> {
    match ServeCommand::of(&best.purchase.input.scenario) {
        Ok(command) => {
            let mut lines = vec![format!("each server: {}", command.to_shell())];
            lines.extend(command.remarks);
            lines
        }
        Err(why) => vec![format!("no command: {why}")],
    }
}

fn load_in_words(shopping: &Shopping) -> String {
    let load = &shopping.load;
    let amount = load.kind.with_unit(load.load);
    if load.is_of_busiest_stage() {
        format!(
            "the load is {amount}, that of the busiest stage of the profile, as if it lasted; the mean over time, at \
             which a million tokens is priced, is {} of it",
            percent(load.mean_share)
        )
    } else {
        format!("the load is the scenario's own, {amount}")
    }
}

fn offers(shopping: &Shopping) -> Table {
    let unit = shopping.load.kind.unit();
    let columns = vec![
        Column::words("servers"),
        Column::numbers("one carries"),
        Column::numbers("N+1"),
        Column::numbers("GPUs"),
        Column::numbers("$/hour"),
        Column::numbers("$/month"),
        Column::numbers("$/1M tokens"),
        Column::words("margin"),
        Column::words("one down"),
        Column::words(""),
    ];
    Table {
        caption: format!(
            "fleets with one server more than carries the load, the cheapest first; one carries in {unit}"
        ),
        columns,
        rows: shopping.offers.iter().map(row).collect(),
    }
}

fn row(offer: &Offer) -> Vec<Cell> {
    let whole = |number: Option<u32>| Cell::number(number.map(f64::from), rounded);
    let dollars = |number: Option<f64>| Cell::number(number, price);
    let margin = |servers: Option<u32>| {
        let words = servers.and_then(|servers| margin_in_words(offer, servers));
        Cell::words(words.unwrap_or_else(|| "-".to_owned()))
    };
    let capacity = offer.capacity.as_ref().ok();
    vec![
        Cell::words(offer.purchase.label.clone()),
        Cell::number(capacity.map(Capacity::mean), rounded),
        whole(offer.servers()),
        whole(offer.gpus()),
        dollars(offer.per_hour()),
        dollars(offer.per_month()),
        dollars(offer.per_million_tokens()),
        margin(offer.servers()),
        margin(offer.fewest),
        Cell::words(remarks(offer)),
    ]
}

fn remarks(offer: &Offer) -> String {
    let mut said = Vec::new();
    if offer.purchase.is_own {
        said.push("the scenario's own".to_owned());
    }
    match &offer.capacity {
        Err(why) => said.push(format!("not known: {why}")),
        Ok(_) if offer.fewest.is_none() => said.push("no number of servers meets the SLOs".to_owned()),
        Ok(_) if offer.is_verified => said.push("verified".to_owned() + if is_close(offer) { ", close" } else { "" }),
        Ok(_) => {}
    }
    if offer.purchase.server_hour.is_none() {
        said.push(format!("no price of {}", offer.purchase.gpu()));
    }
    said.join(", ")
}

/// Whether it may be chance that the servers that are left carry the load.
fn is_close(offer: &Offer) -> bool {
    let one_down = offer.fewest.and_then(|fewest| offer.margin(fewest));
    one_down.is_some_and(|(margin, interval)| interval.map_or(margin, |it| it.low) < 0.0)
}

fn not_tried(all: &[NotTried]) -> Table {
    let row = |it: &NotTried| vec![Cell::words(it.label.clone()), Cell::words(it.why.clone())];
    let mut rows: Vec<Vec<Cell>> = all.iter().take(MOST_LISTED).map(row).collect();
    if let Some(more) = all.len().checked_sub(MOST_LISTED).filter(|&more| more > 0) {
        let last = &all[all.len() - 1].label;
        let said = [
            format!("... {last}"),
            format!("{more} more, which --format json has with the reason of each"),
        ];
        rows.push(said.map(Cell::words).to_vec());
    }
    Table {
        caption: format!("{} not simulated", all.len()),
        columns: ["servers", "because"].map(Column::words).to_vec(),
        rows,
    }
}
